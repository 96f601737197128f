/* What is accepted as an image can be measured, and is what the writer would write, where the order of sections is the writer's. A signature
 * section, in an image or alone, is refused by the name of a field, or can be checked, with a reason where it does not hold. */
#include <stdlib.h>
#include <zlib.h>

#include "lib/attest/eif_sign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILE_MAX = 1 << 20, CRC_OFFSET = 0x220 };

static void repair_crc(uint8_t *file, size_t size)
{
    uLong crc = crc32(0, file, CRC_OFFSET);
    if (size > CMAW_EIF_HEADER_SIZE) {
        crc = crc32(crc, file + CMAW_EIF_HEADER_SIZE, (uInt)(size - CMAW_EIF_HEADER_SIZE));
    }
    for (int i = 0; i < 4; i++) {
        file[CRC_OFFSET + i] = (uint8_t)(crc >> (24 - 8 * i));
    }
}

static void check_signature(struct cmaw_slice section, const uint8_t pcr0[static CMAW_EIF_PCR_SIZE])
{
    CMAW_EIF_SIGNATURE_AUTO(signature);
    const char *field = "none", *fault = "none";
    const enum cmaw_err err = cmaw_eif_signature_read(section, &signature, &field);
    if ((err == CMAW_OK) != (field == NULL) || (err == CMAW_OK) != (signature.der.size > 0)) {
        abort();
    }
    if (err != CMAW_OK) {
        return;
    }
    const enum cmaw_err held = cmaw_eif_signature_check(&signature, pcr0, &fault);
    if ((held == CMAW_OK) != (fault == NULL) || (held != CMAW_OK && held != CMAW_E_AUTH && held != CMAW_E_UNSUPPORTED)) {
        abort();
    }
}

static void check(struct cmaw_slice file)
{
    struct cmaw_eif eif;
    struct cmaw_eif_pcrs pcrs;
    const char *field = "none";
    const enum cmaw_err err = cmaw_eif_parse(file, &eif, &field);
    if ((err == CMAW_OK) != (field == NULL)) {
        abort();
    }
    if (err != CMAW_OK) {
        return;
    }
    if (cmaw_eif_measure(&eif, &pcrs) != CMAW_OK) {
        abort();
    }
    if (pcrs.is_signed) {
        check_signature(eif.signature, pcrs.pcr0);
    }
    CMAW_BUF_AUTO(again, FILE_MAX);
    if (cmaw_eif_write(&eif, &again) != CMAW_OK || again.size != file.size || cmaw_eif_parse(cmaw_buf_slice(&again), &eif, &field) != CMAW_OK) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t some_pcr0[CMAW_EIF_PCR_SIZE];
    check_signature(cmaw_slice_of(data, size), some_pcr0);
    check(cmaw_slice_of(data, size));
    if (size >= CMAW_EIF_HEADER_SIZE && size <= FILE_MAX) {
        CMAW_BUF_AUTO(repaired, FILE_MAX);
        cmaw_buf_put(&repaired, cmaw_slice_of(data, size));
        repair_crc(repaired.data, repaired.size);
        check(cmaw_buf_slice(&repaired));
    }
    return 0;
}
