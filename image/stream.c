#include "image/stream.h"

#include <archive.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { GZIP_WINDOW = 15 + 16 }; /* zlib: the largest, with gzip's head and checksum */

/* The next packed bytes, hashed; the empty slice at the end. */
static enum cmaw_err read_chunk(struct image_stream *stream, struct cmaw_slice *ret_bytes)
{
    struct cmaw_slice got = cmaw_slice_sub(stream->bytes, 0, stream->bytes.size < sizeof stream->chunk ? stream->bytes.size : sizeof stream->chunk);
    if (stream->fd >= 0) {
        ssize_t size;
        do {
            size = read(stream->fd, stream->chunk, sizeof stream->chunk);
        } while (size < 0 && errno == EINTR);
        CMAW_REQUIRE(size >= 0, CMAW_E_IO);
        got = cmaw_slice_of(stream->chunk, (size_t)size);
    } else {
        stream->bytes = cmaw_slice_sub(stream->bytes, got.size, stream->bytes.size - got.size);
    }
    stream->packed_size += got.size;
    CMAW_REQUIRE(stream->packed_size <= IMAGE_STREAM_MAX, CMAW_E_TOO_LARGE);
    cmaw_hash_update(&stream->packed, got);
    *ret_bytes = got;
    return CMAW_OK;
}

/* libarchive asks for the packed bytes. */
static la_ssize_t read_packed(struct archive *archive, void *context, const void **ret_chunk)
{
    struct image_stream *stream = context;
    struct cmaw_slice bytes = stream->pending;
    const enum cmaw_err err = bytes.size > 0 ? CMAW_OK : read_chunk(stream, &bytes);
    stream->pending = CMAW_SLICE_EMPTY;
    if (err != CMAW_OK) {
        archive_set_error(archive, err == CMAW_E_TOO_LARGE ? EFBIG : EIO, "%s", cmaw_err_text(err));
        return -1;
    }
    *ret_chunk = bytes.data;
    return (la_ssize_t)bytes.size;
}

static enum cmaw_err fail(const struct image_stream *stream, struct cmaw_diag *diag)
{
    const char *text = archive_error_string(stream->filters);
    const int errnum = archive_errno(stream->filters);
    const enum cmaw_err err = errnum == EFBIG ? CMAW_E_TOO_LARGE : errnum == ENOMEM ? CMAW_E_NO_MEMORY : CMAW_E_MALFORMED;
    return cmaw_diag_set(diag, err, "%s", text == NULL ? "cannot be unpacked" : text);
}

static bool starts_with(struct cmaw_slice bytes, struct cmaw_slice magic)
{
    return cmaw_slice_eq(cmaw_slice_sub(bytes, 0, magic.size), magic);
}

static bool is_gzip(struct cmaw_slice bytes)
{
    return starts_with(bytes, CMAW_SLICE_LIT("\x1f\x8b"));
}

static bool is_packed(struct cmaw_slice bytes)
{
    return is_gzip(bytes) || starts_with(bytes, CMAW_SLICE_LIT("\x28\xb5\x2f\xfd")) || starts_with(bytes, CMAW_SLICE_LIT("\xfd" "7zXZ")) ||
           (starts_with(bytes, CMAW_SLICE_LIT("BZh")) && cmaw_slice_eq_cstr(cmaw_slice_sub(bytes, 4, 6), "1AY&SY"));
}

static bool configure(struct archive *archive)
{
    return archive_read_support_filter_zstd(archive) == ARCHIVE_OK && archive_read_support_filter_xz(archive) == ARCHIVE_OK &&
           archive_read_support_filter_bzip2(archive) == ARCHIVE_OK && archive_read_support_format_raw(archive) == ARCHIVE_OK &&
           archive_read_support_format_empty(archive) == ARCHIVE_OK;
}

