#include "lib/attest/eif.h"

#include <string.h>
#include <zlib.h>

#include "lib/attest/eif_sign.h"

enum { CRC_OFFSET = 0x220, TABLE_SIZE = CMAW_EIF_SECTIONS_MAX };
enum { FLAG_AARCH64 = 1 };
enum section { SECTION_KERNEL = 1, SECTION_CMDLINE, SECTION_RAMDISK, SECTION_SIGNATURE, SECTION_METADATA };

static const uint8_t magic[4] = {0x2e, 'e', 'i', 'f'};

struct header {
    uint16_t flags, section_count;
    uint64_t default_mem, default_cpus;
    uint64_t offsets[TABLE_SIZE]; /* of the section headers, from the start of the file */
    uint64_t sizes[TABLE_SIZE];   /* of the payloads, without their headers */
    uint32_t crc;
};

static enum cmaw_err refuse(enum cmaw_err err, const char *what, const char **field)
{
    *field = what;
    return err;
}

/* Returns MALFORMED from the calling function, naming the field, unless cond holds. */
#define CHECK(cond, what) CMAW_REQUIRE(cond, refuse(CMAW_E_MALFORMED, what, field))

/* CRC-32 over the whole file but the field that holds it. */
static uint32_t file_crc(struct cmaw_slice file)
{
    const struct cmaw_slice rest = cmaw_slice_sub(file, CMAW_EIF_HEADER_SIZE, file.size - CMAW_EIF_HEADER_SIZE);
    const uLong crc = crc32_z(crc32_z(0, NULL, 0), file.data, CRC_OFFSET);
    /* zlib takes a null pointer for a request of the initial value */
    return (uint32_t)(rest.size == 0 ? crc : crc32_z(crc, rest.data, rest.size));
}

static enum cmaw_err read_header(struct cmaw_slice file, struct header *header, const char **field)
{
    CHECK(file.size >= CMAW_EIF_HEADER_SIZE, "header");
    struct cmaw_reader reader = cmaw_reader_of(cmaw_slice_sub(file, 0, CMAW_EIF_HEADER_SIZE));
    CHECK(cmaw_slice_eq(cmaw_read_bytes(&reader, sizeof magic), CMAW_SLICE_ARRAY(magic)), "magic");
    CMAW_REQUIRE(cmaw_read_u16be(&reader) == CMAW_EIF_VERSION, refuse(CMAW_E_UNSUPPORTED, "version", field));
    header->flags = cmaw_read_u16be(&reader);
    CHECK((header->flags & ~FLAG_AARCH64) == 0, "flags");
    header->default_mem = cmaw_read_u64be(&reader);
    header->default_cpus = cmaw_read_u64be(&reader);
    CHECK(cmaw_read_u16be(&reader) == 0, "reserved");
    header->section_count = cmaw_read_u16be(&reader);
    CHECK(header->section_count >= 2 && header->section_count <= TABLE_SIZE, "number of sections");
    for (size_t i = 0; i < TABLE_SIZE; i++) {
        header->offsets[i] = cmaw_read_u64be(&reader);
        CHECK(i < header->section_count || header->offsets[i] == 0, "unused section offset");
    }
    for (size_t i = 0; i < TABLE_SIZE; i++) {
        header->sizes[i] = cmaw_read_u64be(&reader);
        CHECK(i < header->section_count || header->sizes[i] == 0, "unused section size");
    }
    CHECK(cmaw_read_u32be(&reader) == 0, "reserved");
    header->crc = cmaw_read_u32be(&reader);
    CHECK(cmaw_reader_end(&reader) == CMAW_OK, "header");
    return CMAW_OK;
}

static enum cmaw_err take_once(struct cmaw_slice payload, struct cmaw_slice *slot, const char *what, const char **field)
{
    CHECK(slot->data == NULL && payload.size > 0, what);
    *slot = payload;
    return CMAW_OK;
}

