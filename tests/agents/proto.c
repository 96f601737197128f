/* An agent with io: proto, without a protobuf library and with an encoding that is legal and not canonical. In-ports x and
 * y, out-ports z and w: z gets the contents one after the other, w their sizes as text, with an annotation. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static unsigned char input[4 << 20];
static unsigned char output[4 << 20];

struct port {
    const unsigned char *name, *content;
    size_t name_size, content_size;
};

static uint64_t varint(const unsigned char **at)
{
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
        const unsigned char byte = *(*at)++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return value;
        }
    }
}

static void read_port(const unsigned char *at, const unsigned char *end, struct port *port)
{
    while (at < end) {
        const uint64_t tag = varint(&at);
        const size_t size = varint(&at);
        if (tag == 0x0a) {
            port->name = at;
            port->name_size = size;
        } else if (tag == 0x1a) {
            port->content = at;
            port->content_size = size;
        }
        at += size;
    }
}

/* Always five bytes: longer than it need be, which only canonical readers mind. */
static unsigned char *put_long(unsigned char *at, size_t value)
{
    for (int i = 0; i < 5; i++, value >>= 7) {
        *at++ = (unsigned char)((value & 0x7f) | (i < 4 ? 0x80 : 0));
    }
    return at;
}

static unsigned char *put_bytes(unsigned char *at, unsigned char tag, const void *bytes, size_t size)
{
    *at++ = tag;
    at = put_long(at, size);
    memcpy(at, bytes, size);
    return at + size;
}

int main(void)
{
    size_t size = 0;
    for (ssize_t got; (got = read(0, input + size, sizeof input - size)) > 0;) {
        size += (size_t)got;
    }
    struct port ports[2] = {0};
    const unsigned char *at = input;
    if (varint(&at) != size - (size_t)(at - input)) {
        return 2;
    }
    for (int i = 0; i < 2 && at < input + size; i++) {
        (void)varint(&at);
        const size_t port_size = varint(&at);
        read_port(at, at + port_size, &ports[i]);
        at += port_size;
    }
    if (ports[0].name_size != 1 || ports[0].name[0] != 'x' || ports[1].name_size != 1 || ports[1].name[0] != 'y') {
        return 3;
    }
    char sizes[64];
    const int sizes_size = snprintf(sizes, sizeof sizes, "%zu %zu", ports[0].content_size, ports[1].content_size);
    unsigned char *const message = output + 5;
    unsigned char *out = message;

    *out++ = 0x0a; /* w first, its fields last to first */
    unsigned char *port_length = out;
    unsigned char *start = out + 5;
    out = put_bytes(start, 0x22, "\x0a\x04" "unit\x12\x05" "bytes", 13);
    out = put_bytes(out, 0x1a, sizes, (size_t)sizes_size);
    out = put_bytes(out, 0x12, "text/plain", 10);
    out = put_bytes(out, 0x0a, "w", 1);
    (void)put_long(port_length, (size_t)(out - start));

    *out++ = 0x0a;
    port_length = out;
    start = out + 5;
    out = put_bytes(start, 0x0a, "z", 1);
    *out++ = 0x1a;
    out = put_long(out, ports[0].content_size + ports[1].content_size);
    memcpy(out, ports[0].content, ports[0].content_size);
    out += ports[0].content_size;
    memcpy(out, ports[1].content, ports[1].content_size);
    out += ports[1].content_size;
    (void)put_long(port_length, (size_t)(out - start));

    (void)put_long(output, (size_t)(out - message));
    for (const unsigned char *done = output; done < out;) {
        const ssize_t wrote = write(1, done, (size_t)(out - done));
        if (wrote <= 0) {
            return 4;
        }
        done += wrote;
    }
    return 0;
}
