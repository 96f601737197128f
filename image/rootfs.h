/* The root file system that an image begins with: a folder, a tar archive, an OCI layout (folder or archive) or what docker save writes. */
#ifndef CMAW_IMAGE_ROOTFS_H
#define CMAW_IMAGE_ROOTFS_H

#include "image/tar.h"
#include "image/words.h"

/* What the configuration of an OCI or Docker image says about running it; all of it hostile, none of it needed. */
struct image_config {
    struct image_words command; /* Entrypoint and Cmd */
    struct image_words env;     /* NAME=VALUE */
    char *workdir;              /* absolute; NULL: none */
    char *user;                 /* NULL: none */
};

struct image_rootfs {
    struct image_tree tree;
    struct image_config config;
    struct image_skipped skipped;
};

struct image_rootfs_request {
    const char *path;      /* as the shell sees it */
    const char *reference; /* which image, where there are several; NULL: the only one */
    bool aarch64;          /* what /init is built for; else x86-64 */
};

/* Fills *rootfs, which cmaw_image_rootfs_init has made. The diag begins with the path. Progress goes to standard error. */
enum cmaw_err cmaw_image_rootfs_read(const struct image_rootfs_request *request, struct image_rootfs *rootfs, struct cmaw_diag *diag);
/* The same for an archive in memory; path is for messages. plain_max bounds what it may unpack to. */
enum cmaw_err cmaw_image_rootfs_read_bytes(const struct image_rootfs_request *request, struct cmaw_slice archive, uint64_t plain_max,
                                           struct image_rootfs *rootfs, struct cmaw_diag *diag);
/* bytes_max bounds the content of files; the rootfs must not be moved afterwards. */
void cmaw_image_rootfs_init(struct image_rootfs *rootfs, size_t bytes_max);
void cmaw_image_rootfs_free(struct image_rootfs *rootfs);

/* folder.c: everything in an open folder. Links stay links, and files that are one file become several. */
enum cmaw_err cmaw_image_folder_read(int folder, struct image_tree *tree, struct image_skipped *skipped, struct cmaw_diag *diag);

#endif