static bool has_nul(struct cmaw_slice text)
{
    return text.size > 0 && memchr(text.data, 0, text.size) != NULL;
}

/* May be empty: then its place in the file says that it is there. */
static enum cmaw_err take_cmdline(struct cmaw_slice payload, struct cmaw_slice *slot, const char **field)
{
    CHECK(slot->data == NULL && !has_nul(payload), "command line");
    *slot = payload;
    return CMAW_OK;
}

static enum cmaw_err take_signature(struct cmaw_slice payload, struct cmaw_slice *slot, const char **field)
{
    CMAW_EIF_SIGNATURE_AUTO(signature);
    CMAW_TRY(take_once(payload, slot, "signature section", field));
    return cmaw_eif_signature_read(payload, &signature, field);
}

/* Kernel, command line, ramdisks must come in this order: it is the order in which they are measured. */
static enum cmaw_err take_section(struct cmaw_eif *eif, unsigned type, struct cmaw_slice payload, const char **field)
{
    switch (type) {
    case SECTION_KERNEL:
        CHECK(eif->cmdline.data == NULL && eif->ramdisk_count == 0, "order of sections");
        return take_once(payload, &eif->kernel, "kernel", field);
    case SECTION_CMDLINE:
        CHECK(eif->kernel.data != NULL && eif->ramdisk_count == 0, "order of sections");
        return take_cmdline(payload, &eif->cmdline, field);
    case SECTION_RAMDISK:
        CHECK(eif->cmdline.data != NULL, "order of sections");
        CHECK(eif->ramdisk_count < CMAW_EIF_RAMDISKS_MAX, "number of ramdisks");
        return take_once(payload, &eif->ramdisks[eif->ramdisk_count++], "ramdisk", field);
    case SECTION_SIGNATURE:
        return take_signature(payload, &eif->signature, field);
    case SECTION_METADATA:
        return take_once(payload, &eif->metadata, "metadata", field);
    default:
        return refuse(CMAW_E_MALFORMED, "section type", field);
    }
}

/* Walks the file as AWS's reader does and holds every step against the header's table, which the hypervisor follows. */
static enum cmaw_err read_sections(struct cmaw_slice file, const struct header *header, struct cmaw_eif *eif, const char **field)
{
    struct cmaw_reader reader = cmaw_reader_of(cmaw_slice_sub(file, CMAW_EIF_HEADER_SIZE, file.size - CMAW_EIF_HEADER_SIZE));
    for (size_t i = 0; i < header->section_count; i++) {
        CHECK(header->offsets[i] == file.size - reader.rest.size, "section offset");
        const unsigned type = cmaw_read_u16be(&reader);
        const unsigned flags = cmaw_read_u16be(&reader);
        const uint64_t size = cmaw_read_u64be(&reader);
        CHECK(reader.err == CMAW_OK, "section header");
        CHECK(flags == 0, "section flags");
        CHECK(size == header->sizes[i] && size <= reader.rest.size, "section size");
        CMAW_TRY(take_section(eif, type, cmaw_read_bytes(&reader, (size_t)size), field));
    }
    CHECK(reader.rest.size == 0, "end of file");
    return CMAW_OK;
}

enum cmaw_err cmaw_eif_parse(struct cmaw_slice file, struct cmaw_eif *ret_eif, const char **field)
{
    struct header header;
    struct cmaw_eif eif = {0};
    CMAW_TRY(read_header(file, &header, field));
    CMAW_TRY(read_sections(file, &header, &eif, field));
    CHECK(eif.kernel.data != NULL, "kernel");
    CHECK(eif.cmdline.data != NULL, "command line");
    CHECK(eif.ramdisk_count > 0, "ramdisk");
    CHECK(eif.metadata.data != NULL, "metadata");
    CHECK(header.crc == file_crc(file), "crc");
    eif.aarch64 = (header.flags & FLAG_AARCH64) != 0;
    eif.default_mem = header.default_mem;
    eif.default_cpus = header.default_cpus;
    eif.crc = header.crc;
    *ret_eif = eif;
    *field = NULL;
    return CMAW_OK;
}

