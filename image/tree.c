#include "image/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sys/cpio.h"

enum { SHOWN_MAX = 60 }; /* bytes of a path that is too long */

/* A walk along a path. */
struct walk {
    struct image_tree *tree;
    bool create;    /* folders that are missing */
    unsigned links; /* followed so far */
};

void cmaw_tree_init(struct image_tree *tree, size_t bytes_max)
{
    *tree = (struct image_tree){.root = {.kind = IMAGE_FOLDER, .mode = 0755}, .bytes_max = bytes_max};
}

static void free_children(struct image_tree *tree, struct image_node *node);

static void free_node(struct image_tree *tree, struct image_node *node)
{
    free_children(tree, node);
    tree->entries--;
    tree->bytes -= node->content.size;
    cmaw_buf_free(&node->content);
    free(node->name);
    free(node);
}

static void free_children(struct image_tree *tree, struct image_node *node)
{
    for (size_t i = 0; i < node->count; i++) {
        free_node(tree, node->children[i]);
    }
    free(node->children);
    node->children = NULL;
    node->count = node->room = 0;
}

void cmaw_tree_free(struct image_tree *tree)
{
    free_children(tree, &tree->root);
}

void cmaw_tree_take(struct image_tree *tree, struct image_tree *from)
{
    tree->root.children = from->root.children;
    tree->root.count = from->root.count;
    tree->root.room = from->root.room;
    tree->entries = from->entries;
    tree->bytes = from->bytes;
    for (size_t i = 0; i < tree->root.count; i++) {
        tree->root.children[i]->parent = &tree->root;
    }
    cmaw_tree_init(from, from->bytes_max);
}

/* Where a name is among the children, or would be. */
static bool find_child(const struct image_node *folder, struct cmaw_slice name, size_t *ret_index)
{
    size_t low = 0, high = folder->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = cmaw_slice_cmp(cmaw_slice_of_cstr(folder->children[middle]->name), name);
        if (order == 0) {
            *ret_index = middle;
            return true;
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    *ret_index = low;
    return false;
}

static enum cmaw_err make_room(struct image_node *folder)
{
    if (folder->count < folder->room) {
        return CMAW_OK;
    }
    const size_t room = folder->room == 0 ? 8 : folder->room * 2;
    struct image_node **children = reallocarray(folder->children, room, sizeof(struct image_node *));
    CMAW_REQUIRE(children != NULL, CMAW_E_NO_MEMORY);
    folder->children = children;
    folder->room = room;
    return CMAW_OK;
}

static enum cmaw_err add_child(struct image_tree *tree, struct image_node *folder, struct cmaw_slice name, size_t index,
                               struct image_node **ret_node)
{
    CMAW_REQUIRE(tree->entries < IMAGE_TREE_ENTRIES_MAX && folder->depth < IMAGE_TREE_DEPTH_MAX, CMAW_E_TOO_LARGE);
    CMAW_TRY(make_room(folder));
    struct image_node *node = calloc(1, sizeof *node);
    char *copy = calloc(1, name.size + 1);
    if (node == NULL || copy == NULL) {
        free(node);
        free(copy);
        return CMAW_E_NO_MEMORY;
    }
    memcpy(copy, name.data, name.size);
    *node = (struct image_node){.kind = IMAGE_FOLDER, .mode = 0755, .layer = tree->layer, .depth = folder->depth + 1, .name = copy, .parent = folder};
    memmove(folder->children + index + 1, folder->children + index, (folder->count - index) * sizeof(struct image_node *));
    folder->children[index] = node;
    folder->count++;
    tree->entries++;
    *ret_node = node;
    return CMAW_OK;
}

static void remove_child(struct image_tree *tree, struct image_node *folder, size_t index)
{
    free_node(tree, folder->children[index]);
    folder->count--;
    memmove(folder->children + index, folder->children + index + 1, (folder->count - index) * sizeof(struct image_node *));
}

static enum cmaw_err walk(struct walk *walk, struct image_node *from, struct cmaw_slice path, struct image_node **ret_node);

/* One part further: into a folder, or to where a link leads. */
static enum cmaw_err step(struct walk *walking, struct image_node *folder, struct cmaw_slice part, struct image_node **ret_node)
{
    size_t index;
    if (cmaw_slice_eq_cstr(part, "..")) {
        *ret_node = folder->parent == NULL ? folder : folder->parent;
        return CMAW_OK;
    }
    if (!find_child(folder, part, &index)) {
        CMAW_REQUIRE(walking->create, CMAW_E_NOT_FOUND);
        return add_child(walking->tree, folder, part, index, ret_node);
    }
    struct image_node *node = folder->children[index];
    if (node->kind != IMAGE_LINK) {
        *ret_node = node;
        return CMAW_OK;
    }
    CMAW_REQUIRE(walking->links++ < IMAGE_TREE_LINKS_MAX, CMAW_E_MALFORMED);
    const bool create = walking->create;
    walking->create = false; /* nothing is made where a link points */
    const enum cmaw_err err = walk(walking, folder, cmaw_buf_slice(&node->content), ret_node);
    walking->create = create;
    return err;
}

/* From a folder along a path that may be absolute and have "." and ".." in it. */
static enum cmaw_err walk(struct walk *walking, struct image_node *from, struct cmaw_slice path, struct image_node **ret_node)
{
    struct image_node *node = path.size > 0 && path.data[0] == '/' ? &walking->tree->root : from;
    for (size_t at = 0; at < path.size;) {
        const uint8_t *slash = memchr(path.data + at, '/', path.size - at);
        const size_t end = slash == NULL ? path.size : (size_t)(slash - path.data);
        const struct cmaw_slice part = cmaw_slice_sub(path, at, end - at);
        at = end + 1;
        if (part.size == 0 || cmaw_slice_eq_cstr(part, ".")) {
            continue;
        }
        CMAW_REQUIRE(node->kind == IMAGE_FOLDER, CMAW_E_MALFORMED);
        CMAW_TRY(step(walking, node, part, &node));
    }
    *ret_node = node;
    return CMAW_OK;
}

static const char *why_not(enum cmaw_err err)
{
    switch (err) {
    case CMAW_E_NOT_FOUND: return "it lies behind a link that leads nowhere";
    case CMAW_E_MALFORMED: return "it lies behind a file or a circle of links";
    case CMAW_E_TOO_LARGE: return "there are too many entries, or too many folders in each other";
    default: return cmaw_err_text(err);
    }
}

static enum cmaw_err check_path(struct cmaw_slice path, struct cmaw_diag *diag)
{
    const int shown = path.size > SHOWN_MAX ? SHOWN_MAX : (int)path.size;
    if (path.size > IMAGE_TREE_PATH_MAX) {
        return cmaw_diag_set(diag, CMAW_E_TOO_LARGE, "%.*s…: the path has more than %d bytes", shown, (const char *)path.data, IMAGE_TREE_PATH_MAX);
    }
    if (!cmaw_cpio_name_is_clean(path)) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "%.*s: not a plain path inside the image", shown, (const char *)path.data);
    }
    for (size_t at = 0, start = 0; at <= path.size; at++) {
        if (at == path.size || path.data[at] == '/') {
            if (at - start > IMAGE_TREE_NAME_MAX) {
                return cmaw_diag_set(diag, CMAW_E_TOO_LARGE, "%.*s…: a name has more than %d bytes", shown, (const char *)path.data, IMAGE_TREE_NAME_MAX);
            }
            start = at + 1;
        }
    }
    return CMAW_OK;
}

