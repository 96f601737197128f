#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/rootfs.h"
#include "sys/file.h"

struct folder_reader {
    struct image_tree *tree;
    struct image_skipped *skipped;
    struct cmaw_diag *diag;
};

static void close_folder(DIR **folder)
{
    if (*folder != NULL) {
        (void)closedir(*folder);
    }
}

static enum cmaw_err fail(const struct folder_reader *reader, const char *path)
{
    return cmaw_diag_set(reader->diag, cmaw_err_of_errno(errno), "%s: %s", path[0] == '\0' ? "the folder itself" : path, strerror(errno));
}

static enum cmaw_err put_file(const struct folder_reader *reader, int folder, const char *name, const char *path)
{
    CMAW_FD_AUTO(fd);
    struct stat info;
    fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0) {
        return fail(reader, path);
    }
    CMAW_REQUIRE(S_ISREG(info.st_mode) && info.st_size >= 0, cmaw_diag_set(reader->diag, CMAW_E_UNSUPPORTED, "%s: not a file any more", path));
    CMAW_TRY(cmaw_tree_admit(reader->tree, path, (uint64_t)info.st_size, reader->diag));
    CMAW_BUF_AUTO(content, (size_t)info.st_size);
    CMAW_TRY(cmaw_buf_reserve(&content, (size_t)info.st_size));
    CMAW_TRY(cmaw_file_read_fd(fd, path, &content, reader->diag));
    return cmaw_tree_put_file(reader->tree, path, cmaw_image_mode(info.st_mode), &content, reader->diag);
}

static enum cmaw_err put_link(const struct folder_reader *reader, int folder, const char *name, const char *path)
{
    char target[IMAGE_TREE_PATH_MAX + 1];
    const ssize_t size = readlinkat(folder, name, target, sizeof target);
    if (size < 0) {
        return fail(reader, path);
    }
    return cmaw_tree_put_link(reader->tree, path, cmaw_slice_of(target, (size_t)size), reader->diag);
}

static enum cmaw_err put_folder(const struct folder_reader *reader, int folder, const char *path);

static enum cmaw_err put_entry(const struct folder_reader *reader, int folder, const char *name, const char *path)
{
    CMAW_FD_AUTO(below);
    struct stat info;
    if (fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
        return fail(reader, path);
    }
    switch (info.st_mode & S_IFMT) {
    case S_IFREG:
        return put_file(reader, folder, name, path);
    case S_IFLNK:
        return put_link(reader, folder, name, path);
    case S_IFDIR:
        CMAW_TRY(cmaw_tree_put_folder(reader->tree, path, reader->diag));
        below = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return below < 0 ? fail(reader, path) : put_folder(reader, below, path);
    default:
        cmaw_image_skip(reader->skipped, path);
        return CMAW_OK;
    }
}

/* In whatever order the file system has them: the tree sorts. As deep as the tree allows. */
static enum cmaw_err put_folder(const struct folder_reader *reader, int folder, const char *path)
{
    CMAW_FD_AUTO(copy);
    copy = fcntl(folder, F_DUPFD_CLOEXEC, 0);
    [[gnu::cleanup(close_folder)]] DIR *entries = copy < 0 ? NULL : fdopendir(copy);
    if (entries == NULL) {
        return fail(reader, path);
    }
    copy = -1; /* closed with entries */
    for (errno = 0;;) {
        const struct dirent *entry = readdir(entries);
        if (entry == NULL) {
            return errno == 0 ? CMAW_OK : fail(reader, path);
        }
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        char below[IMAGE_TREE_PATH_MAX + 1];
        if (snprintf(below, sizeof below, "%s%s%s", path, path[0] == '\0' ? "" : "/", entry->d_name) >= (int)sizeof below) {
            return cmaw_diag_set(reader->diag, CMAW_E_TOO_LARGE, "%.60s…: a path in it has more than %d bytes", path, IMAGE_TREE_PATH_MAX);
        }
        CMAW_TRY(put_entry(reader, folder, entry->d_name, below));
        errno = 0;
    }
}

enum cmaw_err cmaw_image_folder_read(int folder, struct image_tree *tree, struct image_skipped *skipped, struct cmaw_diag *diag)
{
    const struct folder_reader reader = {tree, skipped, diag};
    return put_folder(&reader, folder, "");
}
