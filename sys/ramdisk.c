#include "sys/ramdisk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/cpio.h"
#include "sys/file.h"

static enum cmaw_err fail(struct cmaw_diag *diag, const char *name)
{
    const int errnum = errno;
    const char *why = errnum == ELOOP ? "it lies behind a symbolic link"
                      : errnum == EXDEV ? "it lies on another mount"
                                        : strerror(errnum);
    return cmaw_diag_set(diag, cmaw_err_of_errno(errnum), "cannot unpack %s: %s", name, why);
}

/* Opens a path below root that no symbolic link and no mount can lead elsewhere. */
static int open_below(int root, const char *path, int flags)
{
    const struct open_how how = {.flags = (unsigned)(flags | O_CLOEXEC),
                                 .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV};
    return (int)syscall(SYS_openat2, root, path, &how, sizeof how);
}

/* The folder that an entry goes into; *ret_leaf is the last part of its name. */
static int open_parent(int root, char *name, const char **ret_leaf)
{
    char *slash = strrchr(name, '/');
    if (slash == NULL) {
        *ret_leaf = name;
        return open_below(root, ".", O_PATH | O_DIRECTORY);
    }
    for (char *at = strchr(name, '/'); at != NULL; at = strchr(at + 1, '/')) {
        *at = '\0';
        const int made = open_below(root, name, O_PATH | O_DIRECTORY);
        if (made < 0 && errno == ENOENT && mkdirat(root, name, 0755) != 0) {
            return -1;
        }
        if (made >= 0) {
            (void)close(made);
        }
        *at = '/';
    }
    *slash = '\0';
    const int folder = open_below(root, name, O_PATH | O_DIRECTORY);
    *slash = '/';
    *ret_leaf = slash + 1;
    return folder;
}

static bool put_file(int folder, const char *leaf, const struct cmaw_cpio_entry *entry)
{
    CMAW_FD_AUTO(fd);
    fd = openat(folder, leaf, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return fd >= 0 && cmaw_fd_write(fd, entry->content) == CMAW_OK && fchmod(fd, entry->mode & 07777) == 0;
}

static bool put_folder(int folder, const char *leaf, uint32_t mode)
{
    if (mkdirat(folder, leaf, 0700) != 0 && errno != EEXIST) {
        return false;
    }
    CMAW_FD_AUTO(made);
    made = openat(folder, leaf, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return made >= 0 && fchmod(made, mode & 07777) == 0;
}

static bool put_link(int folder, const char *leaf, struct cmaw_slice target)
{
    char text[CMAW_CPIO_NAME_MAX + 1];
    if (cmaw_slice_to_cstr(target, text, sizeof text) != CMAW_OK) {
        errno = EINVAL;
        return false;
    }
    return symlinkat(text, folder, leaf) == 0;
}

static bool put_entry(int folder, const char *leaf, const struct cmaw_cpio_entry *entry)
{
    switch (entry->mode & S_IFMT) {
    case S_IFREG:
        return put_file(folder, leaf, entry);
    case S_IFDIR:
        return put_folder(folder, leaf, entry->mode);
    case S_IFLNK:
        return put_link(folder, leaf, entry->content);
    default:
        return true;
    }
}

static enum cmaw_err unpack_entry(int root, struct cmaw_cpio_entry *entry, struct cmaw_diag *diag)
{
    CMAW_FD_AUTO(folder);
    const char *leaf = NULL;
    if (strcmp(entry->name, "proc") == 0 || strcmp(entry->name, "sys") == 0 || strcmp(entry->name, "dev") == 0) {
        return CMAW_OK; /* whoever boots it makes them */
    }
    folder = open_parent(root, entry->name, &leaf);
    return folder >= 0 && put_entry(folder, leaf, entry) ? CMAW_OK : fail(diag, entry->name);
}

enum cmaw_err cmaw_ramdisk_unpack(const char *path, struct cmaw_slice archives, struct cmaw_diag *diag)
{
    CMAW_FD_AUTO(root);
    struct cmaw_cpio cpio = cmaw_cpio_of(archives);
    struct cmaw_cpio_entry entry;
    root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) {
        return fail(diag, path);
    }
    for (size_t count = 0; count <= CMAW_CPIO_ENTRIES_MAX; count++) {
        bool more = false;
        const enum cmaw_err err = cmaw_cpio_next(&cpio, &more, &entry);
        if (err != CMAW_OK) {
            return cmaw_diag_set(diag, err, "ramdisk entry %zu: not a good cpio archive", count + 1);
        }
        if (!more) {
            return CMAW_OK;
        }
        CMAW_TRY(unpack_entry(root, &entry, diag));
    }
    return cmaw_diag_set(diag, CMAW_E_TOO_LARGE, "ramdisks have more than %d entries", CMAW_CPIO_ENTRIES_MAX);
}
