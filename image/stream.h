/* Bytes of a file or of memory, unpacked on the way if they are compressed (gzip, zstd, xz, bzip2), hashed before and after, and bounded:
 * a small file that unpacks to a large one ends at its bound. Hostile. */
#ifndef CMAW_IMAGE_STREAM_H
#define CMAW_IMAGE_STREAM_H

#include "lib/base/bytes.h"
#include "lib/base/diag.h"
#include "lib/crypto/hash.h"

struct archive;
struct z_stream_s;

enum { IMAGE_STREAM_MAX = 2000 * (1 << 20) }; /* bytes of one stream, packed and unpacked: both the content of files and what is between them */

struct image_stream {
    int fd;                   /* -1: from bytes */
    struct cmaw_slice bytes;  /* what is left of them */
    uint64_t packed_size;     /* read so far */
    uint64_t plain_size;
    uint64_t plain_max;
    struct cmaw_hash packed, plain;
    struct cmaw_slice pending; /* read, and not yet unpacked */
    struct archive *filters;   /* for all but gzip … */
    struct z_stream_s *gzip;   /* … whose checksums libarchive does not look at */
    bool in_member;            /* of gzip */
    bool begun, ended;         /* something has come out; nothing more will */
    uint8_t chunk[1 << 16], unpacked[1 << 16];
};

/* Starts with a descriptor (borrowed, read from where it stands) or, with -1, with bytes. MALFORMED: compressed in a way that is not known, or
 * more than once. */
enum cmaw_err cmaw_stream_open(struct image_stream *stream, int fd, struct cmaw_slice bytes, uint64_t plain_max, struct cmaw_diag *diag);
/* The next bytes, unpacked, borrowed until the next call; the empty slice at the end. MALFORMED, TOO_LARGE, IO. */
enum cmaw_err cmaw_stream_next(struct image_stream *stream, struct cmaw_slice *ret_bytes, struct cmaw_diag *diag);
/* Reads to the end and gives the SHA-256 of what was packed and of what came out. */
enum cmaw_err cmaw_stream_finish(struct image_stream *stream, uint8_t ret_packed[CMAW_SHA256_SIZE], uint8_t ret_plain[CMAW_SHA256_SIZE],
                                 struct cmaw_diag *diag);
void cmaw_stream_close(struct image_stream *stream);

#endif
