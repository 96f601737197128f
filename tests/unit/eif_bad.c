#include "tests/unit/eif_bad.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* after the standard headers it needs */
#include <cmocka.h>

#include "lib/attest/eif_sign.h"
#include "tests/unit/eif_bad_signature.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])
#define SECTION(type, text) {type, CMAW_SLICE_LIT(text)}

/* Of a file of kernel "KERNEL", command line, metadata and two ramdisks: value written at a place, CRC made good. */
static const struct poke {
    size_t at, size;
    uint64_t value;
    const char *field;
} pokes[] = {
    {0, 4, 0x2e656967, "magic"}, {0, 4, 0, "magic"},
    {4, 2, 3, "version"}, {4, 2, 5, "version"}, {4, 2, 0x0400, "version"},
    {6, 2, 2, "flags"}, {6, 2, 0x8000, "flags"},
    {0x18, 2, 1, "reserved"}, {0x21c, 4, 1, "reserved"}, {0x21c, 4, 0x80000000, "reserved"},
    {0x1a, 2, 0, "number of sections"}, {0x1a, 2, 1, "number of sections"}, {0x1a, 2, 33, "number of sections"},
    {0x1a, 2, 65535, "number of sections"}, {0x1a, 2, 4, "unused section offset"}, {0x1a, 2, 6, "section offset"},
    {0x1a, 2, 32, "section offset"},
    {0x1c, 8, 549, "section offset"}, {0x1c, 8, 547, "section offset"}, {0x1c, 8, 0, "section offset"}, {0x1c, 8, UINT64_MAX, "section offset"},
    {0x1c, 8, (uint64_t)1 << 63, "section offset"},
    {0x24, 8, 548, "section offset"}, {0x24, 8, 565, "section offset"}, {0x24, 8, 567, "section offset"}, {0x24, 8, 100, "section offset"},
    {0x1c + 8 * 4, 8, (uint64_t)1 << 62, "section offset"}, {0x1c + 8 * 5, 8, 548, "unused section offset"},
    {0x1c + 8 * 31, 8, 1, "unused section offset"},
    {0x11c, 8, 0, "section size"}, {0x11c, 8, 5, "section size"}, {0x11c, 8, 7, "section size"}, {0x11c, 8, UINT64_MAX, "section size"},
    {0x11c, 8, UINT64_MAX - 547, "section size"}, {0x11c, 8, (uint64_t)1 << 63, "section size"}, {0x11c + 8 * 4, 8, 15, "section size"},
    {0x11c + 8 * 5, 8, 1, "unused section size"}, {0x11c + 8 * 31, 8, 1, "unused section size"},
    {548, 2, 0, "section type"}, {548, 2, 6, "section type"}, {548, 2, 65535, "section type"}, {548, 2, 0x0100, "section type"},
    {550, 2, 1, "section flags"}, {550, 2, 0x8000, "section flags"},
    {552, 8, 0, "section size"}, {552, 8, 5, "section size"}, {552, 8, 7, "section size"}, {552, 8, UINT64_MAX, "section size"},
    {552, 8, (uint64_t)1 << 63, "section size"},
    {548, 2, 2, "order of sections"}, {548, 2, 3, "order of sections"}, {548, 2, 5, "order of sections"},
    {560 + 6 + 12 + 3, 1, 0, "command line"},
};

/* A size that the table and the section give alike, and is not true. */
static const uint64_t lies[] = {UINT64_MAX, UINT64_MAX - 559, UINT64_MAX - 11, (uint64_t)1 << 63, (uint64_t)1 << 32, 1000000, 0x400};

