#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after the standard headers it needs */
#include <cmocka.h>

#include "lib/attest/eif.h"
#include "lib/base/text.h"
#include "lib/crypto/hash.h"
#include "tests/unit/eif_bad_signature.h"
#include "tests/unit/vectors.h"

enum { FILE_MAX = EIF_MAKE_MAX };

static enum cmaw_err parse(const struct cmaw_buf *file, const char **ret_field)
{
    struct cmaw_eif eif;
    return cmaw_eif_parse(cmaw_buf_slice(file), &eif, ret_field);
}

static void the_published_image_is_read_measured_and_rebuilt(void **state)
{
    (void)state;
    VECTORS_OR_SKIP();
    CMAW_BUF_AUTO(file, FILE_MAX);
    vectors_file("eif/one-ramdisk.eif", &file);
    json_t *document = vectors_json("eif/expected.json");
    json_t *expected = json_object_get(document, "one-ramdisk");
    struct cmaw_eif eif;
    const char *field = "untouched";
    assert_int_equal(cmaw_eif_parse(cmaw_buf_slice(&file), &eif, &field), CMAW_OK);
    assert_null(field);
    assert_int_equal(eif.crc, 0x0a984586);
    assert_int_equal(eif.default_mem, 1 << 30);
    assert_int_equal(eif.default_cpus, 2);
    assert_true(cmaw_slice_eq_cstr(eif.kernel, "KERNEL-BYTES"));
    assert_true(cmaw_slice_eq_cstr(eif.ramdisks[0], "RD0-init\n"));
    assert_int_equal(eif.ramdisk_count, 1);
    struct cmaw_eif_pcrs pcrs;
    assert_int_equal(cmaw_eif_measure(&eif, &pcrs), CMAW_OK);
    const uint8_t *const measured[] = {pcrs.pcr0, pcrs.pcr1, pcrs.pcr2};
    static const char *const names[] = {"PCR0", "PCR1", "PCR2"};
    for (size_t i = 0; i < 3; i++) {
        char text[97];
        assert_int_equal(cmaw_hex_to_cstr(cmaw_slice_of(measured[i], 48), text, sizeof text), CMAW_OK);
        assert_string_equal(text, vectors_text(expected, names[i]));
    }
    json_decref(document);
    assert_false(pcrs.is_signed);
    CMAW_BUF_AUTO(again, FILE_MAX);
    assert_int_equal(cmaw_eif_write(&eif, &again), CMAW_OK);
    assert_true(cmaw_slice_eq(cmaw_buf_slice(&again), cmaw_buf_slice(&file)));
}

static void every_bit_and_every_length_counts(void **state)
{
    (void)state;
    const struct cmaw_eif eif = eif_make_content();
    CMAW_BUF_AUTO(file, FILE_MAX);
    const char *field = NULL;
    assert_int_equal(cmaw_eif_write(&eif, &file), CMAW_OK);
    assert_int_equal(parse(&file, &field), CMAW_OK);
    for (size_t bit = 0; bit < 8 * file.size; bit++) {
        file.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(parse(&file, &field), CMAW_OK);
        assert_non_null(field);
        file.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t size = 0; size < file.size; size++) {
        struct cmaw_eif unused;
        assert_int_not_equal(cmaw_eif_parse(cmaw_slice_of(file.data, size), &unused, &field), CMAW_OK);
    }
}

static void a_signature_may_stand_before_the_metadata(void **state)
{
    (void)state;
    CMAW_BUF_AUTO(signature, FILE_MAX);
    CMAW_BUF_AUTO(file, FILE_MAX);
    const char *field = NULL;
    eif_bad_signature_make_good(&signature);
    const struct eif_section late[] = {{1, CMAW_SLICE_LIT("k")}, {2, CMAW_SLICE_LIT("c")}, {3, CMAW_SLICE_LIT("r")},
                                       {4, cmaw_buf_slice(&signature)}, {5, CMAW_SLICE_LIT("{}")}};
    eif_make_file(late, 5, &file);
    assert_int_equal(parse(&file, &field), CMAW_OK);
}

static void a_command_line_may_be_empty(void **state)
{
    (void)state;
    CMAW_BUF_AUTO(file, FILE_MAX);
    CMAW_BUF_AUTO(again, FILE_MAX);
    struct cmaw_eif eif = eif_make_content(), read;
    struct cmaw_eif_pcrs before, after;
    const char *field = NULL;
    eif.cmdline = CMAW_SLICE_EMPTY;
    assert_int_equal(cmaw_eif_write(&eif, &file), CMAW_OK);
    assert_int_equal(cmaw_eif_parse(cmaw_buf_slice(&file), &read, &field), CMAW_OK);
    assert_int_equal(read.cmdline.size, 0);
    assert_int_equal(cmaw_eif_measure(&eif, &before), CMAW_OK);
    assert_int_equal(cmaw_eif_measure(&read, &after), CMAW_OK);
    assert_memory_equal(&before, &after, sizeof before);
    assert_int_equal(cmaw_eif_write(&read, &again), CMAW_OK);
    assert_true(cmaw_slice_eq(cmaw_buf_slice(&file), cmaw_buf_slice(&again)));
    eif.cmdline = CMAW_SLICE_LIT("a\0b");
    assert_int_equal(cmaw_eif_write(&eif, &again), CMAW_E_BUG);
}

