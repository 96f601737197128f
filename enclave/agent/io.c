#include "enclave/agent/io.h"

#include "enclave/agent/run.h"
#include "lib/pb/pb.h"

enum {
    INPUT_MAX = 4 * 1024 * 1024, /* contents are bounded by PROTOCOL.md section 4; names and tags add little */
    FIELD_PORTS = 1,
    PORT_NAME = 1, PORT_CONTENT_TYPE = 2, PORT_CONTENT = 3, PORT_ANNOTATIONS = 4,
    ENTRY_KEY = 1, ENTRY_VALUE = 2,
    WIRE_BYTES = 2,
};

static void put_port(struct cmaw_buf *buf, const struct cmaw_step_input *input)
{
    const struct cmaw_agent_state *state = &input->opened.content;
    const size_t port = cmaw_pb_open(buf);
    cmaw_pb_put_bytes(buf, PORT_NAME, input->edge->name);
    cmaw_pb_put_bytes(buf, PORT_CONTENT_TYPE, state->content_type);
    cmaw_pb_put_bytes(buf, PORT_CONTENT, state->content);
    for (uint32_t i = 0; i < state->annotation_count; i++) {
        const size_t entry = cmaw_pb_open(buf);
        cmaw_pb_put_bytes(buf, ENTRY_KEY, state->annotations[i].key);
        cmaw_pb_put_bytes(buf, ENTRY_VALUE, state->annotations[i].value);
        cmaw_pb_close(buf, PORT_ANNOTATIONS, entry);
    }
    cmaw_pb_close(buf, FIELD_PORTS, port);
}

static void put_varint(struct cmaw_buf *buf, uint64_t value)
{
    for (; value >= 0x80; value >>= 7) {
        cmaw_buf_put_u8(buf, (uint8_t)(value | 0x80));
    }
    cmaw_buf_put_u8(buf, (uint8_t)value);
}

static size_t contents_size(const struct cmaw_step *step)
{
    size_t sum = 0;
    for (uint32_t i = 0; i < step->input_count; i++) {
        sum += step->inputs[i].opened.content.content.size;
    }
    return sum;
}

static enum cmaw_err proto_input(const struct cmaw_step *step, int *ret_fd)
{
    CMAW_BUF_AUTO(message, INPUT_MAX);
    CMAW_BUF_AUTO(length, 10);
    CMAW_TRY(cmaw_buf_reserve(&message, contents_size(step) + 4096)); /* so that it need not move, as a rule */
    for (uint32_t i = 0; i < step->input_count; i++) {
        put_port(&message, &step->inputs[i]);
    }
    CMAW_TRY(cmaw_buf_err(&message));
    put_varint(&length, message.size);
    const struct cmaw_slice parts[] = {cmaw_buf_slice(&length), cmaw_buf_slice(&message)};
    return cmaw_agent_input(parts, 2, ret_fd);
}

enum cmaw_err cmaw_agent_io_input(const struct cmaw_conf *conf, struct cmaw_step *step, int *ret_fd)
{
    if (conf->agent_proto) {
        CMAW_TRY(proto_input(step, ret_fd));
    } else {
        CMAW_REQUIRE(step->input_count == 1 && step->output_count == 1, CMAW_E_UNSUPPORTED);
        CMAW_TRY(cmaw_agent_input(&step->inputs[0].opened.content.content, 1, ret_fd));
    }
    for (uint32_t i = 0; i < step->input_count; i++) {
        step->inputs[i].opened.content = (struct cmaw_agent_state){0};
        cmaw_buf_free(&step->inputs[i].opened.plain);
    }
    return CMAW_OK;
}

/* Any encoder may have written it: fields in any order, the last of a repeated single field counts. */
static enum cmaw_err read_entry(struct cmaw_slice bytes, struct cmaw_annotation *ret_entry)
{
    struct cmaw_pb_reader reader = cmaw_pb_reader_of(bytes);
    struct cmaw_pb_field field;
    while (cmaw_pb_any(&reader, &field)) {
        if (field.number == ENTRY_KEY && field.wire_type == WIRE_BYTES) {
            ret_entry->key = field.bytes;
        } else if (field.number == ENTRY_VALUE && field.wire_type == WIRE_BYTES) {
            ret_entry->value = field.bytes;
        }
    }
    return cmaw_pb_end(&reader);
}