static const struct layout {
    const char *name, *field;
    struct eif_section sections[7];
    size_t count;
} layouts[] = {
    {"two kernels", "kernel", {SECTION(1, "k"), SECTION(1, "k"), SECTION(2, "c"), SECTION(5, "{}"), SECTION(3, "r")}, 5},
    {"two command lines", "command line", {SECTION(1, "k"), SECTION(2, "c"), SECTION(2, "c"), SECTION(5, "{}"), SECTION(3, "r")}, 5},
    {"two command lines, one empty", "command line", {SECTION(1, "k"), SECTION(2, ""), SECTION(2, "c"), SECTION(5, "{}"), SECTION(3, "r")}, 5},
    {"two metadata", "metadata", {SECTION(1, "k"), SECTION(2, "c"), SECTION(5, "{}"), SECTION(5, "{}"), SECTION(3, "r")}, 5},
    {"ramdisk first", "order of sections", {SECTION(3, "r"), SECTION(1, "k"), SECTION(2, "c"), SECTION(5, "{}")}, 4},
    {"ramdisk before the command line", "order of sections", {SECTION(1, "k"), SECTION(3, "r"), SECTION(2, "c"), SECTION(5, "{}")}, 4},
    {"command line first", "order of sections", {SECTION(2, "c"), SECTION(1, "k"), SECTION(5, "{}"), SECTION(3, "r")}, 4},
    {"kernel after a ramdisk", "order of sections", {SECTION(1, "k"), SECTION(2, "c"), SECTION(3, "r"), SECTION(1, "k"), SECTION(5, "{}")}, 5},
    {"no metadata", "metadata", {SECTION(1, "k"), SECTION(2, "c"), SECTION(3, "r")}, 3},
    {"no ramdisk", "ramdisk", {SECTION(1, "k"), SECTION(2, "c"), SECTION(5, "{}")}, 3},
    {"no kernel", "order of sections", {SECTION(2, "c"), SECTION(5, "{}")}, 2},
    {"metadata alone", "number of sections", {SECTION(5, "{}")}, 1},
    {"no command line", "command line", {SECTION(1, "k"), SECTION(5, "{}")}, 2},
    {"no command line before the ramdisk", "order of sections", {SECTION(1, "k"), SECTION(5, "{}"), SECTION(3, "r")}, 3},
    {"empty kernel", "kernel", {SECTION(1, ""), SECTION(2, "c"), SECTION(5, "{}"), SECTION(3, "r")}, 4},
    {"empty ramdisk", "ramdisk", {SECTION(1, "k"), SECTION(2, "c"), SECTION(5, "{}"), SECTION(3, "")}, 4},
    {"empty metadata", "metadata", {SECTION(1, "k"), SECTION(2, "c"), SECTION(5, ""), SECTION(3, "r")}, 4},
    {"empty signature", "signature section", {SECTION(1, "k"), SECTION(2, "c"), SECTION(5, "{}"), SECTION(3, "r"), SECTION(4, "")}, 5},
    {"a section of type 0", "section type", {SECTION(1, "k"), SECTION(2, "c"), SECTION(5, "{}"), SECTION(0, "x"), SECTION(3, "r")}, 5},
    {"a section of type 6", "section type", {SECTION(1, "k"), SECTION(2, "c"), SECTION(5, "{}"), SECTION(3, "r"), SECTION(6, "x")}, 5},
    {"a NUL at the command line's end", "command line", {SECTION(1, "k"), SECTION(2, "c\0"), SECTION(5, "{}"), SECTION(3, "r")}, 4},
};

/* The good file up to here. Sections begin at 548, 566, 591, …; a cut inside one is no end that anything else could mean. */
static const struct cut {
    size_t size;
    const char *field;
} cuts[] = {
    {0, "header"}, {1, "header"}, {4, "header"}, {0x1c, "header"}, {0x220, "header"}, {547, "header"},
    {548, "section header"}, {549, "section header"}, {559, "section header"}, {560, "section size"}, {565, "section size"},
    {566, "section header"}, {577, "section header"}, {578, "section size"}, {590, "section size"}, {591, "section header"},
};

