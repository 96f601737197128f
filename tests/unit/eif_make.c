#include "tests/unit/eif_make.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <zlib.h>
/* after the standard headers it needs */
#include <cmocka.h>

#include "lib/crypto/x509_make.h"

void eif_make_put(uint8_t *at, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        at[i] = (uint8_t)(value >> 8 * (size - 1 - i));
    }
}

void eif_make_repair_crc(struct cmaw_buf *file)
{
    if (file->size >= CMAW_EIF_HEADER_SIZE) {
        uLong crc = crc32(0, file->data, EIF_MAKE_CRC_OFFSET);
        crc = crc32(crc, file->data + CMAW_EIF_HEADER_SIZE, (uInt)(file->size - CMAW_EIF_HEADER_SIZE));
        eif_make_put(file->data + EIF_MAKE_CRC_OFFSET, crc, 4);
    }
}

void eif_make_file(const struct eif_section *sections, size_t count, struct cmaw_buf *file)
{
    memset(cmaw_buf_extend(file, CMAW_EIF_HEADER_SIZE), 0, CMAW_EIF_HEADER_SIZE);
    for (size_t i = 0; i < count; i++) {
        if (i < CMAW_EIF_SECTIONS_MAX) {
            eif_make_put(file->data + EIF_MAKE_OFFSETS + 8 * i, file->size, 8);
            eif_make_put(file->data + EIF_MAKE_SIZES + 8 * i, sections[i].payload.size, 8);
        }
        cmaw_buf_put_u16be(file, sections[i].type);
        cmaw_buf_put_u16be(file, 0);
        cmaw_buf_put_u64be(file, sections[i].payload.size);
        cmaw_buf_put(file, sections[i].payload);
    }
    memcpy(file->data, ".eif\0\4", 6);
    eif_make_put(file->data + 0x1a, count, 2);
    eif_make_repair_crc(file);
}

void eif_signer_make(enum cmaw_ec_curve curve, int64_t not_before_s, int64_t not_after_s, struct eif_signer *signer)
{
    const struct cmaw_x509_spec spec = {.common_name = "signer", .organization = "Example", .country = "DE", .not_before_s = not_before_s,
                                        .not_after_s = not_after_s};
    signer->certificate = CMAW_BUF(EIF_MAKE_MAX);
    assert_int_equal(cmaw_ec_generate(curve, &signer->key), CMAW_OK);
    assert_int_equal(cmaw_x509_make(&spec, signer->key, CMAW_SLICE_EMPTY, signer->key, &signer->certificate), CMAW_OK);
}

void eif_signer_free(struct eif_signer *signer)
{
    cmaw_ec_key_free(signer->key);
    cmaw_buf_free(&signer->certificate);
}

struct cmaw_eif eif_make_content(void)
{
    static const char metadata[] = "{\"ImageName\":\"sample\",\"ImageVersion\":\"1\",\"BuildMetadata\":{\"BuildTime\":\"-\",\"BuildTool\":\"-\","
                                   "\"BuildToolVersion\":\"-\",\"OperatingSystem\":\"Linux\",\"KernelVersion\":\"-\"},\"DockerInfo\":{},"
                                   "\"CustomMetadata\":null}";
    return (struct cmaw_eif){.default_mem = 1 << 30, .default_cpus = 2, .kernel = CMAW_SLICE_LIT("KERNEL"), .cmdline = CMAW_SLICE_LIT("console=ttyS0"),
                             .metadata = CMAW_SLICE_LIT(metadata), .ramdisks = {CMAW_SLICE_LIT("first ramdisk"), CMAW_SLICE_LIT("second ramdisk")},
                             .ramdisk_count = 2};
}
