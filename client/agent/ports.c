#include "client/agent/ports.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/pb/pb.h"
#include "sys/file.h"
#include "sys/folder.h"

enum { FIELD_PORTS = 1, PORT_NAME = 1, PORT_CONTENT = 3, WIRE_BYTES = 2, PORTS_MAX = 64, NAME_MAX_SIZE = 64, CONTENT_MAX = 4 << 20, VARINT_BITS = 35 };

struct port {
    struct cmaw_slice name, content;
};

struct ports {
    struct port list[PORTS_MAX];
    size_t count;
};

/* A folder's files, by name. */
struct listing {
    struct dirent **list;
    int count;
};

static void free_listing(struct listing *listing)
{
    for (int i = 0; i < listing->count; i++) {
        free(listing->list[i]);
    }
    free(listing->list);
}

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

bool cmaw_ports_are(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static enum cmaw_err list_folder(const char *folder, struct listing *listing, struct cmaw_diag *diag)
{
    listing->count = scandir(folder, &listing->list, is_shown, alphasort);
    if (listing->count < 0) {
        return cmaw_diag_set(diag, cmaw_err_of_errno(errno), "cannot read %s: %s", folder, strerror(errno));
    }
    return listing->count > 0 ? CMAW_OK : cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "%s holds no port", folder);
}

static void put_framed(struct cmaw_buf *buf, struct cmaw_slice message)
{
    for (size_t size = message.size; ; size >>= 7) {
        cmaw_buf_put_u8(buf, (uint8_t)((size & 0x7f) | (size >= 0x80 ? 0x80 : 0)));
        if (size < 0x80) {
            break;
        }
    }
    cmaw_buf_put(buf, message);
}

static void put_port(struct cmaw_buf *ports, struct cmaw_slice name, struct cmaw_slice content)
{
    const size_t port = cmaw_pb_open(ports);
    cmaw_pb_put_bytes(ports, PORT_NAME, name);
    cmaw_pb_put_bytes(ports, PORT_CONTENT, content);
    cmaw_pb_close(ports, FIELD_PORTS, port);
}

static void show(struct cmaw_buf *text, struct cmaw_slice name, struct cmaw_slice content)
{
    cmaw_buf_put_cstr(text, "== ");
    cmaw_buf_put(text, name);
    cmaw_buf_put_u8(text, '\n');
    cmaw_buf_put(text, content);
    cmaw_buf_put_u8(text, '\n');
}

static enum cmaw_err each_file(const char *folder, void (*put)(struct cmaw_buf *buf, struct cmaw_slice name, struct cmaw_slice content),
                               struct cmaw_buf *buf, struct cmaw_diag *diag)
{
    [[gnu::cleanup(free_listing)]] struct listing listing = {NULL, 0};
    CMAW_TRY(list_folder(folder, &listing, diag));
    for (int i = 0; i < listing.count; i++) {
        char path[CMAW_PATH_MAX];
        CMAW_BUF_AUTO(content, CONTENT_MAX);
        CMAW_TRY(cmaw_path(path, "%s/%s", folder, listing.list[i]->d_name));
        CMAW_TRY(cmaw_file_read(path, &content, diag));
        put(buf, cmaw_slice_of_cstr(listing.list[i]->d_name), cmaw_buf_slice(&content));
    }
    return cmaw_buf_err(buf);
}

enum cmaw_err cmaw_ports_put_input(const char *folder, struct cmaw_buf *message, struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(ports, CONTENT_MAX);
    CMAW_TRY(each_file(folder, put_port, &ports, diag));
    put_framed(message, cmaw_buf_slice(&ports));
    return cmaw_buf_err(message);
}

enum cmaw_err cmaw_ports_show_folder(const char *folder, struct cmaw_buf *text, struct cmaw_diag *diag)
{
    return each_file(folder, show, text, diag);
}