static const struct metadata {
    const char *name, *text;
} metadata[] = {
    {"no JSON", "name"}, {"half of it", "{\"ImageName\":"}, {"a list", "[]"}, {"a text", "\"x\""}, {"null", "null"}, {"something behind", "{} x"},
    {"not UTF-8", "{\"ImageName\":\"\xff\"}"}, {"a name that is a number", "{\"ImageName\":1}"}, {"a version that is a list", "{\"ImageVersion\":[]}"},
    {"a key twice", "{\"ImageName\":\"a\",\"ImageName\":\"b\"}"}, {"a build that is a text", "{\"BuildMetadata\":\"x\"}"},
    {"a time that is a number", "{\"BuildMetadata\":{\"BuildTime\":1}}"}, {"own metadata that is a list", "{\"CustomMetadata\":[1]}"},
};

static void make_good(struct cmaw_buf *file)
{
    const struct cmaw_eif eif = eif_make_content();
    const struct eif_section sections[] = {{1, eif.kernel}, {2, eif.cmdline}, {5, eif.metadata}, {3, eif.ramdisks[0]}, {3, eif.ramdisks[1]}};
    eif_make_file(sections, 5, file);
}

static void make_poke(size_t i, struct cmaw_buf *file, struct eif_bad *bad)
{
    make_good(file);
    eif_make_put(file->data + pokes[i].at, pokes[i].value, pokes[i].size);
    eif_make_repair_crc(file);
    bad->field = pokes[i].field;
    (void)snprintf(bad->name, sizeof bad->name, "%#zx is %#llx", pokes[i].at, (unsigned long long)pokes[i].value);
}

static void make_lie(size_t i, struct cmaw_buf *file, struct eif_bad *bad)
{
    make_good(file);
    eif_make_put(file->data + EIF_MAKE_SIZES, lies[i], 8);
    eif_make_put(file->data + 552, lies[i], 8);
    eif_make_repair_crc(file);
    bad->field = "section size";
    (void)snprintf(bad->name, sizeof bad->name, "both sizes are %#llx", (unsigned long long)lies[i]);
}

static void make_layout(size_t i, struct cmaw_buf *file, struct eif_bad *bad)
{
    eif_make_file(layouts[i].sections, layouts[i].count, file);
    bad->field = layouts[i].field;
    (void)snprintf(bad->name, sizeof bad->name, "%s", layouts[i].name);
}

static void make_cut(size_t i, struct cmaw_buf *file, struct eif_bad *bad)
{
    make_good(file);
    cmaw_buf_truncate(file, cuts[i].size);
    eif_make_repair_crc(file);
    bad->field = cuts[i].field;
    (void)snprintf(bad->name, sizeof bad->name, "cut after %zu bytes", cuts[i].size);
}

static void make_metadata(size_t i, struct cmaw_buf *file, struct eif_bad *bad)
{
    struct cmaw_eif eif = eif_make_content();
    eif.metadata = cmaw_slice_of_cstr(metadata[i].text);
    assert_int_equal(cmaw_eif_write(&eif, file), CMAW_OK);
    bad->field = "metadata";
    bad->only_by_program = true;
    (void)snprintf(bad->name, sizeof bad->name, "metadata: %s", metadata[i].name);
}

static void make_signature(size_t i, struct cmaw_buf *file, struct eif_bad *bad)
{
    CMAW_BUF_AUTO(section, EIF_MAKE_MAX);
    const struct cmaw_eif eif = eif_make_content();
    eif_bad_signature_make(i, &section, bad);
    const struct eif_section sections[] = {{1, eif.kernel}, {2, eif.cmdline}, {5, eif.metadata}, {3, eif.ramdisks[0]}, {4, cmaw_buf_slice(&section)}};
    eif_make_file(sections, 5, file);
}

