#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>
/* after the standard headers it needs */
#include <cmocka.h>

#include "lib/attest/eif.h"
#include "lib/base/text.h"
#include "lib/crypto/hash.h"
#include "tests/unit/vectors.h"

enum { FILE_MAX = 1 << 20, CRC_OFFSET = 0x220 };

/* One ramdisk, as the published vector; the tests that need a second one add it. */
static struct cmaw_eif sample(void)
{
    return (struct cmaw_eif){.default_mem = 1 << 30, .default_cpus = 2, .kernel = CMAW_SLICE_LIT("KERNEL"), .cmdline = CMAW_SLICE_LIT("console=ttyS0"),
                             .metadata = CMAW_SLICE_LIT("{}"), .ramdisks = {CMAW_SLICE_LIT("first ramdisk"), CMAW_SLICE_LIT("second ramdisk")},
                             .ramdisk_count = 2};
}

static void put_u(uint8_t *at, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        at[i] = (uint8_t)(value >> 8 * (size - 1 - i));
    }
}

static void repair_crc(struct cmaw_buf *file)
{
    if (file->size >= CMAW_EIF_HEADER_SIZE) {
        uLong crc = crc32(0, file->data, CRC_OFFSET);
        crc = crc32(crc, file->data + CMAW_EIF_HEADER_SIZE, (uInt)(file->size - CMAW_EIF_HEADER_SIZE));
        put_u(file->data + CRC_OFFSET, crc, 4);
    }
}

static enum cmaw_err parse(const struct cmaw_buf *file, const char **ret_field)
{
    struct cmaw_eif eif;
    return cmaw_eif_parse(cmaw_buf_slice(file), &eif, ret_field);
}

/* A file section by section, where every field can be wrong. Offsets and sizes are filled in as they should be. */
struct section {
    uint16_t type;
    const char *payload;
};

static void build(struct cmaw_buf *file, const struct section *sections, size_t count)
{
    static const uint8_t zeros[CMAW_EIF_HEADER_SIZE];
    cmaw_buf_put(file, CMAW_SLICE_ARRAY(zeros));
    for (size_t i = 0; i < count; i++) {
        const size_t offset = file->size, size = strlen(sections[i].payload);
        if (i < CMAW_EIF_SECTIONS_MAX) {
            put_u(file->data + 0x1c + 8 * i, offset, 8);
            put_u(file->data + 0x11c + 8 * i, size, 8);
        }
        cmaw_buf_put_u16be(file, sections[i].type);
        cmaw_buf_put_u16be(file, 0);
        cmaw_buf_put_u64be(file, size);
        cmaw_buf_put_cstr(file, sections[i].payload);
    }
    memcpy(file->data, ".eif\0\4", 6);
    put_u(file->data + 0x1a, count, 2);
    repair_crc(file);
}

static const struct section good_sections[] = {{1, "KERNEL"}, {2, "console=ttyS0"}, {5, "{}"}, {3, "first ramdisk"}, {3, "second ramdisk"}};

static void refused(struct cmaw_buf *file, const char *expected_field)
{
    const char *field = NULL;
    repair_crc(file);
    const enum cmaw_err err = parse(file, &field);
    assert_int_equal(err, strcmp(expected_field, "version") == 0 ? CMAW_E_UNSUPPORTED : CMAW_E_MALFORMED);
    assert_string_equal(field, expected_field);
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
    const struct cmaw_eif eif = sample();
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
    cmaw_buf_put_u8(&file, 0);
    refused(&file, "end of file");
}

static void header_fields_are_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        size_t at, size;
        uint64_t value;
        const char *field;
    } bad[] = {
        {0, 4, 0x2e656967, "magic"},         {4, 2, 3, "version"},          {4, 2, 5, "version"},
        {6, 2, 2, "flags"},                  {6, 2, 0x8000, "flags"},       {0x18, 2, 1, "reserved"},
        {0x1a, 2, 0, "number of sections"},  {0x1a, 2, 1, "number of sections"}, {0x1a, 2, 33, "number of sections"},
        {0x1a, 2, 65535, "number of sections"}, {0x1a, 2, 4, "unused section offset"}, {0x1a, 2, 6, "section offset"},
        {0x1c, 8, 549, "section offset"},    {0x1c, 8, 0, "section offset"}, {0x1c, 8, UINT64_MAX, "section offset"},
        {0x24, 8, 548, "section offset"},    {0x24, 8, 567, "section offset"}, {0x1c + 8 * 31, 8, 1, "unused section offset"},
        {0x11c, 8, 5, "section size"},       {0x11c, 8, 7, "section size"}, {0x11c, 8, UINT64_MAX, "section size"},
        {0x11c, 8, UINT64_MAX - 547, "section size"}, {0x11c + 8 * 31, 8, 1, "unused section size"}, {0x21c, 4, 1, "reserved"},
        {548, 2, 0, "section type"},         {548, 2, 6, "section type"},   {548, 2, 65535, "section type"},
        {550, 2, 1, "section flags"},        {552, 8, 5, "section size"},   {552, 8, UINT64_MAX, "section size"},
        {548, 2, 2, "order of sections"},    {548, 2, 3, "order of sections"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CMAW_BUF_AUTO(file, FILE_MAX);
        build(&file, good_sections, 5);
        const char *field = NULL;
        assert_int_equal(parse(&file, &field), CMAW_OK);
        put_u(file.data + bad[i].at, bad[i].value, bad[i].size);
        refused(&file, bad[i].field);
    }
}

