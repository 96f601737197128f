#include <string.h>

#include "lib/attest/eif_sign.h"
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

static enum cmaw_err measure_certificate(struct cmaw_slice section, uint8_t ret_pcr[static CMAW_EIF_PCR_SIZE])
{
    CMAW_EIF_SIGNATURE_AUTO(signature);
    const char *field = NULL;
    CMAW_TRY(cmaw_eif_signature_read(section, &signature, &field));
    const struct cmaw_slice certificate = cmaw_buf_slice(&signature.der);
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
        CMAW_TRY(measure_certificate(eif->signature, pcrs.pcr8));
    }
    *ret_pcrs = pcrs;
    return CMAW_OK;
}