static enum cmaw_err open_filters(struct image_stream *stream, struct cmaw_diag *diag)
{
    struct archive_entry *entry;
    stream->filters = archive_read_new();
    if (stream->filters == NULL || !configure(stream->filters)) {
        return cmaw_diag_set(diag, CMAW_E_UNSUPPORTED, "this build unpacks no zstd, xz and bzip2");
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

static enum cmaw_err open_gzip(struct image_stream *stream)
{
    stream->gzip = calloc(1, sizeof *stream->gzip);
    CMAW_REQUIRE(stream->gzip != NULL, CMAW_E_NO_MEMORY);
    stream->in_member = true;
    return inflateInit2(stream->gzip, GZIP_WINDOW) == Z_OK ? CMAW_OK : CMAW_E_NO_MEMORY;
}

enum cmaw_err cmaw_stream_open(struct image_stream *stream, int fd, struct cmaw_slice bytes, uint64_t plain_max, struct cmaw_diag *diag)
{
    stream->fd = fd;
    stream->bytes = bytes;
    stream->packed_size = stream->plain_size = 0;
    stream->plain_max = plain_max;
    stream->filters = NULL;
    stream->gzip = NULL;
    stream->begun = stream->ended = false;
    cmaw_hash_init(CMAW_SHA256, &stream->packed);
    cmaw_hash_init(CMAW_SHA256, &stream->plain);
    CMAW_TRY(read_chunk(stream, &stream->pending));
    return is_gzip(stream->pending) ? open_gzip(stream) : open_filters(stream, diag);
}

static enum cmaw_err next_of_filters(struct image_stream *stream, struct cmaw_slice *ret_bytes, struct cmaw_diag *diag)
{
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
    return CMAW_OK;
}

static struct cmaw_slice skip_zeros(struct cmaw_slice bytes)
{
    size_t count = 0;
    while (count < bytes.size && bytes.data[count] == 0) {
        count++;
    }
    return cmaw_slice_sub(bytes, count, bytes.size - count);
}

/* One step: out of what is pending, of which there is some. Members may follow each other, and zeros the last. */
static enum cmaw_err inflate_pending(struct image_stream *stream, struct cmaw_diag *diag)
{
    z_stream *gzip = stream->gzip;
    if (!stream->in_member) {
        stream->pending = skip_zeros(stream->pending);
        if (stream->pending.size == 0) {
            return CMAW_OK;
        }
        stream->in_member = inflateReset(gzip) == Z_OK;
    }
    gzip->next_in = (z_const Bytef *)(uintptr_t)stream->pending.data;
    gzip->avail_in = (uInt)stream->pending.size;
    const int result = inflate(gzip, Z_NO_FLUSH);
    stream->pending = cmaw_slice_sub(stream->pending, stream->pending.size - gzip->avail_in, gzip->avail_in);
    stream->in_member = result != Z_STREAM_END;
    if (result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR) {
        return CMAW_OK;
    }
    return cmaw_diag_set(diag, result == Z_MEM_ERROR ? CMAW_E_NO_MEMORY : CMAW_E_MALFORMED, "gzip: %s", gzip->msg == NULL ? "damaged" : gzip->msg);
}

static enum cmaw_err next_of_gzip(struct image_stream *stream, struct cmaw_slice *ret_bytes, struct cmaw_diag *diag)
{
    stream->gzip->next_out = stream->unpacked;
    stream->gzip->avail_out = sizeof stream->unpacked;
    while (!stream->ended && stream->gzip->avail_out == sizeof stream->unpacked) {
        if (stream->pending.size == 0) {
            CMAW_TRY(read_chunk(stream, &stream->pending));
        }
        stream->ended = stream->pending.size == 0;
        if (stream->ended && stream->in_member) {
            return cmaw_diag_set(diag, CMAW_E_MALFORMED, "gzip: it ends in the middle");
        }
        if (!stream->ended) {
            CMAW_TRY(inflate_pending(stream, diag));
        }
    }
    *ret_bytes = cmaw_slice_of(stream->unpacked, sizeof stream->unpacked - stream->gzip->avail_out);
    return CMAW_OK;
}

enum cmaw_err cmaw_stream_next(struct image_stream *stream, struct cmaw_slice *ret_bytes, struct cmaw_diag *diag)
{
    *ret_bytes = CMAW_SLICE_EMPTY;
    CMAW_TRY(stream->gzip != NULL ? next_of_gzip(stream, ret_bytes, diag) : next_of_filters(stream, ret_bytes, diag));
    if (!stream->begun && is_packed(*ret_bytes)) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "compressed more than once");
    }
    stream->begun = true;
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
    struct cmaw_slice bytes;
    do {
        CMAW_TRY(cmaw_stream_next(stream, &bytes, diag));
    } while (bytes.size > 0);
    do { /* and what stands behind the end of what is compressed */
        CMAW_TRY(read_chunk(stream, &bytes));
    } while (bytes.size > 0);
    cmaw_hash_finish(&stream->packed, ret_packed);
    cmaw_hash_finish(&stream->plain, ret_plain);
    return CMAW_OK;
}

void cmaw_stream_close(struct image_stream *stream)
{
    (void)archive_read_free(stream->filters);
    stream->filters = NULL;
    if (stream->gzip != NULL) {
        (void)inflateEnd(stream->gzip);
        free(stream->gzip);
        stream->gzip = NULL;
    }
}
