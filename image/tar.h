/* A tar archive (ustar, pax, GNU) into a tree. Hostile. */
#ifndef CMAW_IMAGE_TAR_H
#define CMAW_IMAGE_TAR_H

#include "image/stream.h"
#include "image/tree.h"

enum { IMAGE_TAR_ENTRIES_MAX = 4 * IMAGE_TREE_ENTRIES_MAX }; /* of one archive, those that replace or hide others included */

/* What was left out, for one line to the user: devices, pipes and sockets. */
struct image_skipped {
    size_t count;
    char first[64]; /* name of one, cut */
};

/* Puts every entry into the tree. as_layer: names with .wh. before them hide what earlier layers had (OCI image specification, layer.md; "opaque" too);
 * else they are names like others. Refused: absolute paths, "..", links to files that are not there, an archive that ends in the middle of an entry. The diag names
 * the entry. The stream is read up to the end of the archive. */
enum cmaw_err cmaw_tar_read(struct image_stream *stream, bool as_layer, struct image_tree *tree, struct image_skipped *skipped,
                            struct cmaw_diag *diag);
/* Counts one entry that is left out. */
void cmaw_image_skip(struct image_skipped *skipped, const char *name);
/* The permissions of a file: may be run, or not. Finer ones say who of several may do what, and an agent is alone in a root that nobody can
 * write to and whose owner it is not. setuid and its like do nothing there (no_new_privs). */
uint32_t cmaw_image_mode(uint32_t mode);

#endif
