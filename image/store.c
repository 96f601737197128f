#include "image/store.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "sys/file.h"

static int open_below(int folder, const char *path)
{
    const struct open_how how = {.flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    return (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
}

bool cmaw_store_has(const struct image_store *store, const char *path)
{
    if (store->folder < 0) {
        const struct image_node *node = cmaw_tree_find(store->archive, path);
        return node != NULL && node->kind == IMAGE_FILE;
    }
    CMAW_FD_AUTO(fd);
    struct stat info;
    fd = open_below(store->folder, path);
    return fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
}

static enum cmaw_err find_bytes(const struct image_store *store, const char *path, struct cmaw_slice *ret_bytes, struct cmaw_diag *diag)
{
    const struct image_node *node = cmaw_tree_find(store->archive, path);
    if (node == NULL || node->kind != IMAGE_FILE) {
        return cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "%s is not in it", path);
    }
    *ret_bytes = cmaw_buf_slice(&node->content);
    return CMAW_OK;
}

static enum cmaw_err open_file(const struct image_store *store, const char *path, int *ret_fd, uint64_t *ret_size, struct cmaw_diag *diag)
{
    CMAW_FD_AUTO(fd);
    struct stat info;
    fd = open_below(store->folder, path);
    if (fd < 0 && errno == ENOENT) {
        return cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "%s is not in it", path);
    }
    if (fd < 0 || fstat(fd, &info) != 0) {
        return cmaw_diag_set(diag, cmaw_err_of_errno(errno), "%s: %s", path, errno == ELOOP ? "it is or lies behind a symbolic link" : strerror(errno));
    }
    if (!S_ISREG(info.st_mode)) {
        return cmaw_diag_set(diag, CMAW_E_UNSUPPORTED, "%s is not a file", path);
    }
    *ret_size = (uint64_t)info.st_size;
    *ret_fd = fd;
    fd = -1;
    return CMAW_OK;
}

enum cmaw_err cmaw_store_open(const struct image_store *store, const char *path, uint64_t plain_max, struct image_blob *blob, struct cmaw_diag *diag)
{
    struct cmaw_slice bytes = CMAW_SLICE_EMPTY;
    blob->fd = -1;
    blob->stream.filters = NULL;
    blob->stream.gzip = NULL;
    if (store->folder >= 0) {
        CMAW_TRY(open_file(store, path, &blob->fd, &blob->size, diag));
    } else {
        CMAW_TRY(find_bytes(store, path, &bytes, diag));
        blob->size = bytes.size;
    }
    const enum cmaw_err err = cmaw_stream_open(&blob->stream, blob->fd, bytes, plain_max, diag);
    return err == CMAW_OK ? err : cmaw_diag_wrap(diag, err, "%s", path);
}

void cmaw_store_close(struct image_blob *blob)
{
    cmaw_stream_close(&blob->stream);
    cmaw_fd_close(&blob->fd);
}

static enum cmaw_err read_small(const struct image_store *store, const char *path, struct cmaw_buf *content, struct cmaw_diag *diag)
{
    CMAW_FD_AUTO(fd);
    uint64_t size = 0;
    struct cmaw_slice bytes;
    if (store->folder >= 0) {
        CMAW_TRY(open_file(store, path, &fd, &size, diag));
        return cmaw_file_read_fd(fd, path, content, diag);
    }
    CMAW_TRY(find_bytes(store, path, &bytes, diag));
    cmaw_buf_put(content, bytes);
    return content->err == CMAW_OK ? CMAW_OK : cmaw_diag_set(diag, content->err, "%s: %zu bytes are too many", path, bytes.size);
}

enum cmaw_err cmaw_store_read_json(const struct image_store *store, const char *path, const struct image_digest *digest, json_t **ret_json,
                                   struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(content, IMAGE_JSON_MAX);
    uint8_t actual[CMAW_SHA256_SIZE];
    json_error_t fault;
    CMAW_TRY(read_small(store, path, &content, diag));
    cmaw_sha256(cmaw_buf_slice(&content), actual);
    if (digest != NULL && !cmaw_slice_eq(CMAW_SLICE_ARRAY(actual), CMAW_SLICE_ARRAY(digest->bytes))) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "%s: its content has another digest", path);
    }
    json_t *json = json_loadb(content.data == NULL ? "" : (const char *)content.data, content.size, JSON_REJECT_DUPLICATES, &fault);
    if (json == NULL) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "%s:%d: %s", path, fault.line, fault.text);
    }
    *ret_json = json;
    return CMAW_OK;
}

enum cmaw_err cmaw_digest_parse(const char *text, struct image_digest *ret_digest, struct cmaw_diag *diag)
{
    static const char prefix[] = "sha256:";
    if (text == NULL) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "a digest is missing");
    }
    if (strncmp(text, prefix, sizeof prefix - 1) != 0) {
        return cmaw_diag_set(diag, CMAW_E_UNSUPPORTED, "digest %.80s is not sha256:…", text);
    }
    const char *hex = text + sizeof prefix - 1;
    if (cmaw_hex_decode_exact(cmaw_slice_of_cstr(hex), ret_digest->bytes, sizeof ret_digest->bytes) != CMAW_OK) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "digest %.80s is not 64 hex digits", text);
    }
    (void)snprintf(ret_digest->path, sizeof ret_digest->path, "blobs/sha256/%.64s", hex);
    return CMAW_OK;
}
