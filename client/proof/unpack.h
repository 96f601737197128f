/* A stream of bytes being searched, with every gzip (RFC 1952) and zlib (RFC 1950) stream in it, and in these again. They are found by their first two bytes
 * wherever they start, and inflated as far as they go: what a broken one holds before it breaks is searched too. */
#ifndef CMAW_CLIENT_PROOF_UNPACK_H
#define CMAW_CLIENT_PROOF_UNPACK_H

#include "client/proof/match.h"

enum {
    CMAW_UNPACK_DEPTH = 3,  /* compressed in compressed */
    CMAW_UNPACK_ACTIVE = 16, /* streams that overlap */
    CMAW_UNPACK_STREAM_MAX = 64 * 1024 * 1024, /* bytes out of one stream */
    CMAW_UNPACK_BUDGET = 512 * 1024 * 1024,    /* bytes in and out of all streams of a search */
};

/* Of a whole search, over many streams. */
struct cmaw_unpack_totals {
    uint64_t left;    /* starts as CMAW_UNPACK_BUDGET */
    uint64_t streams; /* that ended as they should, checksum included */
    uint64_t cut;     /* that were not searched to their end, or not at all, because of a limit above */
};

struct cmaw_unpack;
void cmaw_unpack_free(struct cmaw_unpack **unpack);
#define CMAW_UNPACK_AUTO(name) [[gnu::cleanup(cmaw_unpack_free)]] struct cmaw_unpack *name = NULL

/* matcher and totals are borrowed. hit as of cmaw_scan_begin; a hit inside a compressed stream has packed set, and the offset where the outermost one
 * starts. */
enum cmaw_err cmaw_unpack_new(struct cmaw_matcher *matcher, void (*hit)(void *context, const struct cmaw_hit *hit), void *context,
                              struct cmaw_unpack_totals *totals, struct cmaw_unpack **ret_unpack);
/* Hostile bytes, of any number and in any pieces. NO_MEMORY. */
enum cmaw_err cmaw_unpack_bytes(struct cmaw_unpack *unpack, struct cmaw_slice bytes);
/* After the last bytes; *ret_size is how many there were. */
enum cmaw_err cmaw_unpack_end(struct cmaw_unpack *unpack, uint64_t *ret_size);

#endif
