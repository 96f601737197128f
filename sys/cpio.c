#include "sys/cpio.h"

#include <string.h>
#include <sys/stat.h>

enum { HEADER_SIZE = 110, ALIGNMENT = 4, BLOCK = 512 };
static const char trailer_name[] = "TRAILER!!!";

struct header {
    uint32_t inode, mode, links, size, device_major, device_minor, name_size;
};

static uint32_t read_hex(struct cmaw_reader *reader)
{
    uint32_t value = 0;
    for (size_t i = 0; i < 8; i++) {
        const unsigned digit = cmaw_read_u8(reader);
        const unsigned nibble = digit >= '0' && digit <= '9'   ? digit - '0'
                                : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10u
                                : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10u
                                                               : 16u;
        if (nibble == 16) {
            cmaw_reader_fail(reader, CMAW_E_MALFORMED);
            return 0;
        }
        value = value << 4 | nibble;
    }
    return value;
}

static void read_header(struct cmaw_reader *reader, struct header *header)
{
    if (!cmaw_slice_eq_cstr(cmaw_read_bytes(reader, 6), "070701")) {
        cmaw_reader_fail(reader, CMAW_E_MALFORMED);
    }
    header->inode = read_hex(reader);
    header->mode = read_hex(reader);
    (void)read_hex(reader); /* uid */
    (void)read_hex(reader); /* gid */
    header->links = read_hex(reader);
    (void)read_hex(reader); /* mtime */
    header->size = read_hex(reader);
    (void)read_hex(reader); /* device the file was on */
    (void)read_hex(reader);
    header->device_major = read_hex(reader);
    header->device_minor = read_hex(reader);
    header->name_size = read_hex(reader);
    (void)read_hex(reader); /* checksum, not used by this magic */
}

/* Passes over padding up to the next multiple of 4; its content is not looked at, as in the kernel. */
static void align(struct cmaw_cpio *cpio)
{
    const size_t at = cpio->start - cpio->reader.rest.size;
    (void)cmaw_read_bytes(&cpio->reader, (ALIGNMENT - at % ALIGNMENT) % ALIGNMENT);
}

bool cmaw_cpio_name_is_clean(struct cmaw_slice name)
{
    if (name.size == 0 || name.size > CMAW_CPIO_NAME_MAX || memchr(name.data, 0, name.size) != NULL) {
        return false;
    }
    for (size_t at = 0; at <= name.size;) {
        const uint8_t *slash = memchr(name.data + at, '/', name.size - at);
        const size_t end = slash == NULL ? name.size : (size_t)(slash - name.data);
        const struct cmaw_slice part = cmaw_slice_sub(name, at, end - at);
        if (part.size == 0 || cmaw_slice_eq_cstr(part, ".") || cmaw_slice_eq_cstr(part, "..")) {
            return false;
        }
        at = end + 1;
    }
    return true;
}

/* Archives made by "find . | cpio" have names with "./" before them; some tools write "/" before them. */
static struct cmaw_slice strip_root(struct cmaw_slice name)
{
    if (name.size >= 2 && name.data[0] == '.' && name.data[1] == '/') {
        return cmaw_slice_sub(name, 2, name.size - 2);
    }
    if (name.size >= 1 && name.data[0] == '/') {
        return cmaw_slice_sub(name, 1, name.size - 1);
    }
    return cmaw_slice_eq_cstr(name, ".") ? CMAW_SLICE_EMPTY : name;
}

static enum cmaw_err check_kind(const struct header *header)
{
    switch (header->mode & S_IFMT) {
    case S_IFREG:
        /* several names of one file would make content depend on the order of entries */
        CMAW_REQUIRE(header->links <= 1, CMAW_E_MALFORMED);
        break;
    case S_IFLNK:
        CMAW_REQUIRE(header->size > 0 && header->size <= CMAW_CPIO_NAME_MAX, CMAW_E_MALFORMED);
        break;
    case S_IFDIR:
    case S_IFCHR:
    case S_IFBLK:
    case S_IFIFO:
    case S_IFSOCK:
        CMAW_REQUIRE(header->size == 0, CMAW_E_MALFORMED);
        break;
    default:
        return CMAW_E_MALFORMED;
    }
    return (header->mode & ~(uint32_t)(S_IFMT | 07777)) == 0 ? CMAW_OK : CMAW_E_MALFORMED;
}

