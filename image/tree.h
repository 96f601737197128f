/* The root file system of an agent while it is put together, in memory. Everything that is put in is hostile: names, links and sizes come
 * from archives. Nothing of who made it or when is kept, nor in what order it came: owners, times and modes are those of the image.
 *
 * A path is relative and plain ("usr/bin/python3"): no empty, "." or ".." part. Links on the way to its last part are followed as a process
 * would whose root this is, so they never lead out of it; the last part is not followed. */
#ifndef CMAW_IMAGE_TREE_H
#define CMAW_IMAGE_TREE_H

#include "lib/base/bytes.h"
#include "lib/base/diag.h"

enum {
    IMAGE_TREE_ENTRIES_MAX = 60000,       /* of CMAW_CPIO_ENTRIES_MAX; the rest is for what else an image holds */
    IMAGE_TREE_BYTES_MAX = 500 * (1 << 20), /* content of all files */
    IMAGE_TREE_DEPTH_MAX = 64,            /* folders in each other */
    IMAGE_TREE_NAME_MAX = 255,            /* bytes of a part, as in Linux */
    IMAGE_TREE_PATH_MAX = 1000,           /* bytes: with "agent/" before it, CMAW_CPIO_NAME_MAX */
    IMAGE_TREE_LINKS_MAX = 40,            /* links on one way, as in Linux */
    IMAGE_TREE_WRITTEN_MAX = 2000 * (1 << 20), /* content that is put in, with what other content takes the place of */
    IMAGE_TREE_WORK_MAX = 20 * 1000 * 1000, /* entries looked at to hide some */
};

enum image_kind { IMAGE_FOLDER, IMAGE_FILE, IMAGE_LINK };

struct image_node {
    enum image_kind kind;
    uint32_t mode;          /* permissions */
    unsigned layer;         /* the last one that named it */
    unsigned depth;         /* of the root: 0 */
    char *name;             /* NULL: the root */
    struct cmaw_buf content; /* of a file; of a link: where it points */
    struct image_node *parent;
    struct image_node **children; /* of a folder, in the order of the bytes of their names */
    size_t count, room;
};

struct image_tree {
    struct image_node root;
    size_t entries;
    size_t bytes, bytes_max;
    size_t written; /* content ever put in */
    size_t work;    /* entries looked at to hide some */
    unsigned layer; /* that is put in now; the owner counts it up */
};

void cmaw_tree_init(struct image_tree *tree, size_t bytes_max);
void cmaw_tree_free(struct image_tree *tree);
/* Moves everything from one tree into another, empty one. */
void cmaw_tree_take(struct image_tree *tree, struct image_tree *from);

/* Each puts an entry in, makes the folders above it, and replaces what was there, a folder with all that is in it; a folder over a folder keeps what is in it.
 * MALFORMED a path that is not plain or a way that goes through a file or too many links; NOT_FOUND a link on the way that leads nowhere;
 * TOO_LARGE a limit. The diag has the path and why. */
enum cmaw_err cmaw_tree_put_folder(struct image_tree *tree, const char *path, struct cmaw_diag *diag);
/* Takes content over, also on failure. */
enum cmaw_err cmaw_tree_put_file(struct image_tree *tree, const char *path, uint32_t mode, struct cmaw_buf *content, struct cmaw_diag *diag);
/* Anything but an empty target: where it leads is not looked at. */
enum cmaw_err cmaw_tree_put_link(struct image_tree *tree, const char *path, struct cmaw_slice target, struct cmaw_diag *diag);
/* A second name of a file or link becomes a copy of it: nobody can write to either. NOT_FOUND if there is none. */
enum cmaw_err cmaw_tree_put_copy(struct image_tree *tree, const char *path, const char *from, struct cmaw_diag *diag);

/* Takes out of the tree what earlier layers have put at path, or with beside in path's folder: what this layer has put there stays. Nothing there is no fault.
 * TOO_LARGE after IMAGE_TREE_WORK_MAX entries looked at. */
enum cmaw_err cmaw_tree_hide(struct image_tree *tree, const char *path, bool beside, struct cmaw_diag *diag);
/* Takes out everything at path. */
void cmaw_tree_remove(struct image_tree *tree, const char *path);

/* What a process would find at an absolute or relative path, or NULL; a link at the end is followed too. */
const struct image_node *cmaw_tree_find(const struct image_tree *tree, const char *path);
/* Whether more bytes fit, before they are read; else TOO_LARGE, and the diag has the path and why. */
enum cmaw_err cmaw_tree_admit(const struct image_tree *tree, const char *path, uint64_t size, struct cmaw_diag *diag);
/* Appends the path of a node, without a slash before it. */
void cmaw_tree_path_put(const struct image_node *node, struct cmaw_buf *path);

#endif
