#include "image/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/layers.h"
#include "sys/file.h"

void cmaw_image_rootfs_init(struct image_rootfs *rootfs, size_t bytes_max)
{
    *rootfs = (struct image_rootfs){0};
    cmaw_tree_init(&rootfs->tree, bytes_max);
}

void cmaw_image_rootfs_free(struct image_rootfs *rootfs)
{
    cmaw_tree_free(&rootfs->tree);
    cmaw_image_words_free(&rootfs->config.command);
    cmaw_image_words_free(&rootfs->config.env);
    free(rootfs->config.workdir);
    free(rootfs->config.user);
    rootfs->config = (struct image_config){0};
}

/* A reference chooses among images, so there have to be some. */
static enum cmaw_err refuse_reference(const struct image_rootfs_request *request, struct cmaw_diag *diag)
{
    return request->reference == NULL ? CMAW_OK : cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "there are no images in it, and so no %s", request->reference);
}

static bool is_layout(const struct image_store *store)
{
    return cmaw_store_has(store, "oci-layout") && cmaw_store_has(store, "index.json");
}

/* docker save's list, and not a file of that name in a root file system. */
static bool is_docker(const struct image_store *store)
{
    IMAGE_JSON_AUTO(list);
    struct cmaw_diag diag = {0};
    return cmaw_store_has(store, "manifest.json") && cmaw_store_read_json(store, "manifest.json", NULL, &list, &diag) == CMAW_OK &&
           cmaw_image_json_text(json_array_get(list, 0), "Config") != NULL;
}

static enum cmaw_err unpack(int fd, struct cmaw_slice bytes, uint64_t *left, struct image_tree *tree, struct image_skipped *skipped, struct cmaw_diag *diag)
{
    uint8_t packed[CMAW_SHA256_SIZE], plain[CMAW_SHA256_SIZE];
    [[gnu::cleanup(cmaw_stream_close)]] struct image_stream stream = {0};
    CMAW_TRY(cmaw_stream_open(&stream, fd, bytes, *left, diag));
    CMAW_TRY(cmaw_tar_read(&stream, false, tree, skipped, diag));
    CMAW_TRY(cmaw_stream_finish(&stream, packed, plain, diag));
    *left -= stream.plain_size;
    return CMAW_OK;
}

/* Its files are the root file system, unless they are the parts of an image. */
static enum cmaw_err read_archive(const struct image_rootfs_request *request, int fd, struct cmaw_slice bytes, uint64_t plain_max,
                                  struct image_rootfs *rootfs, struct cmaw_diag *diag)
{
    [[gnu::cleanup(cmaw_tree_free)]] struct image_tree files;
    struct image_skipped skipped = {0};
    uint64_t left = plain_max;
    cmaw_tree_init(&files, rootfs->tree.bytes_max);
    CMAW_TRY(unpack(fd, bytes, &left, &files, &skipped, diag));
    const struct image_store store = {&files, -1};
    if (is_layout(&store)) {
        return cmaw_image_layout_read(request, &store, left, rootfs, diag);
    }
    if (is_docker(&store)) {
        return cmaw_image_docker_read(request, &store, left, rootfs, diag);
    }
    CMAW_TRY(refuse_reference(request, diag));
    cmaw_tree_take(&rootfs->tree, &files);
    rootfs->skipped = skipped;
    return CMAW_OK;
}

static enum cmaw_err read_folder(const struct image_rootfs_request *request, int folder, struct image_rootfs *rootfs, struct cmaw_diag *diag)
{
    const struct image_store store = {NULL, folder};
    if (is_layout(&store)) {
        return cmaw_image_layout_read(request, &store, IMAGE_STREAM_MAX, rootfs, diag);
    }
    CMAW_TRY(refuse_reference(request, diag));
    return cmaw_image_folder_read(folder, &rootfs->tree, &rootfs->skipped, diag);
}

static enum cmaw_err read_path(const struct image_rootfs_request *request, struct image_rootfs *rootfs, struct cmaw_diag *diag)
{
    CMAW_FD_AUTO(fd);
    struct stat info;
    fd = open(request->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0) {
        return cmaw_diag_set(diag, cmaw_err_of_errno(errno), "%s", strerror(errno));
    }
    if (S_ISDIR(info.st_mode)) {
        return read_folder(request, fd, rootfs, diag);
    }
    if (!S_ISREG(info.st_mode)) {
        return cmaw_diag_set(diag, CMAW_E_UNSUPPORTED, "neither a folder nor a file");
    }
    return read_archive(request, fd, CMAW_SLICE_EMPTY, IMAGE_STREAM_MAX, rootfs, diag);
}

enum cmaw_err cmaw_image_rootfs_read(const struct image_rootfs_request *request, struct image_rootfs *rootfs, struct cmaw_diag *diag)
{
    const enum cmaw_err err = read_path(request, rootfs, diag);
    return err == CMAW_OK ? err : cmaw_diag_wrap(diag, err, "%s", request->path);
}

enum cmaw_err cmaw_image_rootfs_read_bytes(const struct image_rootfs_request *request, struct cmaw_slice archive, uint64_t plain_max,
                                           struct image_rootfs *rootfs, struct cmaw_diag *diag)
{
    const enum cmaw_err err = read_archive(request, -1, archive, plain_max, rootfs, diag);
    return err == CMAW_OK ? err : cmaw_diag_wrap(diag, err, "%s", request->path);
}
