#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/parts.h"
#include "sys/cpio.h"
#include "sys/file.h"

/* Entries in the order of their names, folders before what is in them; inodes count up. */
struct writer {
    struct cmaw_buf *archive;
    uint32_t inode;
    char last[CMAW_CPIO_NAME_MAX + 1]; /* name of the last entry: its folders are made already */
};

static enum cmaw_err put(struct writer *writer, const char *name, uint32_t mode, struct cmaw_slice content)
{
    struct cmaw_cpio_entry entry = {.mode = mode, .content = content};
    const int size = snprintf(entry.name, sizeof entry.name, "%s", name);
    CMAW_REQUIRE(size >= 0 && (size_t)size < sizeof entry.name, CMAW_E_TOO_LARGE);
    memcpy(writer->last, entry.name, sizeof writer->last);
    return cmaw_cpio_put(writer->archive, &entry, ++writer->inode);
}

/* The folders above name that the last entry does not lie in. */
static enum cmaw_err put_folders(struct writer *writer, const char *name)
{
    for (const char *slash = strchr(name, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        const size_t size = (size_t)(slash - name);
        char folder[CMAW_CPIO_NAME_MAX + 1];
        if (strncmp(writer->last, name, size) == 0 && (writer->last[size] == '/' || writer->last[size] == '\0')) {
            continue;
        }
        CMAW_TRY(cmaw_slice_to_cstr(cmaw_slice_of(name, size), folder, sizeof folder));
        CMAW_TRY(put(writer, folder, S_IFDIR | 0755, CMAW_SLICE_EMPTY));
    }
    return CMAW_OK;
}

static enum cmaw_err put_file(struct writer *writer, const char *name, uint32_t mode, struct cmaw_slice content)
{
    CMAW_TRY(put_folders(writer, name));
    return put(writer, name, S_IFREG | mode, content);
}

enum cmaw_err cmaw_image_boot_ramdisk(struct cmaw_slice init, struct cmaw_buf *ramdisk)
{
    static const char *const folders[] = {"agent", "dev", "proc", "run", "sys", "tmp"};
    struct writer writer = {.archive = ramdisk};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        CMAW_TRY(put(&writer, folders[i], S_IFDIR | 0755, CMAW_SLICE_EMPTY));
    }
    CMAW_TRY(put_file(&writer, "init", 0755, init));
    return cmaw_cpio_put_end(ramdisk);
}

enum cmaw_err cmaw_image_source_path(const struct image_spec *spec, const char *name, struct cmaw_buf *ret_path)
{
    const char *slash = strrchr(spec->path, '/');
    if (name[0] != '/' && slash != NULL) {
        cmaw_buf_put(ret_path, cmaw_slice_of(spec->path, (size_t)(slash - spec->path) + 1));
    }
    cmaw_buf_put_cstr(ret_path, name);
    cmaw_buf_put_u8(ret_path, 0);
    return cmaw_buf_err(ret_path);
}

enum cmaw_err cmaw_image_source_read(const char *path, struct cmaw_buf *content, struct cmaw_diag *diag)
{
    CMAW_FD_AUTO(fd);
    struct stat info;
    fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ELOOP) {
        cmaw_diag_hint(diag, "name the file that it points to");
        return cmaw_diag_set(diag, CMAW_E_UNSUPPORTED, "%s is a symbolic link", path);
    }
    if (fd < 0 || fstat(fd, &info) != 0) {
        return cmaw_diag_set(diag, cmaw_err_of_errno(errno), "cannot open %s: %s", path, strerror(errno));
    }
    if (!S_ISREG(info.st_mode)) {
        return cmaw_diag_set(diag, CMAW_E_UNSUPPORTED, "%s is not a file", path);
    }
    return cmaw_file_read_fd(fd, path, content, diag);
}

static uint32_t type_of(const struct image_node *node)
{
    return node->kind == IMAGE_FOLDER ? S_IFDIR : node->kind == IMAGE_FILE ? S_IFREG : S_IFLNK;
}

/* A folder, then what is in it: as deep as the tree allows. */
static enum cmaw_err put_node(struct writer *writer, const struct image_node *node, struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(path, CMAW_PATH_MAX);
    cmaw_buf_put_cstr(&path, node->parent == NULL ? "agent" : "agent/");
    cmaw_tree_path_put(node, &path);
    cmaw_buf_put_u8(&path, 0);
    CMAW_TRY(path.err);
    const enum cmaw_err err = put(writer, (const char *)path.data, type_of(node) | node->mode, cmaw_buf_slice(&node->content));
    if (err != CMAW_OK) {
        return cmaw_diag_set(diag, err, "%s: %s for a ramdisk", path.data, cmaw_err_text(err));
    }
    for (size_t i = 0; i < node->count; i++) {
        CMAW_TRY(put_node(writer, node->children[i], diag));
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_image_root_ramdisk(const struct image_tree *agent, struct cmaw_slice conf, struct cmaw_slice kms_roots,
                                 struct cmaw_buf *ramdisk, struct cmaw_diag *diag)
{
    struct writer writer = {.archive = ramdisk};
    CMAW_TRY(put_node(&writer, &agent->root, diag));
    CMAW_TRY(put_file(&writer, "etc/cmaw/enclave.conf", 0444, conf));
    CMAW_TRY(put_file(&writer, "etc/cmaw/kms-roots.pem", 0444, kms_roots));
    return cmaw_cpio_put_end(ramdisk);
}