static void sizes_that_agree_but_lie_are_refused(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {UINT64_MAX, UINT64_MAX - 559, (uint64_t)1 << 63, 7, 1000000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        CMAW_BUF_AUTO(file, FILE_MAX);
        build(&file, good_sections, 5);
        put_u(file.data + 0x11c, sizes[i], 8);
        put_u(file.data + 552, sizes[i], 8);
        const char *field = NULL;
        repair_crc(&file);
        assert_int_equal(parse(&file, &field), CMAW_E_MALFORMED);
    }
}

static void gaps_that_offsets_hide_are_refused(void **state)
{
    (void)state;
    CMAW_BUF_AUTO(file, FILE_MAX);
    build(&file, good_sections, 5);
    /* four bytes between the first and the second section, and every later offset moved: QEMU would boot it */
    CMAW_BUF_AUTO(gapped, FILE_MAX);
    const size_t cut = 548 + 12 + 6;
    cmaw_buf_put(&gapped, cmaw_slice_of(file.data, cut));
    cmaw_buf_put_u32be(&gapped, 0);
    cmaw_buf_put(&gapped, cmaw_slice_of(file.data + cut, file.size - cut));
    size_t offset = cut + 4;
    for (size_t i = 1; i < 5; i++) {
        put_u(gapped.data + 0x1c + 8 * i, offset, 8);
        offset += 12 + strlen(good_sections[i].payload);
    }
    refused(&gapped, "section offset");
}

