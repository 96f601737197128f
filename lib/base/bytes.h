/* Pointer and length travel as one type: slices are borrowed and constant, buffers are owned, capped and wiped. */
#ifndef CMAW_BASE_BYTES_H
#define CMAW_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"

/* Borrowed bytes; {NULL, 0} is the empty slice. Valid as long as what it points into. */
struct cmaw_slice {
    const uint8_t *data;
    size_t size;
};

#define CMAW_SLICE_EMPTY ((struct cmaw_slice){NULL, 0})
/* A slice over a string literal or a char array that ends in a NUL, without the NUL. */
#define CMAW_SLICE_LIT(s) ((struct cmaw_slice){(const uint8_t *)(s), sizeof(s) - 1})
/* A slice over a whole array (not a pointer). */
#define CMAW_SLICE_ARRAY(a) ((struct cmaw_slice){(const uint8_t *)(a), sizeof(a)})

static inline struct cmaw_slice cmaw_slice_of(const void *data, size_t size)
{
    return (struct cmaw_slice){(const uint8_t *)data, size};
}
/* The bytes of a C string, without its NUL; NULL gives the empty slice. */
struct cmaw_slice cmaw_slice_of_cstr(const char *text);
/* Public data only: takes time that depends on the content. Secrets: cmaw_secret_eq, cmaw_ct_eq. */
bool cmaw_slice_eq(struct cmaw_slice a, struct cmaw_slice b);
bool cmaw_slice_eq_cstr(struct cmaw_slice a, const char *text);
/* Order of unsigned bytes, shorter first on a common prefix: <0, 0, >0. Public data only. */
int cmaw_slice_cmp(struct cmaw_slice a, struct cmaw_slice b);
bool cmaw_slice_is_zero(struct cmaw_slice a);
/* Bytes [from, from + size) of a, or the empty slice if that is not inside a. */
struct cmaw_slice cmaw_slice_sub(struct cmaw_slice a, size_t from, size_t size);
/* Copies a into dst (capacity bytes) and ends it with NUL. MALFORMED if a holds a NUL, TOO_LARGE if it does not fit. */
enum cmaw_err cmaw_slice_to_cstr(struct cmaw_slice a, char *dst, size_t capacity);

/* Owned bytes that grow up to max. The first failed append latches err, and every later append does nothing, so a
 * writer appends in a straight list and checks cmaw_buf_err once. Memory that is left behind is wiped. */
struct cmaw_buf {
    uint8_t *data;
    size_t size;
    size_t cap;
    size_t max;
    enum cmaw_err err;
};

#define CMAW_BUF(limit) ((struct cmaw_buf){.max = (limit)})
/* A buffer variable that frees itself at the end of its scope. */
#define CMAW_BUF_AUTO(name, limit) [[gnu::cleanup(cmaw_buf_free)]] struct cmaw_buf name = CMAW_BUF(limit)

/* Wipes and frees; the buffer is empty and usable afterwards. NULL-safe. */
void cmaw_buf_free(struct cmaw_buf *buf);
/* Forgets the content (wiped) and the error, keeps the memory. */
void cmaw_buf_reset(struct cmaw_buf *buf);
/* Room for n more bytes without moving; TOO_LARGE over max, NO_MEMORY. Latches. */
enum cmaw_err cmaw_buf_reserve(struct cmaw_buf *buf, size_t n);
/* Appends n bytes of undefined content and returns where they start, or NULL with the error latched. */
uint8_t *cmaw_buf_extend(struct cmaw_buf *buf, size_t n);
void cmaw_buf_put(struct cmaw_buf *buf, struct cmaw_slice bytes);
void cmaw_buf_put_cstr(struct cmaw_buf *buf, const char *text);
void cmaw_buf_put_u8(struct cmaw_buf *buf, uint8_t value);
void cmaw_buf_put_u16be(struct cmaw_buf *buf, uint16_t value);
void cmaw_buf_put_u32be(struct cmaw_buf *buf, uint32_t value);
void cmaw_buf_put_u64be(struct cmaw_buf *buf, uint64_t value);
/* u32be(size) and the bytes: lp() of PROTOCOL.md section 2. */
void cmaw_buf_put_lp(struct cmaw_buf *buf, struct cmaw_slice bytes);
[[gnu::format(printf, 2, 3)]] void cmaw_buf_printf(struct cmaw_buf *buf, const char *format, ...);
/* Cuts to size, which must not exceed the present one; what is cut is wiped. */
void cmaw_buf_truncate(struct cmaw_buf *buf, size_t size);
static inline struct cmaw_slice cmaw_buf_slice(const struct cmaw_buf *buf)
{
    return cmaw_slice_of(buf->data, buf->size);
}
static inline enum cmaw_err cmaw_buf_err(const struct cmaw_buf *buf)
{
    return buf->err;
}

/* Reads a slice from the front. The first failure latches err; later reads give zeros and empty slices. */
struct cmaw_reader {
    struct cmaw_slice rest;
    enum cmaw_err err;
};

static inline struct cmaw_reader cmaw_reader_of(struct cmaw_slice bytes)
{
    return (struct cmaw_reader){bytes, CMAW_OK};
}
uint8_t cmaw_read_u8(struct cmaw_reader *reader);
uint16_t cmaw_read_u16be(struct cmaw_reader *reader);
uint32_t cmaw_read_u32be(struct cmaw_reader *reader);
uint64_t cmaw_read_u64be(struct cmaw_reader *reader);
struct cmaw_slice cmaw_read_bytes(struct cmaw_reader *reader, size_t size);
/* Latches err if none is latched yet. */
void cmaw_reader_fail(struct cmaw_reader *reader, enum cmaw_err err);
/* The latched error, or MALFORMED if bytes are left. */
enum cmaw_err cmaw_reader_end(const struct cmaw_reader *reader);

/* Overwrites memory in a way the compiler keeps. */
void cmaw_wipe(void *data, size_t size);
/* Equality in time that depends on the sizes only. */
bool cmaw_ct_eq(struct cmaw_slice a, struct cmaw_slice b);

#endif
