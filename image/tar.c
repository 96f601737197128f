#include "image/tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/text.h"

enum { BLOCK = 512 };

#define WHITEOUT ".wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"

/* Between libarchive and the stream. */
struct source {
    struct image_stream *stream;
    struct cmaw_diag *diag;
    bool lenient; /* about what is missing behind the content of the last file */
    enum cmaw_err err;
};

struct reader {
    struct archive *archive;
    struct image_tree *tree;
    struct image_skipped *skipped;
    struct cmaw_diag *diag;
    bool as_layer;
};

static la_ssize_t read_plain(struct archive *archive, void *context, const void **ret_chunk)
{
    struct source *source = context;
    struct cmaw_slice bytes;
    source->err = cmaw_stream_next(source->stream, &bytes, source->diag);
    if (source->err != CMAW_OK) {
        archive_set_error(archive, EIO, "%s", source->diag->text);
        return -1;
    }
    if (bytes.size == 0 && source->lenient) {
        static const uint8_t zeros[BLOCK];
        source->lenient = false; /* once */
        bytes = cmaw_slice_of(zeros, (size_t)(-source->stream->plain_size % BLOCK));
    }
    *ret_chunk = bytes.data;
    return (la_ssize_t)bytes.size;
}

static void free_archive(struct archive **archive)
{
    (void)archive_read_free(*archive);
}

uint32_t cmaw_image_mode(uint32_t mode)
{
    return (mode & 0111) != 0 ? 0755 : 0644;
}

void cmaw_image_skip(struct image_skipped *skipped, const char *name)
{
    if (skipped->count++ == 0) {
        (void)snprintf(skipped->first, sizeof skipped->first, "%s", name);
        cmaw_text_tame(skipped->first);
    }
}

/* "./usr/bin/" is usr/bin; the root itself is the empty path. */
static struct cmaw_slice trim(const char *name)
{
    struct cmaw_slice path = cmaw_slice_of_cstr(name);
    while (path.size >= 2 && path.data[0] == '.' && path.data[1] == '/') {
        path = cmaw_slice_sub(path, 2, path.size - 2);
    }
    while (path.size > 0 && path.data[path.size - 1] == '/' && path.data[0] != '/') {
        path.size--;
    }
    return cmaw_slice_eq_cstr(path, ".") ? CMAW_SLICE_EMPTY : path;
}

static enum cmaw_err take_path(const struct reader *reader, const char *name, char ret_path[static IMAGE_TREE_PATH_MAX + 1])
{
    if (name == NULL) {
        return cmaw_diag_set(reader->diag, CMAW_E_MALFORMED, "an entry has no name that can be read");
    }
    if (cmaw_slice_to_cstr(trim(name), ret_path, IMAGE_TREE_PATH_MAX + 1) != CMAW_OK) {
        return cmaw_diag_set(reader->diag, CMAW_E_TOO_LARGE, "%.60s…: the path has more than %d bytes", name, IMAGE_TREE_PATH_MAX);
    }
    return CMAW_OK;
}

static enum cmaw_err fail(const struct reader *reader, const char *path)
{
    const char *text = archive_error_string(reader->archive);
    return cmaw_diag_set(reader->diag, CMAW_E_MALFORMED, "%s: %s", path, text == NULL ? "not a good archive" : text);
}

/* Blocks come with their places: what is between them is zero (sparse files). */
static enum cmaw_err read_content(const struct reader *reader, const char *path, size_t size, struct cmaw_buf *content)
{
    uint8_t *start = cmaw_buf_extend(content, size);
    CMAW_TRY(content->err);
    size_t filled = 0;
    for (;;) {
        const void *block;
        size_t block_size;
        la_int64_t offset;
        const int result = archive_read_data_block(reader->archive, &block, &block_size, &offset);
        if (result == ARCHIVE_EOF) {
            break;
        }
        if (result != ARCHIVE_OK) {
            return fail(reader, path);
        }
        if (offset < 0 || (uint64_t)offset < filled || (uint64_t)offset > size || block_size > size - (size_t)offset) {
            return cmaw_diag_set(reader->diag, CMAW_E_MALFORMED, "%s: its parts do not fit its size", path);
        }
        if (block_size == 0) {
            continue;
        }
        memset(start + filled, 0, (size_t)offset - filled);
        memcpy(start + (size_t)offset, block, block_size);
        filled = (size_t)offset + block_size;
    }
    memset(start + filled, 0, size - filled);
    return CMAW_OK;
}

static enum cmaw_err put_file(const struct reader *reader, struct archive_entry *entry, const char *path)
{
    const la_int64_t size = archive_entry_size(entry);
    if (!archive_entry_size_is_set(entry) || size < 0) {
        return cmaw_diag_set(reader->diag, CMAW_E_MALFORMED, "%s: it has no size", path);
    }
    CMAW_TRY(cmaw_tree_admit(reader->tree, path, (uint64_t)size, reader->diag));
    CMAW_BUF_AUTO(content, (size_t)size);
    CMAW_TRY(read_content(reader, path, (size_t)size, &content));
    return cmaw_tree_put_file(reader->tree, path, cmaw_image_mode(archive_entry_mode(entry)), &content, reader->diag);
}

