#include <string.h>

#include "lib/pb/pb.h"
#include "lib/pb/varint.h"

enum { HEAD_MAX = 2 * CMAW_VARINT_MAX };

static size_t tag_put(uint8_t dst[CMAW_VARINT_MAX], uint32_t field, uint32_t wire_type)
{
    return cmaw_varint_put(dst, (uint64_t)field << 3 | wire_type);
}

static size_t head_put(uint8_t dst[HEAD_MAX], uint32_t field, size_t size)
{
    const size_t tag_size = tag_put(dst, field, CMAW_WIRE_BYTES);
    return tag_size + cmaw_varint_put(dst + tag_size, size);
}

void cmaw_pb_put_u64(struct cmaw_buf *buf, uint32_t field, uint64_t value)
{
    if (value == 0) {
        return;
    }
    uint8_t bytes[HEAD_MAX];
    const size_t tag_size = tag_put(bytes, field, CMAW_WIRE_VARINT);
    cmaw_buf_put(buf, cmaw_slice_of(bytes, tag_size + cmaw_varint_put(bytes + tag_size, value)));
}

void cmaw_pb_put_u32(struct cmaw_buf *buf, uint32_t field, uint32_t value)
{
    cmaw_pb_put_u64(buf, field, value);
}

void cmaw_pb_put_head(struct cmaw_buf *buf, uint32_t field, size_t size)
{
    uint8_t head[HEAD_MAX];
    cmaw_buf_put(buf, cmaw_slice_of(head, head_put(head, field, size)));
}

void cmaw_pb_put_element(struct cmaw_buf *buf, uint32_t field, struct cmaw_slice bytes)
{
    cmaw_pb_put_head(buf, field, bytes.size);
    cmaw_buf_put(buf, bytes);
}

void cmaw_pb_put_bytes(struct cmaw_buf *buf, uint32_t field, struct cmaw_slice bytes)
{
    if (bytes.size > 0) {
        cmaw_pb_put_element(buf, field, bytes);
    }
}

size_t cmaw_pb_size_element(uint32_t field, size_t size)
{
    uint8_t head[HEAD_MAX];
    return head_put(head, field, size) + size;
}

size_t cmaw_pb_size_bytes(uint32_t field, size_t size)
{
    return size == 0 ? 0 : cmaw_pb_size_element(field, size);
}

size_t cmaw_pb_size_u64(uint32_t field, uint64_t value)
{
    uint8_t bytes[HEAD_MAX];
    const size_t tag_size = tag_put(bytes, field, CMAW_WIRE_VARINT);
    return value == 0 ? 0 : tag_size + cmaw_varint_put(bytes + tag_size, value);
}

size_t cmaw_pb_open(const struct cmaw_buf *buf)
{
    return buf->size;
}

void cmaw_pb_close(struct cmaw_buf *buf, uint32_t field, size_t mark)
{
    if (cmaw_buf_err(buf) != CMAW_OK) {
        return;
    }
    uint8_t head[HEAD_MAX];
    const size_t body_size = buf->size - mark;
    const size_t head_size = head_put(head, field, body_size);
    if (cmaw_buf_extend(buf, head_size) == NULL) {
        return;
    }
    memmove(buf->data + mark + head_size, buf->data + mark, body_size);
    memcpy(buf->data + mark, head, head_size);
}
