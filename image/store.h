/* Where the blobs of an image are: an OCI layout in a folder, or the files of an archive. Hostile: nothing is read through a symbolic link of a
 * folder, and what has a digest is checked against it. */
#ifndef CMAW_IMAGE_STORE_H
#define CMAW_IMAGE_STORE_H

#include <jansson.h>

#include "image/stream.h"
#include "image/tree.h"

enum { IMAGE_JSON_MAX = 4 << 20 }; /* bytes of an index, a manifest or a configuration */

/* One of the two. */
struct image_store {
    const struct image_tree *archive;
    int folder; /* -1: archive */
};

/* A blob of "sha256:HEX". */
struct image_digest {
    uint8_t bytes[CMAW_SHA256_SIZE];
    char path[sizeof "blobs/sha256/" + 64 + 1];
};

bool cmaw_store_has(const struct image_store *store, const char *path);
/* Starts a stream over a file of the store; closes with cmaw_store_close. NOT_FOUND, and what cmaw_stream_open says; the diag names the file. */
struct image_blob {
    int fd;
    uint64_t size; /* bytes, packed */
    struct image_stream stream;
};
enum cmaw_err cmaw_store_open(const struct image_store *store, const char *path, uint64_t plain_max, struct image_blob *blob, struct cmaw_diag *diag);
void cmaw_store_close(struct image_blob *blob);

/* The JSON of a file, with a key at most once in an object; digest NULL: not checked. The caller gives the reference back. */
enum cmaw_err cmaw_store_read_json(const struct image_store *store, const char *path, const struct image_digest *digest, json_t **ret_json,
                                   struct cmaw_diag *diag);

/* MALFORMED unless text (NULL is none) is "sha256:" and 64 lower-case hex digits; UNSUPPORTED for another algorithm. */
enum cmaw_err cmaw_digest_parse(const char *text, struct image_digest *ret_digest, struct cmaw_diag *diag);

#endif