/* Bytes that no table row can describe. */
static const struct special {
    const char *name, *field;
} specials[] = {
    {"crc off by one", "crc"}, {"crc of zeros", "crc"}, {"a byte behind", "end of file"}, {"a whole section behind that is not counted", "end of file"},
    {"a gap that the offsets hide", "section offset"}, {"sections that overlap by a byte", "section size"}, {"offsets of two sections exchanged", "section offset"},
    {"two signatures", "signature section"},
};

static void make_gap(struct cmaw_buf *file)
{
    CMAW_BUF_AUTO(good, EIF_MAKE_MAX);
    make_good(&good);
    const size_t cut = 566;
    cmaw_buf_put(file, cmaw_slice_of(good.data, cut));
    cmaw_buf_put_u32be(file, 0);
    cmaw_buf_put(file, cmaw_slice_of(good.data + cut, good.size - cut));
    for (size_t i = 1; i < 5; i++) { /* QEMU would boot it */
        file->data[EIF_MAKE_OFFSETS + 8 * i + 7] = (uint8_t)(file->data[EIF_MAKE_OFFSETS + 8 * i + 7] + 4);
    }
}

static void make_special(size_t i, struct cmaw_buf *file, struct eif_bad *bad)
{
    const struct cmaw_eif eif = eif_make_content();
    make_good(file);
    switch (i) {
    case 0: file->data[EIF_MAKE_CRC_OFFSET + 3] ^= 1; break;
    case 1: eif_make_put(file->data + EIF_MAKE_CRC_OFFSET, 0, 4); break;
    case 2: cmaw_buf_put_u8(file, 0); break;
    case 3: cmaw_buf_put(file, CMAW_SLICE_LIT("\0\3\0\0\0\0\0\0\0\0\0\1r")); break;
    case 4: cmaw_buf_reset(file); make_gap(file); break;
    case 5: /* the kernel takes the first byte of the next header */
        eif_make_put(file->data + EIF_MAKE_SIZES, 7, 8);
        eif_make_put(file->data + 552, 7, 8);
        eif_make_put(file->data + EIF_MAKE_OFFSETS + 8, 567, 8);
        break;
    case 6: eif_make_put(file->data + EIF_MAKE_OFFSETS, 566, 8); eif_make_put(file->data + EIF_MAKE_OFFSETS + 8, 548, 8); break;
    default: {
        CMAW_BUF_AUTO(section, EIF_MAKE_MAX);
        eif_bad_signature_make_good(&section);
        const struct eif_section sections[] = {{1, eif.kernel}, {2, eif.cmdline}, {5, eif.metadata}, {3, eif.ramdisks[0]},
                                               {4, cmaw_buf_slice(&section)}, {4, cmaw_buf_slice(&section)}};
        cmaw_buf_reset(file);
        eif_make_file(sections, 6, file);
    }
    }
    if (i > 1) {
        eif_make_repair_crc(file);
    }
    bad->field = specials[i].field;
    (void)snprintf(bad->name, sizeof bad->name, "%s", specials[i].name);
}

static const struct group {
    size_t count;
    void (*make)(size_t i, struct cmaw_buf *file, struct eif_bad *bad);
} groups[] = {
    {COUNT(pokes), make_poke}, {COUNT(lies), make_lie}, {COUNT(layouts), make_layout}, {COUNT(cuts), make_cut},
    {COUNT(metadata), make_metadata}, {EIF_BAD_SIGNATURES, make_signature}, {COUNT(specials), make_special},
};

size_t eif_bad_count(void)
{
    size_t count = 0;
    for (size_t i = 0; i < COUNT(groups); i++) {
        count += groups[i].count;
    }
    return count;
}

void eif_bad_make(size_t kind, struct cmaw_buf *file, struct eif_bad *ret_bad)
{
    *ret_bad = (struct eif_bad){.field = NULL};
    for (size_t i = 0; i < COUNT(groups); i++) {
        if (kind < groups[i].count) {
            groups[i].make(kind, file, ret_bad);
            return;
        }
        kind -= groups[i].count;
    }
    fail_msg("no such kind");
}