static enum cmaw_err read_annotation(struct cmaw_slice bytes, struct cmaw_agent_state *state)
{
    CMAW_REQUIRE(state->annotation_count < CMAW_ANNOTATIONS_MAX, CMAW_E_MALFORMED);
    return read_entry(bytes, &state->annotations[state->annotation_count++]);
}

static enum cmaw_err read_port_field(const struct cmaw_pb_field *field, struct cmaw_slice *name, struct cmaw_agent_state *state)
{
    if (field->wire_type != WIRE_BYTES) {
        return CMAW_OK; /* not a field that we know */
    }
    switch (field->number) {
    case PORT_NAME: *name = field->bytes; return CMAW_OK;
    case PORT_CONTENT_TYPE: state->content_type = field->bytes; return CMAW_OK;
    case PORT_CONTENT: state->content = field->bytes; return CMAW_OK;
    case PORT_ANNOTATIONS: return read_annotation(field->bytes, state);
    default: return CMAW_OK;
    }
}

static enum cmaw_err read_port(struct cmaw_slice bytes, struct cmaw_slice *ret_name, struct cmaw_agent_state *ret_state)
{
    struct cmaw_pb_reader reader = cmaw_pb_reader_of(bytes);
    struct cmaw_pb_field field;
    *ret_name = CMAW_SLICE_EMPTY;
    *ret_state = (struct cmaw_agent_state){0};
    while (cmaw_pb_any(&reader, &field)) {
        CMAW_TRY(read_port_field(&field, ret_name, ret_state));
    }
    return cmaw_pb_end(&reader);
}

static enum cmaw_err put_output(const struct cmaw_step *step, struct cmaw_slice name, const struct cmaw_agent_state *state,
                                bool *seen, struct cmaw_agent_state *outputs)
{
    for (uint32_t i = 0; i < step->output_count; i++) {
        if (cmaw_slice_eq(step->outputs[i]->name, name)) {
            CMAW_REQUIRE(!seen[i], CMAW_E_MALFORMED);
            seen[i] = true;
            outputs[i] = *state;
            return CMAW_OK;
        }
    }
    return CMAW_E_MALFORMED;
}

/* The varint in front must be the length of all the rest. */
static enum cmaw_err take_message(struct cmaw_slice written, struct cmaw_slice *ret_message)
{
    uint64_t length = 0;
    for (size_t i = 0; i < written.size && i < 5; i++) {
        length |= (uint64_t)(written.data[i] & 0x7f) << (7 * i);
        if ((written.data[i] & 0x80) == 0) {
            *ret_message = cmaw_slice_of(written.data + i + 1, written.size - i - 1);
            return length == ret_message->size ? CMAW_OK : CMAW_E_MALFORMED;
        }
    }
    return CMAW_E_MALFORMED;
}

static enum cmaw_err proto_output(const struct cmaw_step *step, struct cmaw_slice written, struct cmaw_agent_state *outputs)
{
    bool seen[CMAW_EDGES_MAX] = {0};
    struct cmaw_slice message;
    struct cmaw_pb_field field;
    uint32_t count = 0;
    CMAW_TRY(take_message(written, &message));
    struct cmaw_pb_reader reader = cmaw_pb_reader_of(message);
    while (cmaw_pb_any(&reader, &field)) {
        if (field.number != FIELD_PORTS || field.wire_type != WIRE_BYTES) {
            continue;
        }
        struct cmaw_slice name;
        struct cmaw_agent_state state;
        CMAW_TRY(read_port(field.bytes, &name, &state));
        CMAW_TRY(put_output(step, name, &state, seen, outputs));
        count++;
    }
    CMAW_TRY(cmaw_pb_end(&reader));
    return count == step->output_count ? CMAW_OK : CMAW_E_MALFORMED;
}

enum cmaw_err cmaw_agent_io_output(const struct cmaw_conf *conf, const struct cmaw_step *step, struct cmaw_slice written,
                                   struct cmaw_agent_state *ret_outputs)
{
    if (conf->agent_proto) {
        return proto_output(step, written, ret_outputs);
    }
    CMAW_REQUIRE(step->output_count == 1, CMAW_E_UNSUPPORTED);
    ret_outputs[0] = (struct cmaw_agent_state){
        .content_type = cmaw_slice_of_cstr(conf->content_type), .content = written};
    return CMAW_OK;
}
