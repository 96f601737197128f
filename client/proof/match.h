/* Many patterns, one pass: which of them occur in a stream of bytes. The first five bytes of every pattern go into a hash table, and the
 * stream's five-byte windows are looked up there, so the time does not grow with the number of patterns. */
#ifndef CMAW_CLIENT_PROOF_MATCH_H
#define CMAW_CLIENT_PROOF_MATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/bytes.h"
#include "lib/base/diag.h"

enum { CMAW_PATTERN_MIN = 5, CMAW_PATTERN_MAX = 1024, CMAW_HIT_AROUND = 16 }; /* bytes */

struct cmaw_matcher;
void cmaw_matcher_free(struct cmaw_matcher **matcher);
#define CMAW_MATCHER_AUTO(name) [[gnu::cleanup(cmaw_matcher_free)]] struct cmaw_matcher *name = NULL

enum cmaw_err cmaw_matcher_new(struct cmaw_matcher **ret_matcher);
/* tag comes back with every hit. guarded: a hit does not count where two or more hexadecimal digits stand right before or behind it: there it is part of
 * a longer number or identifier. The bytes are copied. TOO_LARGE outside of the limits, NO_MEMORY. */
enum cmaw_err cmaw_matcher_add(struct cmaw_matcher *matcher, struct cmaw_slice pattern, uint32_t tag, bool guarded);
size_t cmaw_matcher_patterns(const struct cmaw_matcher *matcher);

/* An occurrence of a pattern; borrowed for the time of the call. */
struct cmaw_hit {
    uint32_t tag;
    uint64_t offset; /* in the stream */
    struct cmaw_slice text;
    struct cmaw_slice before, after; /* what stands around it: CMAW_HIT_AROUND bytes, less at the stream's ends */
    bool packed; /* it is inside a compressed stream that starts at offset (unpack.h) */
};

/* A stream being searched. */
struct cmaw_scan {
    const struct cmaw_matcher *matcher;
    void (*hit)(void *context, const struct cmaw_hit *hit);
    void *context;
    uint64_t size;  /* bytes seen so far */
    struct cmaw_buf carry; /* the end of what came before */
    size_t lead;    /* bytes at the front of carry that were searched already and are kept as context */
};

/* After the last cmaw_matcher_add; hit is called in order of offsets. */
enum cmaw_err cmaw_scan_begin(struct cmaw_matcher *matcher, void (*hit)(void *context, const struct cmaw_hit *hit), void *context,
                              struct cmaw_scan *ret_scan);
enum cmaw_err cmaw_scan_bytes(struct cmaw_scan *scan, struct cmaw_slice bytes);
/* Searches what is left and frees the stream's memory. */
enum cmaw_err cmaw_scan_end(struct cmaw_scan *scan);
/* Gives what is left to read from a descriptor to take, block by block; name is for messages. */
enum cmaw_err cmaw_fd_each_block(int fd, const char *name, enum cmaw_err (*take)(void *context, struct cmaw_slice block), void *context,
                                 struct cmaw_diag *diag);
/* A whole scan of what is left to read from a descriptor; name is for messages. *ret_size is how much that was. */
enum cmaw_err cmaw_scan_fd(struct cmaw_matcher *matcher, void (*hit)(void *context, const struct cmaw_hit *hit), void *context, int fd,
                           const char *name, uint64_t *ret_size, struct cmaw_diag *diag);

#endif
