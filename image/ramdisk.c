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

static int order(const void *a, const void *b)
{
    return strcmp((*(const struct image_file *const *)a)->target, (*(const struct image_file *const *)b)->target);
}

static enum cmaw_err put_agent_file(struct writer *writer, const struct image_spec *spec, const struct image_file *file, struct cmaw_diag *diag)
{
    char name[CMAW_CPIO_NAME_MAX + 1];
    CMAW_BUF_AUTO(path, CMAW_PATH_MAX);
    CMAW_BUF_AUTO(content, IMAGE_RAMDISK_MAX);
    const int size = snprintf(name, sizeof name, "agent%s", file->target);
    if (size < 0 || (size_t)size >= sizeof name || cmaw_image_source_path(spec, file->source, &path) != CMAW_OK) {
        return cmaw_image_spec_fault(spec, diag, file->target, "the path is too long");
    }
    const enum cmaw_err err = cmaw_image_source_read((const char *)path.data, &content, diag);
    if (err != CMAW_OK) {
        (void)cmaw_image_spec_fault(spec, diag, file->source, "%s", diag->text);
        return err;
    }
    return put_file(writer, name, cmaw_image_file_mode(file), cmaw_buf_slice(&content));
}

static enum cmaw_err put_agent(struct writer *writer, const struct image_spec *spec, struct cmaw_diag *diag)
{
    const struct image_agent *agent = &spec->yaml->agent;
    const struct image_file **sorted = calloc(agent->files_count, sizeof(struct image_file *));
    CMAW_REQUIRE(sorted != NULL, CMAW_E_NO_MEMORY);
    for (unsigned i = 0; i < agent->files_count; i++) {
        sorted[i] = &agent->files[i];
    }
    qsort(sorted, agent->files_count, sizeof(struct image_file *), order);
    enum cmaw_err err = CMAW_OK;
    for (unsigned i = 0; i < agent->files_count && err == CMAW_OK; i++) {
        err = put_agent_file(writer, spec, sorted[i], diag);
    }
    free(sorted);
    return err;
}

enum cmaw_err cmaw_image_root_ramdisk(const struct image_spec *spec, struct cmaw_slice conf, struct cmaw_slice kms_roots,
                                 struct cmaw_buf *ramdisk, struct cmaw_diag *diag)
{
    struct writer writer = {.archive = ramdisk};
    CMAW_TRY(put_agent(&writer, spec, diag));
    CMAW_TRY(put_file(&writer, "etc/cmaw/enclave.conf", 0444, conf));
    CMAW_TRY(put_file(&writer, "etc/cmaw/kms-roots.pem", 0444, kms_roots));
    return cmaw_cpio_put_end(ramdisk);
}