static enum cmaw_err put_kind(const struct reader *reader, struct archive_entry *entry, const char *path)
{
    char from[IMAGE_TREE_PATH_MAX + 1];
    if (archive_entry_hardlink(entry) != NULL) {
        CMAW_TRY(take_path(reader, archive_entry_hardlink(entry), from));
        return cmaw_tree_put_copy(reader->tree, path, from, reader->diag);
    }
    switch (archive_entry_filetype(entry)) {
    case AE_IFREG:
        return put_file(reader, entry, path);
    case AE_IFDIR:
        return cmaw_tree_put_folder(reader->tree, path, reader->diag);
    case AE_IFLNK:
        return cmaw_tree_put_link(reader->tree, path, cmaw_slice_of_cstr(archive_entry_symlink(entry)), reader->diag);
    case AE_IFCHR:
    case AE_IFBLK:
    case AE_IFIFO:
    case AE_IFSOCK:
        cmaw_image_skip(reader->skipped, path);
        return CMAW_OK;
    default:
        return cmaw_diag_set(reader->diag, CMAW_E_UNSUPPORTED, "%s: neither a file, a folder nor a link", path);
    }
}

/* *ret_done: the entry was one, and says what of earlier layers is not to be seen. */
static enum cmaw_err hide(const struct reader *reader, char *path, bool *ret_done)
{
    char *slash = strrchr(path, '/');
    char *leaf = slash == NULL ? path : slash + 1;
    *ret_done = strncmp(leaf, WHITEOUT, sizeof WHITEOUT - 1) == 0;
    if (!*ret_done) {
        return CMAW_OK;
    }
    if (strcmp(leaf, WHITEOUT_OPAQUE) == 0) {
        return cmaw_tree_hide(reader->tree, path, true, reader->diag);
    }
    memmove(leaf, leaf + sizeof WHITEOUT - 1, strlen(leaf + sizeof WHITEOUT - 1) + 1);
    return cmaw_tree_hide(reader->tree, path, false, reader->diag);
}

static enum cmaw_err put_entry(const struct reader *reader, struct archive_entry *entry)
{
    char path[IMAGE_TREE_PATH_MAX + 1];
    bool hidden = false;
    CMAW_TRY(take_path(reader, archive_entry_pathname(entry), path));
    if (path[0] == '\0') { /* the root, which is there */
        return archive_entry_filetype(entry) == AE_IFDIR ? CMAW_OK : cmaw_diag_set(reader->diag, CMAW_E_MALFORMED, "the root itself is not a folder");
    }
    if (reader->as_layer) {
        CMAW_TRY(hide(reader, path, &hidden));
    }
    return hidden ? CMAW_OK : put_kind(reader, entry, path);
}

static enum cmaw_err read_entries(const struct reader *reader)
{
    for (size_t count = 0; count <= IMAGE_TAR_ENTRIES_MAX; count++) {
        struct archive_entry *entry;
        const int result = archive_read_next_header(reader->archive, &entry);
        if (result == ARCHIVE_EOF) {
            return CMAW_OK;
        }
        /* a warning is about attributes that libarchive would leave out, or names that are no UTF-8 where they have to be */
        if (result != ARCHIVE_OK) {
            const char *text = archive_error_string(reader->archive);
            return cmaw_diag_set(reader->diag, CMAW_E_MALFORMED, "entry %zu: %s", count + 1, text == NULL ? "not a good archive" : text);
        }
        CMAW_TRY(put_entry(reader, entry));
    }
    return cmaw_diag_set(reader->diag, CMAW_E_TOO_LARGE, "more than %d entries", IMAGE_TAR_ENTRIES_MAX);
}

enum cmaw_err cmaw_tar_read(struct image_stream *stream, bool as_layer, struct image_tree *tree, struct image_skipped *skipped,
                            struct cmaw_diag *diag)
{
    /* umoci ends a layer without the zeros behind its last file; its digest says that nothing else is missing */
    struct source source = {.stream = stream, .diag = diag, .lenient = as_layer};
    [[gnu::cleanup(free_archive)]] struct archive *archive = archive_read_new();
    CMAW_REQUIRE(archive != NULL, CMAW_E_NO_MEMORY);
    if (archive_read_support_format_tar(archive) != ARCHIVE_OK || archive_read_support_format_empty(archive) != ARCHIVE_OK ||
        archive_read_open(archive, &source, NULL, read_plain, NULL) != ARCHIVE_OK) {
        CMAW_TRY(source.err);
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "not a tar archive");
    }
    const struct reader reader = {archive, tree, skipped, diag, as_layer};
    const enum cmaw_err err = read_entries(&reader);
    return source.err != CMAW_OK ? source.err : err;
}