/* The folder that the last part of a plain path is in, and that part. */
static enum cmaw_err find_folder(struct image_tree *tree, const char *path, bool create, struct image_node **ret_folder,
                                 struct cmaw_slice *ret_leaf, struct cmaw_diag *diag)
{
    const struct cmaw_slice whole = cmaw_slice_of_cstr(path);
    CMAW_TRY(check_path(whole, diag));
    const char *slash = strrchr(path, '/');
    const size_t above = slash == NULL ? 0 : (size_t)(slash - path);
    struct walk walking = {.tree = tree, .create = create};
    struct image_node *folder;
    enum cmaw_err err = walk(&walking, &tree->root, cmaw_slice_sub(whole, 0, above), &folder);
    if (err == CMAW_OK && folder->kind != IMAGE_FOLDER) {
        err = CMAW_E_MALFORMED;
    }
    if (err != CMAW_OK) {
        return cmaw_diag_set(diag, err, "%s: %s", path, why_not(err));
    }
    const size_t start = slash == NULL ? 0 : above + 1;
    *ret_leaf = cmaw_slice_sub(whole, start, whole.size - start);
    *ret_folder = folder;
    return CMAW_OK;
}

/* A fresh entry at path, of no kind yet; with keep_folder a folder that is there already is taken. */
static enum cmaw_err place(struct image_tree *tree, const char *path, bool keep_folder, struct image_node **ret_node, struct cmaw_diag *diag)
{
    struct image_node *folder;
    struct cmaw_slice leaf;
    size_t index;
    CMAW_TRY(find_folder(tree, path, true, &folder, &leaf, diag));
    if (find_child(folder, leaf, &index)) {
        if (keep_folder && folder->children[index]->kind == IMAGE_FOLDER) {
            *ret_node = folder->children[index];
            return CMAW_OK;
        }
        remove_child(tree, folder, index);
    }
    const enum cmaw_err err = add_child(tree, folder, leaf, index, ret_node);
    return err == CMAW_OK ? err : cmaw_diag_set(diag, err, "%s: %s", path, why_not(err));
}

enum cmaw_err cmaw_tree_put_folder(struct image_tree *tree, const char *path, struct cmaw_diag *diag)
{
    struct image_node *node;
    CMAW_TRY(place(tree, path, true, &node, diag));
    node->layer = tree->layer;
    return CMAW_OK;
}

enum cmaw_err cmaw_tree_admit(const struct image_tree *tree, const char *path, uint64_t size, struct cmaw_diag *diag)
{
    if (size > tree->bytes_max - tree->bytes) {
        return cmaw_diag_set(diag, CMAW_E_TOO_LARGE, "%s: %llu bytes are too many: %zu of %zu are taken", path, (unsigned long long)size, tree->bytes,
                             tree->bytes_max);
    }
    if (size > IMAGE_TREE_WRITTEN_MAX - tree->written) {
        return cmaw_diag_set(diag, CMAW_E_TOO_LARGE, "%s: too much is put in the place of what was there before", path);
    }
    return CMAW_OK;
}

