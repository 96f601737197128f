/* What others give as a root file system. The first byte says what the rest is: an archive, a layer over another, an image's manifest or its configuration.
 * Whatever comes, the tree is sound: names in order and clean, sums right, and a ramdisk can be made of it that reads back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/layers.h"
#include "image/parts.h"
#include "lib/base/text.h"
#include "sys/cpio.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BYTES_MAX = 1 << 20, PLAIN_MAX = 4 << 20, RAMDISK_MAX = 32 << 20 };

static const struct image_rootfs_request request = {"input", NULL, false};

static void require(bool good)
{
    if (!good) {
        abort();
    }
}

static void check_node(const struct image_node *node, size_t *entries, size_t *bytes)
{
    require(node->depth <= IMAGE_TREE_DEPTH_MAX && (node->kind == IMAGE_FOLDER || node->count == 0));
    for (size_t i = 0; i < node->count; i++) {
        const struct image_node *child = node->children[i];
        require(child->parent == node && child->depth == node->depth + 1 && strchr(child->name, '/') == NULL);
        require(i == 0 || cmaw_slice_cmp(cmaw_slice_of_cstr(node->children[i - 1]->name), cmaw_slice_of_cstr(child->name)) < 0);
        ++*entries;
        *bytes += child->content.size;
        check_node(child, entries, bytes);
    }
}

/* Only a path that has grown through links can be too long for a ramdisk. */
static void check_ramdisk(const struct image_tree *tree)
{
    CMAW_BUF_AUTO(ramdisk, RAMDISK_MAX);
    struct cmaw_diag diag = {0};
    static struct cmaw_cpio_entry entry;
    size_t entries = 0;
    if (cmaw_image_root_ramdisk(tree, CMAW_SLICE_LIT("conf"), CMAW_SLICE_LIT("pem"), &ramdisk, &diag) != CMAW_OK) {
        return;
    }
    struct cmaw_cpio cpio = cmaw_cpio_of(cmaw_buf_slice(&ramdisk));
    for (bool more = true; more; entries++) {
        require(cmaw_cpio_next(&cpio, &more, &entry) == CMAW_OK);
    }
    require(entries == tree->entries + 1 + 4 + 1); /* "agent", what is in etc, and the end */
}

static void check_tree(const struct image_tree *tree)
{
    size_t entries = 0, bytes = 0;
    check_node(&tree->root, &entries, &bytes);
    require(entries == tree->entries && bytes == tree->bytes && bytes <= tree->bytes_max && entries <= IMAGE_TREE_ENTRIES_MAX);
    check_ramdisk(tree);
}

static void put(struct image_tree *tree, const char *path, struct cmaw_slice bytes)
{
    struct cmaw_diag diag = {0};
    CMAW_BUF_AUTO(content, BYTES_MAX);
    cmaw_buf_put(&content, bytes);
    require(cmaw_tree_put_file(tree, path, 0644, &content, &diag) == CMAW_OK);
}

/* Puts bytes in as a blob and gives its digest. */
static void put_blob(struct image_tree *tree, struct cmaw_slice bytes, char ret_hex[static 2 * CMAW_SHA256_SIZE + 1])
{
    uint8_t digest[CMAW_SHA256_SIZE];
    char path[128];
    cmaw_sha256(bytes, digest);
    require(cmaw_hex_to_cstr(CMAW_SLICE_ARRAY(digest), ret_hex, 2 * CMAW_SHA256_SIZE + 1) == CMAW_OK);
    (void)snprintf(path, sizeof path, "blobs/sha256/%s", ret_hex);
    put(tree, path, bytes);
}

static void read_layer(struct cmaw_slice bytes, struct image_rootfs *rootfs)
{
    struct cmaw_diag diag = {0};
    [[gnu::cleanup(cmaw_stream_close)]] struct image_stream stream = {0};
    put(&rootfs->tree, "usr/bin/a", CMAW_SLICE_LIT("a"));
    put(&rootfs->tree, "usr/b", CMAW_SLICE_LIT("b"));
    require(cmaw_tree_put_link(&rootfs->tree, "bin", CMAW_SLICE_LIT("usr/bin"), &diag) == CMAW_OK);
    rootfs->tree.layer++;
    if (cmaw_stream_open(&stream, -1, bytes, PLAIN_MAX, &diag) == CMAW_OK) {
        CMAW_IGNORE(cmaw_tar_read(&stream, true, &rootfs->tree, &rootfs->skipped, &diag)); /* whatever it says, the tree is looked at */
    }
}

/* A layout whose manifest, or configuration, is the input. */
static void read_layout(struct cmaw_slice bytes, bool is_manifest, struct image_rootfs *rootfs)
{
    struct cmaw_diag diag = {0};
    [[gnu::cleanup(cmaw_tree_free)]] struct image_tree files;
    CMAW_BUF_AUTO(manifest, BYTES_MAX);
    CMAW_BUF_AUTO(index, BYTES_MAX);
    char hex[2 * CMAW_SHA256_SIZE + 1];
    cmaw_tree_init(&files, 2 * BYTES_MAX);
    if (is_manifest) {
        cmaw_buf_put(&manifest, bytes);
    } else {
        put_blob(&files, bytes, hex);
        cmaw_buf_printf(&manifest, "{\"config\": {\"digest\": \"sha256:%s\"}, \"layers\": []}", hex);
    }
    put_blob(&files, cmaw_buf_slice(&manifest), hex);
    cmaw_buf_printf(&index, "{\"manifests\": [{\"mediaType\": \"application/vnd.oci.image.manifest.v1+json\", \"digest\": \"sha256:%s\"}]}", hex);
    put(&files, "index.json", cmaw_buf_slice(&index));
    const struct image_store store = {&files, -1};
    CMAW_IGNORE(cmaw_image_layout_read(&request, &store, PLAIN_MAX, rootfs, &diag)); /* as above */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    [[gnu::cleanup(cmaw_image_rootfs_free)]] struct image_rootfs rootfs = {0};
    struct cmaw_diag diag = {0};
    if (size == 0 || size > BYTES_MAX) {
        return 0;
    }
    const struct cmaw_slice rest = cmaw_slice_of(data + 1, size - 1);
    cmaw_image_rootfs_init(&rootfs, BYTES_MAX);
    switch (data[0]) {
    case 'l': read_layer(rest, &rootfs); break;
    case 'm': read_layout(rest, true, &rootfs); break;
    case 'c': read_layout(rest, false, &rootfs); break;
    default: CMAW_IGNORE(cmaw_image_rootfs_read_bytes(&request, rest, PLAIN_MAX, &rootfs, &diag)); break; /* as above */
    }
    check_tree(&rootfs.tree);
    return 0;
}
