#include "image/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

static enum cmaw_err read_archive(int fd, struct cmaw_slice bytes, uint64_t plain_max, struct image_rootfs *rootfs, struct cmaw_diag *diag)
{
    uint8_t packed[CMAW_SHA256_SIZE], plain[CMAW_SHA256_SIZE];
    [[gnu::cleanup(cmaw_stream_close)]] struct image_stream stream = {0};
    CMAW_TRY(cmaw_stream_open(&stream, fd, bytes, plain_max, diag));
    CMAW_TRY(cmaw_tar_read(&stream, false, &rootfs->tree, &rootfs->skipped, diag));
    return cmaw_stream_finish(&stream, packed, plain, diag);
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
        return cmaw_image_folder_read(fd, &rootfs->tree, &rootfs->skipped, diag);
    }
    if (!S_ISREG(info.st_mode)) {
        return cmaw_diag_set(diag, CMAW_E_UNSUPPORTED, "neither a folder nor a file");
    }
    return read_archive(fd, CMAW_SLICE_EMPTY, IMAGE_STREAM_MAX, rootfs, diag);
}

enum cmaw_err cmaw_image_rootfs_read(const struct image_rootfs_request *request, struct image_rootfs *rootfs, struct cmaw_diag *diag)
{
    const enum cmaw_err err = read_path(request, rootfs, diag);
    return err == CMAW_OK ? err : cmaw_diag_wrap(diag, err, "%s", request->path);
}

enum cmaw_err cmaw_image_rootfs_read_bytes(const struct image_rootfs_request *request, struct cmaw_slice archive, uint64_t plain_max,
                                           struct image_rootfs *rootfs, struct cmaw_diag *diag)
{
    const enum cmaw_err err = read_archive(-1, archive, plain_max, rootfs, diag);
    return err == CMAW_OK ? err : cmaw_diag_wrap(diag, err, "%s", request->path);
}