static enum cmaw_err put_content(struct image_tree *tree, const char *path, enum image_kind kind, uint32_t mode, struct cmaw_buf *content,
                                 struct cmaw_diag *diag)
{
    struct image_node *node;
    CMAW_TRY(place(tree, path, false, &node, diag));
    CMAW_TRY(cmaw_tree_admit(tree, path, content->size, diag));
    node->kind = kind;
    node->mode = mode;
    node->content = *content;
    tree->bytes += content->size;
    tree->written += content->size;
    *content = CMAW_BUF(0);
    return CMAW_OK;
}

enum cmaw_err cmaw_tree_put_file(struct image_tree *tree, const char *path, uint32_t mode, struct cmaw_buf *content, struct cmaw_diag *diag)
{
    const enum cmaw_err err = put_content(tree, path, IMAGE_FILE, mode, content, diag);
    cmaw_buf_free(content);
    return err;
}

enum cmaw_err cmaw_tree_put_link(struct image_tree *tree, const char *path, struct cmaw_slice target, struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(content, IMAGE_TREE_PATH_MAX);
    cmaw_buf_put(&content, target);
    if (target.size == 0 || content.err != CMAW_OK || memchr(target.data, 0, target.size) != NULL) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "%s: a link has to point to 1 to %d bytes", path, IMAGE_TREE_PATH_MAX);
    }
    return put_content(tree, path, IMAGE_LINK, 0777, &content, diag);
}

enum cmaw_err cmaw_tree_put_copy(struct image_tree *tree, const char *path, const char *from, struct cmaw_diag *diag)
{
    struct image_node *folder;
    struct cmaw_slice leaf;
    size_t index;
    CMAW_TRY(find_folder(tree, from, false, &folder, &leaf, diag));
    if (!find_child(folder, leaf, &index) || folder->children[index]->kind == IMAGE_FOLDER) {
        return cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "%s: it is said to be the same as %s, which is no file before it", path, from);
    }
    struct image_node *node = folder->children[index];
    node->layer = tree->layer; /* it stays if this layer hides what earlier ones had here */
    CMAW_TRY(cmaw_tree_admit(tree, path, node->content.size, diag));
    CMAW_BUF_AUTO(content, node->content.size);
    const enum image_kind kind = node->kind;
    const uint32_t mode = node->mode;
    cmaw_buf_put(&content, cmaw_buf_slice(&node->content));
    CMAW_TRY(content.err);
    return put_content(tree, path, kind, mode, &content, diag);
}

/* Takes out what earlier layers have put in; true if nothing of the node is left. */
static bool prune(struct image_tree *tree, struct image_node *node)
{
    tree->work++;
    for (size_t i = node->count; i > 0; i--) {
        if (prune(tree, node->children[i - 1])) {
            remove_child(tree, node, i - 1);
        }
    }
    return node->layer != tree->layer && node->count == 0;
}

enum cmaw_err cmaw_tree_hide(struct image_tree *tree, const char *path, bool beside, struct cmaw_diag *diag)
{
    struct image_node *folder;
    struct cmaw_slice leaf;
    size_t index;
    if (tree->work > IMAGE_TREE_WORK_MAX) {
        return cmaw_diag_set(diag, CMAW_E_TOO_LARGE, "%s: too much is hidden too often", path);
    }
    const enum cmaw_err err = find_folder(tree, path, false, &folder, &leaf, diag);
    CMAW_REQUIRE(err != CMAW_E_NOT_FOUND, CMAW_OK);
    CMAW_TRY(err);
    if (beside) {
        (void)prune(tree, folder);
    } else if (find_child(folder, leaf, &index) && prune(tree, folder->children[index])) {
        remove_child(tree, folder, index);
    }
    return CMAW_OK;
}

void cmaw_tree_remove(struct image_tree *tree, const char *path)
{
    struct image_node *folder;
    struct cmaw_slice leaf;
    size_t index;
    struct cmaw_diag diag = {0};
    if (find_folder(tree, path, false, &folder, &leaf, &diag) == CMAW_OK && find_child(folder, leaf, &index)) {
        remove_child(tree, folder, index);
    }
}

const struct image_node *cmaw_tree_find(const struct image_tree *tree, const char *path)
{
    struct image_node *node;
    struct walk walking = {.tree = (struct image_tree *)tree};
    return walk(&walking, &walking.tree->root, cmaw_slice_of_cstr(path), &node) == CMAW_OK ? node : NULL;
}

void cmaw_tree_path_put(const struct image_node *node, struct cmaw_buf *path)
{
    if (node->parent == NULL) {
        return;
    }
    cmaw_tree_path_put(node->parent, path);
    if (node->parent->parent != NULL) {
        cmaw_buf_put_u8(path, '/');
    }
    cmaw_buf_put_cstr(path, node->name);
}