static void limits_hold_at_their_edge(void **state)
{
    (void)state;
    CMAW_BUF_AUTO(signature, CMAW_EIF_SIGNATURE_MAX + 1);
    eif_bad_signature_make_good(&signature);
    const size_t good_size = signature.size;
    memset(cmaw_buf_extend(&signature, CMAW_EIF_SIGNATURE_MAX + 1 - good_size), 's', CMAW_EIF_SIGNATURE_MAX + 1 - good_size);
    struct cmaw_eif eif = eif_make_content();
    for (size_t i = 0; i < CMAW_EIF_RAMDISKS_MAX; i++) {
        eif.ramdisks[i] = CMAW_SLICE_LIT("r");
    }
    eif.ramdisk_count = CMAW_EIF_RAMDISKS_MAX;
    CMAW_BUF_AUTO(file, FILE_MAX);
    const char *field = NULL;
    assert_int_equal(cmaw_eif_write(&eif, &file), CMAW_OK);
    assert_int_equal(parse(&file, &field), CMAW_OK);
    cmaw_buf_reset(&file);
    eif.signature = cmaw_slice_of(signature.data, good_size);
    assert_int_equal(cmaw_eif_write(&eif, &file), CMAW_E_BUG); /* 33 sections */
    eif.ramdisk_count--;
    assert_int_equal(cmaw_eif_write(&eif, &file), CMAW_OK);
    assert_int_equal(parse(&file, &field), CMAW_OK);
    eif.signature = cmaw_buf_slice(&signature);
    assert_int_equal(cmaw_eif_write(&eif, &file), CMAW_E_BUG);
    eif.signature = CMAW_SLICE_EMPTY;
    eif.metadata = CMAW_SLICE_EMPTY;
    assert_int_equal(cmaw_eif_write(&eif, &file), CMAW_E_BUG);
}

static void registers_hold_what_they_should(void **state)
{
    (void)state;
    const struct cmaw_eif eif = eif_make_content();
    struct cmaw_eif_pcrs before, after;
    assert_int_equal(cmaw_eif_measure(&eif, &before), CMAW_OK);
    struct cmaw_eif changed = eif;
    changed.metadata = CMAW_SLICE_LIT("{\"x\":1}");
    assert_int_equal(cmaw_eif_measure(&changed, &after), CMAW_OK);
    assert_memory_equal(&before, &after, sizeof before);
    struct cmaw_slice *const first_parts[] = {&changed.kernel, &changed.cmdline, &changed.ramdisks[0]};
    for (size_t i = 0; i < 3; i++) {
        changed = eif;
        *first_parts[i] = CMAW_SLICE_LIT("changed");
        assert_int_equal(cmaw_eif_measure(&changed, &after), CMAW_OK);
        assert_memory_not_equal(before.pcr0, after.pcr0, 48);
        assert_memory_not_equal(before.pcr1, after.pcr1, 48);
        assert_memory_equal(before.pcr2, after.pcr2, 48);
    }
    changed = eif;
    changed.ramdisks[1] = CMAW_SLICE_LIT("changed");
    assert_int_equal(cmaw_eif_measure(&changed, &after), CMAW_OK);
    assert_memory_not_equal(before.pcr0, after.pcr0, 48);
    assert_memory_equal(before.pcr1, after.pcr1, 48);
    assert_memory_not_equal(before.pcr2, after.pcr2, 48);
}

static void text_registers_are_hashed_once(void **state)
{
    (void)state;
    uint8_t pcr[48], expected[48], padded[48 + 5] = {0};
    memcpy(padded + 48, "i-abc", 5);
    cmaw_sha384(CMAW_SLICE_ARRAY(padded), expected);
    assert_int_equal(cmaw_eif_pcr_of_text(CMAW_SLICE_LIT("i-abc"), pcr), CMAW_OK);
    assert_memory_equal(pcr, expected, 48);
    assert_int_equal(cmaw_eif_pcr_of_text(CMAW_SLICE_EMPTY, pcr), CMAW_E_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_image_is_read_measured_and_rebuilt),
        cmocka_unit_test(every_bit_and_every_length_counts),
        cmocka_unit_test(a_signature_may_stand_before_the_metadata),
        cmocka_unit_test(a_command_line_may_be_empty),
        cmocka_unit_test(limits_hold_at_their_edge),
        cmocka_unit_test(registers_hold_what_they_should),
        cmocka_unit_test(text_registers_are_hashed_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
