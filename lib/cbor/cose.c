#include "lib/cbor/cose.h"

#include <string.h>

#include "lib/cbor/write.h"

enum { TAG_SIGN1 = 18 };

enum cmaw_err cmaw_cose_sign1_parse(struct cmaw_slice bytes, enum cmaw_cbor_rules rules,
                                    struct cmaw_cose_sign1 *ret_sign1)
{
    struct cmaw_cbor cbor = cmaw_cbor_of(bytes, rules);
    struct cmaw_cose_sign1 sign1;
    if (rules == CMAW_CBOR_PLATFORM) {
        (void)cmaw_cbor_tag(&cbor, TAG_SIGN1);
    }
    cmaw_cbor_array_exact(&cbor, 4);
    sign1.protected_header = cmaw_cbor_bstr(&cbor);
    cmaw_cbor_map_exact(&cbor, 0); /* the unprotected header: it is not signed */
    sign1.payload = cmaw_cbor_bstr(&cbor);
    sign1.signature = cmaw_cbor_bstr(&cbor);
    CMAW_TRY(cmaw_cbor_end(&cbor));
    *ret_sign1 = sign1;
    return CMAW_OK;
}

void cmaw_cose_put_sign1(struct cmaw_buf *buf, const struct cmaw_cose_sign1 *sign1)
{
    cmaw_cbor_put_array(buf, 4);
    cmaw_cbor_put_bstr(buf, sign1->protected_header);
    cmaw_cbor_put_map(buf, 0);
    cmaw_cbor_put_bstr(buf, sign1->payload);
    cmaw_cbor_put_bstr(buf, sign1->signature);
}

/* A head takes at most 9 bytes: 1 + 11 + 9 and 1 + 9 fill the 32 at most. */
static size_t put_bstr_head(uint8_t *dst, size_t size)
{
    if (size < 24) {
        dst[0] = (uint8_t)(0x40 | size);
        return 1;
    }
    const unsigned power = size <= UINT8_MAX ? 0 : size <= UINT16_MAX ? 1 : size <= UINT32_MAX ? 2 : 3;
    const size_t width = (size_t)1 << power;
    dst[0] = (uint8_t)(0x58 + power);
    for (size_t i = 0; i < width; i++) {
        dst[1 + i] = (uint8_t)((uint64_t)size >> (8 * (width - 1 - i)));
    }
    return 1 + width;
}

void cmaw_cose_tbs_of(struct cmaw_slice protected_header, struct cmaw_slice payload, struct cmaw_cose_tbs *ret_tbs)
{
    static const char context[] = "\x84\x6aSignature1";
    uint8_t *first = ret_tbs->heads;
    memcpy(first, context, sizeof context - 1);
    const size_t first_size = sizeof context - 1 + put_bstr_head(first + sizeof context - 1, protected_header.size);
    uint8_t *second = first + first_size;
    second[0] = 0x40; /* external_aad */
    const size_t second_size = 1 + put_bstr_head(second + 1, payload.size);
    ret_tbs->parts[0] = cmaw_slice_of(first, first_size);
    ret_tbs->parts[1] = protected_header;
    ret_tbs->parts[2] = cmaw_slice_of(second, second_size);
    ret_tbs->parts[3] = payload;
}
