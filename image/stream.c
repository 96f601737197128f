#include "image/stream.h"

#include <archive.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

/* libarchive asks for the packed bytes. */
static la_ssize_t read_packed(struct archive *archive, void *context, const void **ret_chunk)
{
    struct image_stream *stream = context;
    struct cmaw_slice got = cmaw_slice_sub(stream->bytes, 0, stream->bytes.size < sizeof stream->chunk ? stream->bytes.size : sizeof stream->chunk);
    if (stream->fd >= 0) {
        ssize_t size;
        do {
            size = read(stream->fd, stream->chunk, sizeof stream->chunk);
        } while (size < 0 && errno == EINTR);
        if (size < 0) {
            archive_set_error(archive, errno, "cannot be read");
            return -1;
        }
        got = cmaw_slice_of(stream->chunk, (size_t)size);
    } else {
        stream->bytes = cmaw_slice_sub(stream->bytes, got.size, stream->bytes.size - got.size);
    }
    stream->packed_size += got.size;
    if (stream->packed_size > IMAGE_STREAM_MAX) {
        archive_set_error(archive, EFBIG, "too large");
        return -1;
    }
    cmaw_hash_update(&stream->packed, got);
    *ret_chunk = got.data;
    return (la_ssize_t)got.size;
}

static enum cmaw_err fail(const struct image_stream *stream, struct cmaw_diag *diag)
{
    const char *text = archive_error_string(stream->filters);
    const int errnum = archive_errno(stream->filters);
    const enum cmaw_err err = errnum == EFBIG ? CMAW_E_TOO_LARGE : errnum == ENOMEM ? CMAW_E_NO_MEMORY : CMAW_E_MALFORMED;
    return cmaw_diag_set(diag, err, "%s", text == NULL ? "cannot be unpacked" : text);
}

static bool configure(struct archive *archive)
{
    return archive_read_support_filter_gzip(archive) == ARCHIVE_OK && archive_read_support_filter_zstd(archive) == ARCHIVE_OK &&
           archive_read_support_filter_xz(archive) == ARCHIVE_OK && archive_read_support_filter_bzip2(archive) == ARCHIVE_OK &&
           archive_read_support_format_raw(archive) == ARCHIVE_OK && archive_read_support_format_empty(archive) == ARCHIVE_OK;
}

enum cmaw_err cmaw_stream_open(struct image_stream *stream, int fd, struct cmaw_slice bytes, uint64_t plain_max, struct cmaw_diag *diag)
{
    struct archive_entry *entry;
    stream->fd = fd;
    stream->bytes = bytes;
    stream->packed_size = stream->plain_size = 0;
    stream->plain_max = plain_max;
    stream->ended = false;
    cmaw_hash_init(CMAW_SHA256, &stream->packed);
    cmaw_hash_init(CMAW_SHA256, &stream->plain);
    stream->filters = archive_read_new();
    if (stream->filters == NULL || !configure(stream->filters)) {
        return cmaw_diag_set(diag, CMAW_E_UNSUPPORTED, "this build unpacks no gzip, zstd, xz and bzip2");
    }
    if (archive_read_open(stream->filters, stream, NULL, read_packed, NULL) != ARCHIVE_OK) {
        return fail(stream, diag);
    }
    /* one filter, and the one that stands for reading as it is */
    if (archive_filter_count(stream->filters) > 2) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "compressed more than once");
    }
    const int first = archive_read_next_header(stream->filters, &entry);
    stream->ended = first == ARCHIVE_EOF; /* nothing in it */
    return first == ARCHIVE_OK || first == ARCHIVE_EOF ? CMAW_OK : fail(stream, diag);
}

enum cmaw_err cmaw_stream_next(struct image_stream *stream, struct cmaw_slice *ret_bytes, struct cmaw_diag *diag)
{
    *ret_bytes = CMAW_SLICE_EMPTY;
    while (!stream->ended && ret_bytes->size == 0) {
        const void *data = NULL;
        la_int64_t offset;
        const int result = archive_read_data_block(stream->filters, &data, &ret_bytes->size, &offset);
        stream->ended = result == ARCHIVE_EOF;
        if (result != ARCHIVE_OK && result != ARCHIVE_EOF) {
            return fail(stream, diag);
        }
        ret_bytes->size = stream->ended ? 0 : ret_bytes->size;
        ret_bytes->data = data;
    }
    stream->plain_size += ret_bytes->size;
    if (stream->plain_size > stream->plain_max) {
        return cmaw_diag_set(diag, CMAW_E_TOO_LARGE, "more than %llu bytes when unpacked", (unsigned long long)stream->plain_max);
    }
    cmaw_hash_update(&stream->plain, *ret_bytes);
    return CMAW_OK;
}

enum cmaw_err cmaw_stream_finish(struct image_stream *stream, uint8_t ret_packed[CMAW_SHA256_SIZE], uint8_t ret_plain[CMAW_SHA256_SIZE],
                                 struct cmaw_diag *diag)
{
    const void *rest;
    struct cmaw_slice bytes;
    do {
        CMAW_TRY(cmaw_stream_next(stream, &bytes, diag));
    } while (bytes.size > 0);
    /* and what stands behind the end of what is compressed */
    for (la_ssize_t size = 1; size > 0;) {
        size = read_packed(stream->filters, stream, &rest);
        if (size < 0) {
            return fail(stream, diag);
        }
    }
    cmaw_hash_finish(&stream->packed, ret_packed);
    cmaw_hash_finish(&stream->plain, ret_plain);
    return CMAW_OK;
}

void cmaw_stream_close(struct image_stream *stream)
{
    (void)archive_read_free(stream->filters);
    stream->filters = NULL;
}
