#include <string.h>

#include "lib/attest/eif.h"
#include "lib/base/text.h"
#include "lib/cbor/read.h"
#include "lib/crypto/hash.h"

static const uint8_t zero_register[CMAW_EIF_PCR_SIZE];

/* What a register holds after one extension with data: SHA-384(zeros ‖ data). */
static void extend_zero(struct cmaw_slice data, uint8_t ret_pcr[static CMAW_EIF_PCR_SIZE])
{
    const struct cmaw_slice parts[] = {CMAW_SLICE_ARRAY(zero_register), data};
    cmaw_sha384_parts(parts, 2, ret_pcr);
}

static void measure(const struct cmaw_slice *parts, size_t count, uint8_t ret_pcr[static CMAW_EIF_PCR_SIZE])
{
    uint8_t content[CMAW_EIF_PCR_SIZE];
    cmaw_sha384_parts(parts, count, content);
    extend_zero(CMAW_SLICE_ARRAY(content), ret_pcr);
}

enum cmaw_err cmaw_eif_pcr_of_text(struct cmaw_slice text, uint8_t ret_pcr[static CMAW_EIF_PCR_SIZE])
{
    CMAW_REQUIRE(text.size > 0, CMAW_E_MALFORMED);
    extend_zero(text, ret_pcr);
    return CMAW_OK;
}

/* An array of integers 0..255, which is how nitro-cli writes bytes. */
static void read_byte_array(struct cmaw_cbor *cbor, struct cmaw_buf *bytes)
{
    const size_t count = cmaw_cbor_array(cbor);
    for (size_t i = 0; i < count && cbor->err == CMAW_OK; i++) {
        cmaw_buf_put_u8(bytes, (uint8_t)cmaw_cbor_uint_max(cbor, UINT8_MAX));
    }
}

/* The DER of the one certificate that the text holds. */
static enum cmaw_err decode_certificate(struct cmaw_slice pem, struct cmaw_buf *der)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----\n", end[] = "-----END CERTIFICATE-----";
    CMAW_BUF_AUTO(body, CMAW_EIF_SIGNATURE_MAX);
    CMAW_REQUIRE(cmaw_slice_eq(cmaw_slice_sub(pem, 0, sizeof begin - 1), CMAW_SLICE_LIT(begin)), CMAW_E_MALFORMED);
    size_t at = sizeof begin - 1;
    for (; at < pem.size && pem.data[at] != '-'; at++) {
        if (pem.data[at] != '\n') {
            cmaw_buf_put_u8(&body, pem.data[at]);
        }
    }
    const struct cmaw_slice tail = cmaw_slice_sub(pem, at, pem.size - at);
    CMAW_REQUIRE(cmaw_slice_eq_cstr(tail, end) || cmaw_slice_eq(tail, CMAW_SLICE_LIT("-----END CERTIFICATE-----\n")),
                 CMAW_E_MALFORMED);
    CMAW_TRY(cmaw_buf_err(&body));
    CMAW_REQUIRE(body.size > 0, CMAW_E_MALFORMED);
    return cmaw_base64_decode(cmaw_buf_slice(&body), der);
}

/* [{"signing_certificate": [bytes of PEM], "signature": [bytes of COSE_Sign1]}] */
static enum cmaw_err measure_signature(struct cmaw_slice signature, uint8_t ret_pcr[static CMAW_EIF_PCR_SIZE])
{
    CMAW_BUF_AUTO(pem, CMAW_EIF_SIGNATURE_MAX);
    CMAW_BUF_AUTO(cose, CMAW_EIF_SIGNATURE_MAX);
    CMAW_BUF_AUTO(der, CMAW_EIF_SIGNATURE_MAX);
    struct cmaw_cbor cbor = cmaw_cbor_of(signature, CMAW_CBOR_PLATFORM);
    cmaw_cbor_array_exact(&cbor, 1);
    cmaw_cbor_map_exact(&cbor, 2);
    cmaw_cbor_expect_tstr(&cbor, "signing_certificate");
    read_byte_array(&cbor, &pem);
    cmaw_cbor_expect_tstr(&cbor, "signature");
    read_byte_array(&cbor, &cose);
    CMAW_TRY(cmaw_cbor_end(&cbor));
    CMAW_TRY(cmaw_buf_err(&pem));
    CMAW_TRY(cmaw_buf_err(&cose));
    CMAW_TRY(decode_certificate(cmaw_buf_slice(&pem), &der));
    const struct cmaw_slice certificate = cmaw_buf_slice(&der);
    measure(&certificate, 1, ret_pcr);
    return CMAW_OK;
}

enum cmaw_err cmaw_eif_measure(const struct cmaw_eif *eif, struct cmaw_eif_pcrs *ret_pcrs)
{
    struct cmaw_eif_pcrs pcrs = {.is_signed = eif->signature.size > 0};
    struct cmaw_slice parts[2 + CMAW_EIF_RAMDISKS_MAX] = {eif->kernel, eif->cmdline};
    CMAW_REQUIRE(eif->ramdisk_count >= 1 && eif->ramdisk_count <= CMAW_EIF_RAMDISKS_MAX, CMAW_E_BUG);
    memcpy(parts + 2, eif->ramdisks, eif->ramdisk_count * sizeof parts[0]);
    measure(parts, 2 + eif->ramdisk_count, pcrs.pcr0);
    measure(parts, 3, pcrs.pcr1);
    measure(parts + 3, eif->ramdisk_count - 1, pcrs.pcr2);
    if (pcrs.is_signed) {
        CMAW_TRY(measure_signature(eif->signature, pcrs.pcr8));
    }
    *ret_pcrs = pcrs;
    return CMAW_OK;
}
