#include "lib/cbor/span.h"

#include "lib/base/text.h"

enum { MAJOR_UINT, MAJOR_NINT, MAJOR_BSTR, MAJOR_TSTR, MAJOR_ARRAY, MAJOR_MAP, MAJOR_TAG, MAJOR_SIMPLE };
enum { INFO_1_BYTE = 24, INFO_8_BYTES = 27, INFO_INDEFINITE = 31 };
enum { BREAK = 0xff, SIMPLE_FALSE = 20, SIMPLE_TRUE = 21, SIMPLE_NULL = 22 };

struct head {
    uint8_t major;
    uint8_t info; /* low five bits */
    uint64_t value;
};

void cmaw_cbor_fail(struct cmaw_cbor *cbor, enum cmaw_err err)
{
    if (cbor->err == CMAW_OK) {
        cbor->err = err;
        cbor->rest = CMAW_SLICE_EMPTY;
    }
}

enum cmaw_err cmaw_cbor_end(const struct cmaw_cbor *cbor)
{
    CMAW_TRY(cbor->err);
    return cbor->rest.size == 0 ? CMAW_OK : CMAW_E_MALFORMED;
}

static struct cmaw_slice take(struct cmaw_cbor *cbor, uint64_t size)
{
    if (size > cbor->rest.size) {
        cmaw_cbor_fail(cbor, CMAW_E_MALFORMED);
        return CMAW_SLICE_EMPTY;
    }
    const struct cmaw_slice bytes = cmaw_slice_of(cbor->rest.data, (size_t)size);
    if (size > 0) {
        cbor->rest = cmaw_slice_of(bytes.data + bytes.size, cbor->rest.size - bytes.size);
    }
    return bytes;
}

enum cmaw_cbor_type cmaw_cbor_peek(const struct cmaw_cbor *cbor)
{
    static const enum cmaw_cbor_type of_major[] = {CMAW_CBOR_UINT, CMAW_CBOR_NINT, CMAW_CBOR_BSTR, CMAW_CBOR_TSTR,
                                                   CMAW_CBOR_ARRAY, CMAW_CBOR_MAP, CMAW_CBOR_TAG};
    if (cbor->err != CMAW_OK || cbor->rest.size == 0 || cbor->rest.data[0] == BREAK) {
        return CMAW_CBOR_NONE;
    }
    const uint8_t first = cbor->rest.data[0];
    if (first >> 5 != MAJOR_SIMPLE) {
        return of_major[first >> 5];
    }
    switch (first & 31) {
    case SIMPLE_FALSE: return CMAW_CBOR_FALSE;
    case SIMPLE_TRUE: return CMAW_CBOR_TRUE;
    case SIMPLE_NULL: return CMAW_CBOR_NULL;
    default: return CMAW_CBOR_OTHER;
    }
}

/* RFC 8949 section 3. Which heads may be indefinite is the caller's to check; a break is never a head. */
static struct head read_head(struct cmaw_cbor *cbor)
{
    const struct cmaw_slice first = take(cbor, 1);
    if (first.size == 0 || first.data[0] == BREAK) {
        cmaw_cbor_fail(cbor, CMAW_E_MALFORMED);
        return (struct head){0};
    }
    struct head head = {first.data[0] >> 5, first.data[0] & 31, first.data[0] & 31};
    if (head.info < INFO_1_BYTE || head.info == INFO_INDEFINITE) {
        return head;
    }
    if (head.info > INFO_8_BYTES) {
        cmaw_cbor_fail(cbor, CMAW_E_MALFORMED);
        return (struct head){0};
    }
    const unsigned power = head.info - (unsigned)INFO_1_BYTE; /* the argument has 2^power bytes */
    const struct cmaw_slice bytes = take(cbor, 1u << power);
    head.value = 0;
    for (size_t i = 0; i < bytes.size; i++) {
        head.value = head.value << 8 | bytes.data[i];
    }
    /* what fits a shorter head; floats are not numbers here */
    const uint64_t too_small = power == 0 ? INFO_1_BYTE : UINT64_C(1) << (4u << power);
    if (cbor->rules == CMAW_CBOR_DETERMINISTIC && head.major != MAJOR_SIMPLE && head.value < too_small) {
        cmaw_cbor_fail(cbor, CMAW_E_MALFORMED);
    }
    return head;
}

/* The head of a definite item of this major type. */
static uint64_t read_definite(struct cmaw_cbor *cbor, uint8_t major)
{
    const struct head head = read_head(cbor);
    if (cbor->err != CMAW_OK || head.major != major || head.info == INFO_INDEFINITE) {
        cmaw_cbor_fail(cbor, CMAW_E_MALFORMED);
        return 0;
    }
    return head.value;
}

uint64_t cmaw_cbor_uint(struct cmaw_cbor *cbor)
{
    return read_definite(cbor, MAJOR_UINT);
}

uint64_t cmaw_cbor_uint_max(struct cmaw_cbor *cbor, uint64_t max)
{
    const uint64_t value = cmaw_cbor_uint(cbor);
    if (value > max) {
        cmaw_cbor_fail(cbor, CMAW_E_MALFORMED);
        return 0;
    }
    return value;
}

int64_t cmaw_cbor_int(struct cmaw_cbor *cbor)
{
    const bool negative = cmaw_cbor_peek(cbor) == CMAW_CBOR_NINT;
    const uint64_t value = read_definite(cbor, negative ? MAJOR_NINT : MAJOR_UINT);
    if (value > INT64_MAX) {
        cmaw_cbor_fail(cbor, CMAW_E_MALFORMED);
        return 0;
    }
    return negative && cbor->err == CMAW_OK ? -1 - (int64_t)value : (int64_t)value;
}

