#include "lib/crypto/ecdsa_form.h"

#include <string.h>

static const uint8_t p256_order[32] = {
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
/* (n - 1) / 2 */
static const uint8_t p256_half[32] = {
    0x7f, 0xff, 0xff, 0xff, 0x80, 0x00, 0x00, 0x00, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xde, 0x73, 0x7d, 0x56, 0xd3, 0x8b, 0xcf, 0x42, 0x79, 0xdc, 0xe5, 0x61, 0x7e, 0x31, 0x92, 0xa8};
static const uint8_t p384_order[48] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf,
    0x58, 0x1a, 0x0d, 0xb2, 0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73};

static bool scalar_in_range(enum cmaw_ec_curve curve, const uint8_t *scalar)
{
    const struct cmaw_slice order = curve == CMAW_EC_P256 ? CMAW_SLICE_ARRAY(p256_order) : CMAW_SLICE_ARRAY(p384_order);
    const struct cmaw_slice value = cmaw_slice_of(scalar, order.size);
    return !cmaw_slice_is_zero(value) && cmaw_slice_cmp(value, order) < 0;
}

bool cmaw_ecdsa_in_range(enum cmaw_ec_curve curve, const uint8_t *raw)
{
    return scalar_in_range(curve, raw) && scalar_in_range(curve, raw + cmaw_ec_scalar_size(curve));
}

bool cmaw_ecdsa_is_low(const uint8_t raw[CMAW_ES256_SIZE])
{
    return cmaw_slice_cmp(cmaw_slice_of(raw + 32, 32), CMAW_SLICE_ARRAY(p256_half)) <= 0;
}

void cmaw_ecdsa_make_low(uint8_t raw[CMAW_ES256_SIZE])
{
    if (cmaw_ecdsa_is_low(raw)) {
        return;
    }
    uint8_t *s = raw + 32;
    int borrow = 0;
    for (size_t i = 32; i-- > 0;) {
        const int diff = p256_order[i] - s[i] - borrow;
        borrow = diff < 0;
        s[i] = (uint8_t)diff;
    }
}

static size_t put_integer(const uint8_t *scalar, size_t size, uint8_t *dst)
{
    while (size > 1 && scalar[0] == 0) {
        scalar++;
        size--;
    }
    const size_t pad = scalar[0] >> 7;
    dst[0] = 2;
    dst[1] = (uint8_t)(size + pad);
    dst[2] = 0;
    memcpy(dst + 2 + pad, scalar, size);
    return 2 + pad + size;
}

size_t cmaw_ecdsa_to_der(enum cmaw_ec_curve curve, const uint8_t *raw, uint8_t ret_der[CMAW_ECDSA_DER_MAX])
{
    const size_t scalar = cmaw_ec_scalar_size(curve);
    size_t size = put_integer(raw, scalar, ret_der + 2);
    size += put_integer(raw + scalar, scalar, ret_der + 2 + size);
    ret_der[0] = 0x30;
    ret_der[1] = (uint8_t)size; /* at most 102: the short form does */
    return 2 + size;
}

/* A DER INTEGER that is not negative, into scalar_size bytes. */
static void read_integer(struct cmaw_reader *reader, size_t scalar_size, uint8_t *dst)
{
    const uint8_t tag = cmaw_read_u8(reader);
    struct cmaw_slice value = cmaw_read_bytes(reader, cmaw_read_u8(reader));
    const bool padded = value.size >= 2 && value.data[0] == 0;
    if (tag != 2 || value.size == 0 || value.data[0] >> 7 != 0 || (padded && value.data[1] >> 7 == 0)) {
        cmaw_reader_fail(reader, CMAW_E_AUTH);
        return;
    }
    value = padded ? cmaw_slice_of(value.data + 1, value.size - 1) : value;
    if (value.size > scalar_size) {
        cmaw_reader_fail(reader, CMAW_E_AUTH);
        return;
    }
    memset(dst, 0, scalar_size - value.size);
    memcpy(dst + scalar_size - value.size, value.data, value.size);
}

enum cmaw_err cmaw_ecdsa_from_der(enum cmaw_ec_curve curve, struct cmaw_slice der, uint8_t ret_raw[CMAW_ECDSA_RAW_MAX])
{
    const size_t scalar = cmaw_ec_scalar_size(curve);
    uint8_t raw[CMAW_ECDSA_RAW_MAX];
    struct cmaw_reader reader = cmaw_reader_of(der);
    const uint8_t tag = cmaw_read_u8(&reader);
    const uint8_t size = cmaw_read_u8(&reader);
    CMAW_REQUIRE(tag == 0x30 && size == reader.rest.size && size < 0x80, CMAW_E_AUTH);
    read_integer(&reader, scalar, raw);
    read_integer(&reader, scalar, raw + scalar);
    CMAW_REQUIRE(cmaw_reader_end(&reader) == CMAW_OK, CMAW_E_AUTH);
    memcpy(ret_raw, raw, 2 * scalar);
    return CMAW_OK;
}
