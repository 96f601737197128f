#include "lib/attest/eif_sign.h"
#include "lib/crypto/hash.h"

static const uint8_t zero_register[CMAW_EIF_PCR_SIZE];

/* What a register holds after one extension with data: SHA-384(zeros ‖ data). */
static void extend_zero(struct cmaw_slice data, uint8_t ret_pcr[static CMAW_EIF_PCR_SIZE])
{
    const struct cmaw_slice parts[] = {CMAW_SLICE_ARRAY(zero_register), data};
    cmaw_sha384_parts(parts, 2, ret_pcr);
}

/* What a register holds of content that has been hashed. */
static void finish(struct cmaw_hash *hash, uint8_t ret_pcr[static CMAW_EIF_PCR_SIZE])
{
    uint8_t content[CMAW_EIF_PCR_SIZE];
    cmaw_hash_finish(hash, content);
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
    uint8_t content[CMAW_EIF_PCR_SIZE];
    cmaw_sha384(cmaw_buf_slice(&signature.der), content);
    extend_zero(CMAW_SLICE_ARRAY(content), ret_pcr);
    return CMAW_OK;
}

/* PCR0 goes on where PCR1 ends, so that nothing is hashed three times. */
static void measure_content(const struct cmaw_eif *eif, struct cmaw_eif_pcrs *pcrs)
{
    struct cmaw_hash all, rest;
    cmaw_hash_init(CMAW_SHA384, &all);
    cmaw_hash_init(CMAW_SHA384, &rest);
    cmaw_hash_update(&all, eif->kernel);
    cmaw_hash_update(&all, eif->cmdline);
    cmaw_hash_update(&all, eif->ramdisks[0]);
    struct cmaw_hash first = all;
    for (size_t i = 1; i < eif->ramdisk_count; i++) {
        cmaw_hash_update(&all, eif->ramdisks[i]);
        cmaw_hash_update(&rest, eif->ramdisks[i]);
    }
    finish(&all, pcrs->pcr0);
    finish(&first, pcrs->pcr1);
    finish(&rest, pcrs->pcr2);
}

enum cmaw_err cmaw_eif_measure(const struct cmaw_eif *eif, struct cmaw_eif_pcrs *ret_pcrs)
{
    struct cmaw_eif_pcrs pcrs = {.is_signed = eif->signature.size > 0};
    CMAW_REQUIRE(eif->ramdisk_count >= 1 && eif->ramdisk_count <= CMAW_EIF_RAMDISKS_MAX, CMAW_E_BUG);
    measure_content(eif, &pcrs);
    if (pcrs.is_signed) {
        CMAW_TRY(measure_certificate(eif->signature, pcrs.pcr8));
    }
    *ret_pcrs = pcrs;
    return CMAW_OK;
}