struct cmaw_slice cmaw_cbor_bstr(struct cmaw_cbor *cbor)
{
    return take(cbor, read_definite(cbor, MAJOR_BSTR));
}

struct cmaw_slice cmaw_cbor_bstr_exact(struct cmaw_cbor *cbor, size_t size)
{
    const struct cmaw_slice bytes = cmaw_cbor_bstr(cbor);
    if (bytes.size != size) {
        cmaw_cbor_fail(cbor, CMAW_E_MALFORMED);
        return CMAW_SLICE_EMPTY;
    }
    return bytes;
}

struct cmaw_slice cmaw_cbor_tstr(struct cmaw_cbor *cbor)
{
    const struct cmaw_slice text = take(cbor, read_definite(cbor, MAJOR_TSTR));
    if (!cmaw_utf8_valid(text)) {
        cmaw_cbor_fail(cbor, CMAW_E_MALFORMED);
        return CMAW_SLICE_EMPTY;
    }
    return text;
}

bool cmaw_cbor_bool(struct cmaw_cbor *cbor)
{
    const enum cmaw_cbor_type type = cmaw_cbor_peek(cbor);
    if (type != CMAW_CBOR_FALSE && type != CMAW_CBOR_TRUE) {
        cmaw_cbor_fail(cbor, CMAW_E_MALFORMED);
        return false;
    }
    (void)take(cbor, 1);
    return type == CMAW_CBOR_TRUE;
}

bool cmaw_cbor_null(struct cmaw_cbor *cbor)
{
    if (cmaw_cbor_peek(cbor) != CMAW_CBOR_NULL) {
        return false;
    }
    (void)take(cbor, 1);
    return true;
}

size_t cmaw_cbor_array(struct cmaw_cbor *cbor)
{
    const uint64_t count = read_definite(cbor, MAJOR_ARRAY);
    if (count > cbor->rest.size) { /* an element has at least a byte */
        cmaw_cbor_fail(cbor, CMAW_E_MALFORMED);
        return 0;
    }
    return (size_t)count;
}

void cmaw_cbor_array_exact(struct cmaw_cbor *cbor, size_t count)
{
    if (read_definite(cbor, MAJOR_ARRAY) != count) {
        cmaw_cbor_fail(cbor, CMAW_E_MALFORMED);
    }
}

void cmaw_cbor_map_exact(struct cmaw_cbor *cbor, size_t count)
{
    if (read_definite(cbor, MAJOR_MAP) != count) {
        cmaw_cbor_fail(cbor, CMAW_E_MALFORMED);
    }
}

void cmaw_cbor_expect_int(struct cmaw_cbor *cbor, int64_t value)
{
    if (cmaw_cbor_int(cbor) != value) {
        cmaw_cbor_fail(cbor, CMAW_E_MALFORMED);
    }
}

void cmaw_cbor_expect_tstr(struct cmaw_cbor *cbor, const char *text)
{
    if (!cmaw_slice_eq_cstr(cmaw_cbor_tstr(cbor), text)) {
        cmaw_cbor_fail(cbor, CMAW_E_MALFORMED);
    }
}

bool cmaw_cbor_tag(struct cmaw_cbor *cbor, uint64_t tag)
{
    struct cmaw_cbor ahead = *cbor;
    if (cmaw_cbor_peek(cbor) != CMAW_CBOR_TAG || read_definite(&ahead, MAJOR_TAG) != tag || ahead.err != CMAW_OK) {
        return false;
    }
    *cbor = ahead;
    return true;
}

struct cmaw_cbor_span cmaw_cbor_span_open(struct cmaw_cbor *cbor, enum cmaw_cbor_type type)
{
    const struct head head = read_head(cbor);
    const uint8_t major = type == CMAW_CBOR_MAP ? MAJOR_MAP : MAJOR_ARRAY;
    const bool indefinite = head.info == INFO_INDEFINITE;
    if (cbor->err != CMAW_OK || head.major != major || (indefinite && cbor->rules == CMAW_CBOR_DETERMINISTIC)) {
        cmaw_cbor_fail(cbor, CMAW_E_MALFORMED);
        return (struct cmaw_cbor_span){0};
    }
    return (struct cmaw_cbor_span){indefinite, indefinite ? 0 : head.value};
}

bool cmaw_cbor_span_next(struct cmaw_cbor *cbor, struct cmaw_cbor_span *span)
{
    if (cbor->err != CMAW_OK) {
        return false;
    }
    if (span->indefinite) {
        if (cbor->rest.size > 0 && cbor->rest.data[0] == BREAK) {
            (void)take(cbor, 1);
            return false;
        }
        return true;
    }
    if (span->left == 0) {
        return false;
    }
    span->left--;
    return true;
}

uint64_t cmaw_cbor_nint(struct cmaw_cbor *cbor)
{
    return read_definite(cbor, MAJOR_NINT);
}

void cmaw_cbor_skip_tag(struct cmaw_cbor *cbor)
{
    (void)read_definite(cbor, MAJOR_TAG);
}

void cmaw_cbor_skip_simple(struct cmaw_cbor *cbor)
{
    const enum cmaw_cbor_type type = cmaw_cbor_peek(cbor);
    const struct head head = read_head(cbor);
    const bool ill_formed = head.info == INFO_1_BYTE && head.value < 32;
    const bool other = type == CMAW_CBOR_OTHER;
    if (ill_formed || (other && cbor->rules == CMAW_CBOR_DETERMINISTIC)) {
        cmaw_cbor_fail(cbor, CMAW_E_MALFORMED);
    }
}