/* One entry of any kind, trailers too: *ret_name is as it stands in the archive, without its NUL. */
static enum cmaw_err read_raw(struct cmaw_cpio *cpio, struct header *header, struct cmaw_slice *ret_name, struct cmaw_slice *ret_content)
{
    read_header(&cpio->reader, header);
    CMAW_TRY(cpio->reader.err);
    CMAW_REQUIRE(header->name_size >= 1, CMAW_E_MALFORMED);
    CMAW_REQUIRE(header->name_size <= CMAW_CPIO_NAME_MAX + 3, CMAW_E_TOO_LARGE); /* "./" and the NUL */
    const struct cmaw_slice name = cmaw_read_bytes(&cpio->reader, header->name_size);
    align(cpio);
    *ret_content = cmaw_read_bytes(&cpio->reader, header->size);
    align(cpio);
    CMAW_TRY(cpio->reader.err);
    CMAW_REQUIRE(name.data[name.size - 1] == '\0', CMAW_E_MALFORMED);
    *ret_name = cmaw_slice_sub(name, 0, name.size - 1);
    return CMAW_OK;
}

/* Zero bytes between archives, in steps that keep the alignment. */
static void skip_zeros(struct cmaw_cpio *cpio)
{
    while (cpio->reader.rest.size > 0 && cpio->reader.rest.data[0] == 0) {
        (void)cmaw_read_u8(&cpio->reader);
    }
}

static enum cmaw_err next_entry(struct cmaw_cpio *cpio, bool *ret_more, struct cmaw_cpio_entry *ret_entry)
{
    CMAW_TRY(cpio->reader.err);
    for (;;) {
        struct header header;
        struct cmaw_slice name, content;
        skip_zeros(cpio);
        if (cpio->reader.rest.size == 0) {
            *ret_more = false;
            return CMAW_OK;
        }
        CMAW_TRY(read_raw(cpio, &header, &name, &content));
        if (cmaw_slice_eq_cstr(name, trailer_name)) {
            CMAW_REQUIRE(header.size == 0, CMAW_E_MALFORMED);
            continue;
        }
        CMAW_TRY(check_kind(&header));
        name = strip_root(name);
        if (name.size == 0 && S_ISDIR(header.mode)) {
            continue;
        }
        CMAW_REQUIRE(cmaw_cpio_name_is_clean(name), CMAW_E_MALFORMED);
        CMAW_TRY(cmaw_slice_to_cstr(name, ret_entry->name, sizeof ret_entry->name));
        ret_entry->mode = header.mode;
        ret_entry->device_major = header.device_major;
        ret_entry->device_minor = header.device_minor;
        ret_entry->content = content;
        *ret_more = true;
        return CMAW_OK;
    }
}

enum cmaw_err cmaw_cpio_next(struct cmaw_cpio *cpio, bool *ret_more, struct cmaw_cpio_entry *ret_entry)
{
    const enum cmaw_err err = next_entry(cpio, ret_more, ret_entry);
    if (err != CMAW_OK) {
        cmaw_reader_fail(&cpio->reader, err);
    }
    return err;
}

static void put_aligned(struct cmaw_buf *buf, size_t multiple)
{
    static const uint8_t zeros[BLOCK];
    cmaw_buf_put(buf, cmaw_slice_of(zeros, (multiple - buf->size % multiple) % multiple));
}

static void put_entry(struct cmaw_buf *buf, const struct header *header, const char *name, struct cmaw_slice content)
{
    cmaw_buf_printf(buf, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", header->inode, header->mode, 0u, 0u,
                    header->links, 0u, header->size, 0u, 0u, header->device_major, header->device_minor, header->name_size, 0u);
    cmaw_buf_put_cstr(buf, name);
    cmaw_buf_put_u8(buf, 0);
    put_aligned(buf, ALIGNMENT);
    cmaw_buf_put(buf, content);
    put_aligned(buf, ALIGNMENT);
}

enum cmaw_err cmaw_cpio_put(struct cmaw_buf *buf, const struct cmaw_cpio_entry *entry, uint32_t inode)
{
    const struct cmaw_slice name = cmaw_slice_of_cstr(entry->name);
    CMAW_REQUIRE(cmaw_cpio_name_is_clean(name) && !cmaw_slice_eq_cstr(name, trailer_name), CMAW_E_MALFORMED);
    CMAW_REQUIRE(entry->content.size <= UINT32_MAX, CMAW_E_TOO_LARGE);
    const struct header header = {.inode = inode, .mode = entry->mode, .links = S_ISDIR(entry->mode) ? 2 : 1,
                                  .size = (uint32_t)entry->content.size, .device_major = entry->device_major,
                                  .device_minor = entry->device_minor, .name_size = (uint32_t)name.size + 1};
    CMAW_TRY(check_kind(&header));
    put_entry(buf, &header, entry->name, entry->content);
    return cmaw_buf_err(buf);
}

enum cmaw_err cmaw_cpio_put_end(struct cmaw_buf *buf)
{
    const struct header header = {.links = 1, .name_size = sizeof trailer_name};
    put_entry(buf, &header, trailer_name, CMAW_SLICE_EMPTY);
    put_aligned(buf, BLOCK);
    return cmaw_buf_err(buf);
}
