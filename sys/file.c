#include "sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_STEP = 64 * 1024 };

void cmaw_fd_close(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

enum cmaw_err cmaw_path(char ret_path[static CMAW_PATH_MAX], const char *format, ...)
{
    char path[CMAW_PATH_MAX];
    va_list args;
    va_start(args, format);
    const int size = vsnprintf(path, sizeof path, format, args);
    va_end(args);
    CMAW_REQUIRE(size >= 0 && size < CMAW_PATH_MAX, CMAW_E_TOO_LARGE);
    memcpy(ret_path, path, (size_t)size + 1);
    return CMAW_OK;
}

/* What to do about errnum, where a file is read or written. */
static const struct {
    int errnum;
    const char *read;
    const char *written;
} hints[] = {
    {ENOENT, "is the path right, seen from this folder?", "the folder that it goes into has to be there first"},
    {ENOTDIR, "is the path right, seen from this folder?", "a part of the path is a file, not a folder"},
    {EISDIR, "that is a folder: name a file", "that is a folder: name a file"},
    {EACCES, "ls -l says who may read it", "choose a place where you may write"},
    {EPERM, "ls -l says who may read it", "choose a place where you may write"},
    {EROFS, "", "choose a place where you may write"},
    {ENOSPC, "", "make room on that disk, or choose another place"},
};

static enum cmaw_err fail(struct cmaw_diag *diag, const char *verb, const char *path)
{
    const int errnum = errno;
    const bool reads = strcmp(verb, "read") == 0 || strcmp(verb, "open") == 0;
    const enum cmaw_err err = cmaw_diag_set(diag, cmaw_err_of_errno(errnum), "cannot %s %s: %s", verb, path, strerror(errnum));
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++) {
        if (hints[i].errnum == errnum) {
            cmaw_diag_otherwise(diag, reads ? hints[i].read : hints[i].written);
        }
    }
    return err;
}

enum cmaw_err cmaw_file_check_private(int fd, const char *path, const char *secret, const char *remedy, struct cmaw_diag *diag)
{
    struct stat info;
    CMAW_REQUIRE(fstat(fd, &info) == 0, CMAW_E_IO);
    if (S_ISREG(info.st_mode) && info.st_uid != geteuid()) {
        cmaw_diag_hint(diag, "choose a file of your own");
        return cmaw_diag_set(diag, CMAW_E_DENIED, "%s in %s belongs to somebody else: not used", secret, path);
    }
    if (S_ISREG(info.st_mode) && (info.st_mode & 077) != 0) {
        cmaw_diag_hint(diag, "chmod 600 %s; and if others may have read it, %s", path, remedy);
        return cmaw_diag_set(diag, CMAW_E_DENIED, "others can read %s in %s (mode %03o): not used", secret, path, (unsigned)info.st_mode & 0777);
    }
    return CMAW_OK;
}

/* Room for all of a regular file at once, so that a large one is not copied as the buffer grows; what it says of its size is only a guess. */
static void reserve_for(int fd, struct cmaw_buf *buf)
{
    struct stat info;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0 && (uint64_t)info.st_size <= buf->max - buf->size) {
        CMAW_IGNORE(cmaw_buf_reserve(buf, (size_t)info.st_size));
    }
}

enum cmaw_err cmaw_file_read_fd(int fd, const char *name, struct cmaw_buf *buf, struct cmaw_diag *diag)
{
    uint8_t block[READ_STEP];
    reserve_for(fd, buf);
    for (;;) {
        const ssize_t got = read(fd, block, sizeof block);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return fail(diag, "read", name);
        }
        if (got == 0) {
            cmaw_wipe(block, sizeof block);
            return CMAW_OK;
        }
        cmaw_buf_put(buf, cmaw_slice_of(block, (size_t)got));
        if (buf->err != CMAW_OK) {
            cmaw_wipe(block, sizeof block);
            (void)cmaw_diag_set(diag, buf->err, "%s is larger than %zu bytes", name, buf->max);
            cmaw_diag_otherwise(diag, "is it the right file?");
            return buf->err;
        }
    }
}

enum cmaw_err cmaw_file_read(const char *path, struct cmaw_buf *buf, struct cmaw_diag *diag)
{
    CMAW_FD_AUTO(fd);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return fail(diag, "open", path);
    }
    return cmaw_file_read_fd(fd, path, buf, diag);
}

enum cmaw_err cmaw_fd_write(int fd, struct cmaw_slice bytes)
{
    while (bytes.size > 0) {
        const ssize_t written = write(fd, bytes.data, bytes.size);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        CMAW_REQUIRE(written >= 0, cmaw_err_of_errno(errno));
        bytes = cmaw_slice_of(bytes.data + written, bytes.size - (size_t)written);
    }
    return CMAW_OK;
}

static enum cmaw_err write_synced(int fd, struct cmaw_slice content, const char *path, struct cmaw_diag *diag)
{
    if (cmaw_fd_write(fd, content) != CMAW_OK || fsync(fd) != 0) {
        return fail(diag, "write", path);
    }
    return CMAW_OK;
}

/* A new file, so that nobody has it open, owns it or has another name for it; what lies there is of a program that died. */
static int create_new(const char *path, unsigned mode)
{
    (void)unlink(path);
    return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)mode);
}

/* What is no file, such as /dev/null, a terminal or a pipe, is written to and never replaced. */
static enum cmaw_err write_in_place(const char *path, struct cmaw_slice content, struct cmaw_diag *diag)
{
    CMAW_FD_AUTO(fd);
    fd = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        return fail(diag, "open", path);
    }
    return cmaw_fd_write(fd, content) == CMAW_OK ? CMAW_OK : fail(diag, "write", path);
}

enum cmaw_err cmaw_file_write(const char *path, struct cmaw_slice content, unsigned mode, struct cmaw_diag *diag)
{
    char temporary[CMAW_PATH_MAX];
    struct stat info;
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) {
        return write_in_place(path, content, diag);
    }
    if (cmaw_path(temporary, "%s.%d.tmp", path, getpid()) != CMAW_OK) {
        return cmaw_diag_set(diag, CMAW_E_TOO_LARGE, "path is too long: %s", path);
    }
    CMAW_FD_AUTO(fd);
    fd = create_new(temporary, mode);
    if (fd < 0) {
        return fail(diag, "create", path);
    }
    enum cmaw_err err = write_synced(fd, content, path, diag);
    if (err == CMAW_OK && rename(temporary, path) != 0) {
        err = fail(diag, "replace", path);
    }
    if (err != CMAW_OK) {
        (void)unlink(temporary);
    }
    return err;
}

enum cmaw_err cmaw_dir_make(const char *path, struct cmaw_diag *diag)
{
    char part[CMAW_PATH_MAX];
    if (cmaw_path(part, "%s", path) != CMAW_OK) {
        return cmaw_diag_set(diag, CMAW_E_TOO_LARGE, "path is too long: %s", path);
    }
    for (char *at = part + 1; *at != '\0'; at++) {
        if (*at == '/') {
            *at = '\0';
            if (mkdir(part, 0700) != 0 && errno != EEXIST) {
                return fail(diag, "make folder", part);
            }
            *at = '/';
        }
    }
    struct stat info;
    if (mkdir(part, 0700) != 0 && (errno != EEXIST || stat(part, &info) != 0 || !S_ISDIR(info.st_mode))) {
        return fail(diag, "make folder", path);
    }
    return CMAW_OK;
}