struct part {
    enum section type;
    struct cmaw_slice payload;
};

static size_t list_parts(const struct cmaw_eif *eif, struct part parts[static TABLE_SIZE])
{
    size_t count = 0;
    parts[count++] = (struct part){SECTION_KERNEL, eif->kernel};
    parts[count++] = (struct part){SECTION_CMDLINE, eif->cmdline};
    parts[count++] = (struct part){SECTION_METADATA, eif->metadata};
    for (size_t i = 0; i < eif->ramdisk_count && count < TABLE_SIZE; i++) {
        parts[count++] = (struct part){SECTION_RAMDISK, eif->ramdisks[i]};
    }
    if (eif->signature.size > 0 && count < TABLE_SIZE) {
        parts[count++] = (struct part){SECTION_SIGNATURE, eif->signature};
    }
    return count;
}

static void put_header(const struct cmaw_eif *eif, const struct part *parts, size_t count, struct cmaw_buf *buf)
{
    cmaw_buf_put(buf, CMAW_SLICE_ARRAY(magic));
    cmaw_buf_put_u16be(buf, CMAW_EIF_VERSION);
    cmaw_buf_put_u16be(buf, eif->aarch64 ? FLAG_AARCH64 : 0);
    cmaw_buf_put_u64be(buf, eif->default_mem);
    cmaw_buf_put_u64be(buf, eif->default_cpus);
    cmaw_buf_put_u16be(buf, 0);
    cmaw_buf_put_u16be(buf, (uint16_t)count);
    uint64_t offset = CMAW_EIF_HEADER_SIZE;
    for (size_t i = 0; i < TABLE_SIZE; i++) {
        cmaw_buf_put_u64be(buf, i < count ? offset : 0);
        offset += i < count ? CMAW_EIF_SECTION_HEADER_SIZE + parts[i].payload.size : 0;
    }
    for (size_t i = 0; i < TABLE_SIZE; i++) {
        cmaw_buf_put_u64be(buf, i < count ? parts[i].payload.size : 0);
    }
    cmaw_buf_put_u32be(buf, 0);
    cmaw_buf_put_u32be(buf, 0); /* the crc, once the rest is there */
}

enum cmaw_err cmaw_eif_write(const struct cmaw_eif *eif, struct cmaw_buf *buf)
{
    struct part parts[TABLE_SIZE];
    CMAW_REQUIRE(eif->ramdisk_count >= 1 && eif->ramdisk_count <= CMAW_EIF_RAMDISKS_MAX, CMAW_E_BUG);
    CMAW_REQUIRE(eif->signature.size <= CMAW_EIF_SIGNATURE_MAX && !has_nul(eif->cmdline), CMAW_E_BUG);
    CMAW_REQUIRE(eif->signature.size == 0 || eif->ramdisk_count < CMAW_EIF_RAMDISKS_MAX, CMAW_E_BUG);
    const size_t count = list_parts(eif, parts), start = buf->size;
    put_header(eif, parts, count, buf);
    for (size_t i = 0; i < count; i++) {
        CMAW_REQUIRE(parts[i].payload.size > 0 || parts[i].type == SECTION_CMDLINE, CMAW_E_BUG);
        cmaw_buf_put_u16be(buf, (uint16_t)parts[i].type);
        cmaw_buf_put_u16be(buf, 0);
        cmaw_buf_put_u64be(buf, parts[i].payload.size);
        cmaw_buf_put(buf, parts[i].payload);
    }
    CMAW_TRY(cmaw_buf_err(buf));
    const uint32_t crc = file_crc(cmaw_slice_of(buf->data + start, buf->size - start));
    for (size_t i = 0; i < 4; i++) {
        buf->data[start + CRC_OFFSET + i] = (uint8_t)(crc >> (24 - 8 * i));
    }
    return CMAW_OK;
}