/* What an edge may be called can be a file's name: no slash, no point in front. */
static bool is_port_name(struct cmaw_slice name)
{
    if (name.size == 0 || name.size > NAME_MAX_SIZE || name.data[0] == '.') {
        return false;
    }
    return memchr(name.data, '/', name.size) == NULL && memchr(name.data, '\0', name.size) == NULL && memchr(name.data, '\n', name.size) == NULL;
}

static enum cmaw_err read_port(struct cmaw_slice bytes, struct ports *ports)
{
    struct cmaw_pb_reader reader = cmaw_pb_reader_of(bytes);
    struct cmaw_pb_field field;
    struct port port = {CMAW_SLICE_EMPTY, CMAW_SLICE_EMPTY};
    while (cmaw_pb_any(&reader, &field)) {
        if (field.number == PORT_NAME && field.wire_type == WIRE_BYTES) {
            port.name = field.bytes;
        } else if (field.number == PORT_CONTENT && field.wire_type == WIRE_BYTES) {
            port.content = field.bytes;
        }
    }
    CMAW_TRY(cmaw_pb_end(&reader));
    CMAW_REQUIRE(is_port_name(port.name) && ports->count < PORTS_MAX, CMAW_E_MALFORMED);
    for (size_t i = 0; i < ports->count; i++) {
        CMAW_REQUIRE(!cmaw_slice_eq(ports->list[i].name, port.name), CMAW_E_MALFORMED);
    }
    ports->list[ports->count++] = port;
    return CMAW_OK;
}

static int order(const void *a, const void *b)
{
    return cmaw_slice_cmp(((const struct port *)a)->name, ((const struct port *)b)->name);
}

/* The varint in front must be the length of all the rest. */
static enum cmaw_err read_output(struct cmaw_slice written, struct ports *ports)
{
    uint64_t length = 0;
    struct cmaw_reader front = cmaw_reader_of(written);
    for (unsigned shift = 0;; shift += 7) {
        const uint8_t byte = cmaw_read_u8(&front);
        CMAW_REQUIRE(front.err == CMAW_OK && shift < VARINT_BITS, CMAW_E_MALFORMED);
        length |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            break;
        }
    }
    CMAW_REQUIRE(length == front.rest.size, CMAW_E_MALFORMED);
    struct cmaw_pb_reader reader = cmaw_pb_reader_of(front.rest);
    struct cmaw_pb_field field;
    while (cmaw_pb_any(&reader, &field)) {
        if (field.number == FIELD_PORTS && field.wire_type == WIRE_BYTES) {
            CMAW_TRY(read_port(field.bytes, ports));
        }
    }
    CMAW_TRY(cmaw_pb_end(&reader));
    qsort(ports->list, ports->count, sizeof ports->list[0], order);
    return CMAW_OK;
}

enum cmaw_err cmaw_ports_show_output(struct cmaw_slice written, struct cmaw_buf *text)
{
    struct ports ports = {.count = 0};
    CMAW_TRY(read_output(written, &ports));
    for (size_t i = 0; i < ports.count; i++) {
        show(text, ports.list[i].name, ports.list[i].content);
    }
    return cmaw_buf_err(text);
}

enum cmaw_err cmaw_ports_write(const char *folder, struct cmaw_slice written, struct cmaw_diag *diag)
{
    struct ports ports = {.count = 0};
    if (read_output(written, &ports) != CMAW_OK) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "the output is not one AgentOutput");
    }
    if (cmaw_ports_are(folder)) {
        CMAW_TRY(cmaw_folder_remove(folder, diag));
    }
    if (mkdir(folder, 0755) != 0) {
        return cmaw_diag_set(diag, cmaw_err_of_errno(errno), "cannot make %s: %s", folder, strerror(errno));
    }
    for (size_t i = 0; i < ports.count; i++) {
        char path[CMAW_PATH_MAX];
        CMAW_TRY(cmaw_path(path, "%s/%.*s", folder, (int)ports.list[i].name.size, (const char *)ports.list[i].name.data));
        CMAW_TRY(cmaw_file_write(path, ports.list[i].content, 0644, diag));
    }
    return CMAW_OK;
}
