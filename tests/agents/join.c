/* An agent with io: proto: join NAME… writes, to each output port named, its inputs one after the other, each as
 * "name=content;". The messages are proto/cmaw/v1/agent.proto, behind their length. Nothing of the runtime is linked. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LIMIT = 2 * 1024 * 1024 };

static uint8_t input[LIMIT];
static uint8_t joined[LIMIT];
static size_t joined_size;

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
};

static int take_varint(struct cursor *in, size_t *ret_value)
{
    size_t value = 0;
    for (unsigned shift = 0; in->at < in->end && shift < 35; shift += 7) {
        const uint8_t byte = *in->at++;
        value |= (size_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret_value = value;
            return 1;
        }
    }
    return 0;
}

/* The next field of wire type 2: all that these messages have. */
static int take_field(struct cursor *in, unsigned *ret_number, struct cursor *ret_value)
{
    size_t tag = 0;
    size_t size = 0;
    if (!take_varint(in, &tag) || (tag & 7) != 2 || !take_varint(in, &size) || size > (size_t)(in->end - in->at)) {
        return 0;
    }
    *ret_number = (unsigned)(tag >> 3);
    *ret_value = (struct cursor){in->at, in->at + size};
    in->at += size;
    return 1;
}

static void append(const void *bytes, size_t size)
{
    if (size > 0 && size <= LIMIT - joined_size) {
        memcpy(joined + joined_size, bytes, size);
        joined_size += size;
    }
}

static void join_port(struct cursor port)
{
    struct cursor name = {NULL, NULL};
    struct cursor content = {NULL, NULL};
    struct cursor value;
    unsigned number = 0;
    while (take_field(&port, &number, &value)) {
        name = number == 1 ? value : name;
        content = number == 3 ? value : content;
    }
    append(name.at, (size_t)(name.end - name.at));
    append("=", 1);
    append(content.at, (size_t)(content.end - content.at));
    append(";", 1);
}

static size_t put_varint(uint8_t *out, size_t value)
{
    size_t size = 0;
    for (; value > 0x7f; value >>= 7) {
        out[size++] = (uint8_t)(value | 0x80);
    }
    out[size++] = (uint8_t)value;
    return size;
}

static size_t put_head(uint8_t *out, uint8_t tag, size_t size)
{
    out[0] = tag;
    return 1 + put_varint(out + 1, size);
}

/* One AgentPort as field 1 of AgentOutput. */
static size_t put_port(uint8_t *out, const char *name)
{
    static uint8_t port[LIMIT + 256];
    static const char type[] = "application/x-joined";
    size_t size = put_head(port, 0x0a, strlen(name));
    memcpy(port + size, name, strlen(name));
    size += strlen(name);
    size += put_head(port + size, 0x12, sizeof type - 1);
    memcpy(port + size, type, sizeof type - 1);
    size += sizeof type - 1;
    size += put_head(port + size, 0x1a, joined_size);
    memcpy(port + size, joined, joined_size);
    size += joined_size;
    const size_t head = put_head(out, 0x0a, size);
    memcpy(out + head, port, size);
    return head + size;
}

static int write_all(const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        const ssize_t put = write(STDOUT_FILENO, bytes, size);
        if (put <= 0) {
            return 0;
        }
        bytes += put;
        size -= (size_t)put;
    }
    return 1;
}

int main(int argc, char **argv)
{
    static uint8_t output[4 * LIMIT];
    uint8_t head[10];
    size_t got = 0;
    size_t declared = 0;
    size_t size = 0;
    for (ssize_t more = 1; more > 0 && got < LIMIT; got += (size_t)more) {
        more = read(STDIN_FILENO, input + got, LIMIT - got);
        if (more < 0) {
            return 1;
        }
    }
    struct cursor in = {input, input + got};
    struct cursor port;
    unsigned number = 0;
    if (!take_varint(&in, &declared) || declared != (size_t)(in.end - in.at)) {
        fputs("join: the input is not one message behind its length\n", stderr);
        return 1;
    }
    while (take_field(&in, &number, &port)) {
        join_port(port);
    }
    for (int i = 1; i < argc && size + joined_size + 512 < sizeof output; i++) {
        size += put_port(output + size, argv[i]);
    }
    return write_all(head, put_varint(head, size)) && write_all(output, size) ? 0 : 1;
}
