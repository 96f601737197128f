/* What is accepted as an image can be measured or not, but never crashes; and it is what the writer would write, where the
 * order of sections is the writer's. */
#include <stdlib.h>
#include <zlib.h>

#include "lib/attest/eif.h"

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
    CMAW_IGNORE(cmaw_eif_measure(&eif, &pcrs)); /* a signature section may be anything */
    CMAW_BUF_AUTO(again, FILE_MAX);
    if (cmaw_eif_write(&eif, &again) != CMAW_OK || again.size != file.size || cmaw_eif_parse(cmaw_buf_slice(&again), &eif, &field) != CMAW_OK) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check(cmaw_slice_of(data, size));
    if (size >= CMAW_EIF_HEADER_SIZE && size <= FILE_MAX) {
        CMAW_BUF_AUTO(repaired, FILE_MAX);
        cmaw_buf_put(&repaired, cmaw_slice_of(data, size));
        repair_crc(repaired.data, repaired.size);
        check(cmaw_buf_slice(&repaired));
    }
    return 0;
}