static void sections_are_counted_and_ordered(void **state)
{
    (void)state;
    static const struct {
        struct section sections[6];
        size_t count;
        const char *field;
    } bad[] = {
        {{{1, "k"}, {1, "k"}, {2, "c"}, {5, "{}"}, {3, "r"}}, 5, "kernel"},
        {{{1, "k"}, {2, "c"}, {2, "c"}, {5, "{}"}, {3, "r"}}, 5, "command line"},
        {{{1, "k"}, {2, "c"}, {5, "{}"}, {5, "{}"}, {3, "r"}}, 5, "metadata"},
        {{{1, "k"}, {2, "c"}, {5, "{}"}, {3, "r"}, {4, "s"}, {4, "s"}}, 6, "signature"},
        {{{3, "r"}, {1, "k"}, {2, "c"}, {5, "{}"}}, 4, "order of sections"},
        {{{1, "k"}, {3, "r"}, {2, "c"}, {5, "{}"}}, 4, "order of sections"},
        {{{2, "c"}, {1, "k"}, {5, "{}"}, {3, "r"}}, 4, "order of sections"},
        {{{1, "k"}, {2, "c"}, {3, "r"}}, 3, "metadata"},
        {{{1, "k"}, {2, "c"}, {5, "{}"}}, 3, "ramdisk"},
        {{{2, "c"}, {5, "{}"}}, 2, "order of sections"},
        {{{5, "{}"}, {4, "s"}}, 2, "kernel"},
        {{{1, "k"}, {5, "{}"}}, 2, "command line"},
        {{{1, ""}, {2, "c"}, {5, "{}"}, {3, "r"}}, 4, "kernel"},
        {{{1, "k"}, {2, "c"}, {5, "{}"}, {3, ""}}, 4, "ramdisk"},
        {{{1, "k"}, {2, "c"}, {5, "{}"}, {0, "x"}, {3, "r"}}, 5, "section type"},
        {{{1, "k"}, {2, "c"}, {5, "{}"}, {3, "r"}, {6, "x"}}, 5, "section type"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CMAW_BUF_AUTO(file, FILE_MAX);
        build(&file, bad[i].sections, bad[i].count);
        refused(&file, bad[i].field);
    }
    static const struct section late[] = {{1, "k"}, {2, "c"}, {3, "r"}, {4, "s"}, {5, "{}"}};
    CMAW_BUF_AUTO(file, FILE_MAX);
    build(&file, late, 5);
    const char *field = NULL;
    assert_int_equal(parse(&file, &field), CMAW_OK);
}

static void limits_hold_at_their_edge(void **state)
{
    (void)state;
    CMAW_BUF_AUTO(signature, CMAW_EIF_SIGNATURE_MAX + 1);
    memset(cmaw_buf_extend(&signature, CMAW_EIF_SIGNATURE_MAX + 1), 's', CMAW_EIF_SIGNATURE_MAX + 1);
    struct cmaw_eif eif = sample();
    for (size_t i = 0; i < CMAW_EIF_RAMDISKS_MAX; i++) {
        eif.ramdisks[i] = CMAW_SLICE_LIT("r");
    }
    eif.ramdisk_count = CMAW_EIF_RAMDISKS_MAX;
    CMAW_BUF_AUTO(file, FILE_MAX);
    const char *field = NULL;
    assert_int_equal(cmaw_eif_write(&eif, &file), CMAW_OK);
    assert_int_equal(parse(&file, &field), CMAW_OK);
    cmaw_buf_reset(&file);
    eif.signature = cmaw_slice_of(signature.data, CMAW_EIF_SIGNATURE_MAX);
    assert_int_equal(cmaw_eif_write(&eif, &file), CMAW_E_BUG); /* 33 sections */
    eif.ramdisk_count--;
    assert_int_equal(cmaw_eif_write(&eif, &file), CMAW_OK);
    assert_int_equal(parse(&file, &field), CMAW_OK);
    eif.signature.size++;
    assert_int_equal(cmaw_eif_write(&eif, &file), CMAW_E_BUG);
    eif.signature = CMAW_SLICE_EMPTY;
    eif.metadata = CMAW_SLICE_EMPTY;
    assert_int_equal(cmaw_eif_write(&eif, &file), CMAW_E_BUG);
}

static void registers_hold_what_they_should(void **state)
{
    (void)state;
    const struct cmaw_eif eif = sample();
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

static void put_byte_array(struct cmaw_buf *buf, const char *text)
{
    cmaw_buf_put_u8(buf, 0x99); /* array, two bytes of length */
    cmaw_buf_put_u16be(buf, (uint16_t)strlen(text));
    for (; *text != '\0'; text++) {
        if ((uint8_t)*text >= 24) {
            cmaw_buf_put_u8(buf, 0x18);
        }
        cmaw_buf_put_u8(buf, (uint8_t)*text);
    }
}

static void signing_certificate_is_pcr8(void **state)
{
    (void)state;
    static const char pem[] = "-----BEGIN CERTIFICATE-----\nAAECAwQF\nBgc=\n-----END CERTIFICATE-----\n";
    CMAW_BUF_AUTO(section, 1000);
    cmaw_buf_put_cstr(&section, "\x81\xa2\x73signing_certificate");
    put_byte_array(&section, pem);
    cmaw_buf_put_cstr(&section, "\x69signature");
    put_byte_array(&section, "cose");
    struct cmaw_eif eif = sample();
    eif.signature = cmaw_buf_slice(&section);
    struct cmaw_eif_pcrs pcrs;
    assert_int_equal(cmaw_eif_measure(&eif, &pcrs), CMAW_OK);
    assert_true(pcrs.is_signed);
    uint8_t content[48], expected[48];
    cmaw_sha384(CMAW_SLICE_LIT("\0\1\2\3\4\5\6\7"), content);
    uint8_t padded[96] = {0};
    memcpy(padded + 48, content, 48);
    cmaw_sha384(CMAW_SLICE_ARRAY(padded), expected);
    assert_memory_equal(pcrs.pcr8, expected, 48);
    for (size_t size = 1; size < section.size; size++) {
        eif.signature.size = size;
        assert_int_equal(cmaw_eif_measure(&eif, &pcrs), CMAW_E_MALFORMED);
    }
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
        cmocka_unit_test(header_fields_are_refused_by_name),
        cmocka_unit_test(sizes_that_agree_but_lie_are_refused),
        cmocka_unit_test(gaps_that_offsets_hide_are_refused),
        cmocka_unit_test(sections_are_counted_and_ordered),
        cmocka_unit_test(limits_hold_at_their_edge),
        cmocka_unit_test(registers_hold_what_they_should),
        cmocka_unit_test(signing_certificate_is_pcr8),
        cmocka_unit_test(text_registers_are_hashed_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
