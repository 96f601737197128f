#include "lib/sst/agent_state.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/crypto/hash.h"
#include "lib/pb/pb.h"
#include "lib/sst/text.h"

static enum cmaw_err annotation_decode(struct cmaw_slice bytes, struct cmaw_annotation *ret_annotation)
{
    struct cmaw_pb_reader r = cmaw_pb_reader_of(bytes);
    ret_annotation->key = cmaw_pb_string(&r, 1);
    ret_annotation->value = cmaw_pb_string(&r, 2);
    return cmaw_pb_end(&r);
}

enum cmaw_err cmaw_agent_state_decode(struct cmaw_slice bytes, struct cmaw_agent_state *ret_state)
{
    struct cmaw_agent_state *s = ret_state;
    struct cmaw_pb_reader r = cmaw_pb_reader_of(bytes);
    struct cmaw_slice nested;
    s->content_type = cmaw_pb_string(&r, 1);
    s->content = cmaw_pb_bytes(&r, 2);
    s->annotation_count = 0;
    while (cmaw_pb_next(&r, 3, &nested)) {
        CMAW_REQUIRE(s->annotation_count < CMAW_ANNOTATIONS_MAX, CMAW_E_MALFORMED);
        CMAW_TRY(annotation_decode(nested, &s->annotations[s->annotation_count++]));
    }
    s->salt = cmaw_pb_bytes(&r, 4);
    return cmaw_pb_end(&r);
}

/* Checked when sealing too: an agent may give any bytes, and nobody could open a state with a string that is none. */
static bool value_ok(struct cmaw_slice value)
{
    return value.size <= CMAW_ANNOTATION_VALUE_MAX && cmaw_utf8_valid(value) &&
           (value.size == 0 || memchr(value.data, 0, value.size) == NULL);
}

static bool annotation_ok(const struct cmaw_agent_state *state, uint32_t i)
{
    const struct cmaw_annotation *a = &state->annotations[i];
    if (a->key.size < 1 || a->key.size > CMAW_ANNOTATION_KEY_MAX || !cmaw_text_in(a->key, "_.-") || !value_ok(a->value)) {
        return false;
    }
    for (uint32_t j = 0; j < i; j++) {
        if (cmaw_slice_eq(a->key, state->annotations[j].key)) {
            return false;
        }
    }
    return true;
}

enum cmaw_err cmaw_agent_state_check_content(const struct cmaw_agent_state *state)
{
    CMAW_REQUIRE(state->content_type.size <= CMAW_CONTENT_TYPE_MAX && cmaw_text_is_printable(state->content_type),
        CMAW_E_MALFORMED);
    CMAW_REQUIRE(state->annotation_count <= CMAW_ANNOTATIONS_MAX, CMAW_E_MALFORMED);
    for (uint32_t i = 0; i < state->annotation_count; i++) {
        CMAW_REQUIRE(annotation_ok(state, i), CMAW_E_MALFORMED);
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_agent_state_parse(struct cmaw_slice bytes, struct cmaw_agent_state *ret_state)
{
    CMAW_TRY(cmaw_agent_state_decode(bytes, ret_state));
    CMAW_REQUIRE(ret_state->salt.size == CMAW_HASH_SIZE, CMAW_E_MALFORMED);
    return cmaw_agent_state_check_content(ret_state);
}

static size_t annotation_size(const struct cmaw_annotation *annotation)
{
    return cmaw_pb_size_bytes(1, annotation->key.size) + cmaw_pb_size_bytes(2, annotation->value.size);
}

static size_t size_with_salt(const struct cmaw_agent_state *state, size_t salt_size)
{
    size_t size = cmaw_pb_size_bytes(1, state->content_type.size) + cmaw_pb_size_bytes(2, state->content.size) +
                  cmaw_pb_size_bytes(4, salt_size);
    for (uint32_t i = 0; i < state->annotation_count; i++) {
        size += cmaw_pb_size_element(3, annotation_size(&state->annotations[i]));
    }
    return size;
}

size_t cmaw_agent_state_size(const struct cmaw_agent_state *state)
{
    return size_with_salt(state, state->salt.size);
}

size_t cmaw_agent_state_sealed_size(const struct cmaw_agent_state *state)
{
    return size_with_salt(state, CMAW_HASH_SIZE);
}

void cmaw_agent_state_encode_head(const struct cmaw_agent_state *state, struct cmaw_buf *buf)
{
    cmaw_pb_put_bytes(buf, 1, state->content_type);
    if (state->content.size > 0) {
        cmaw_pb_put_head(buf, 2, state->content.size);
    }
}

void cmaw_agent_state_encode_tail(const struct cmaw_agent_state *state, struct cmaw_buf *buf)
{
    for (uint32_t i = 0; i < state->annotation_count; i++) {
        cmaw_pb_put_head(buf, 3, annotation_size(&state->annotations[i]));
        cmaw_pb_put_bytes(buf, 1, state->annotations[i].key);
        cmaw_pb_put_bytes(buf, 2, state->annotations[i].value);
    }
    cmaw_pb_put_bytes(buf, 4, state->salt);
}

void cmaw_agent_state_encode(const struct cmaw_agent_state *state, struct cmaw_buf *buf)
{
    cmaw_agent_state_encode_head(state, buf);
    cmaw_buf_put(buf, state->content);
    cmaw_agent_state_encode_tail(state, buf);
}

enum cmaw_err cmaw_agent_state_commit(const struct cmaw_agent_state *state, struct cmaw_bytes32 *ret_commit)
{
    CMAW_REQUIRE(state->annotation_count <= CMAW_ANNOTATIONS_MAX, CMAW_E_MALFORMED);
    struct cmaw_field fields[4 + 2 * CMAW_ANNOTATIONS_MAX] = {
        CMAW_F(state->salt),
        CMAW_F(state->content_type),
        CMAW_F(state->content),
        CMAW_F_U64(state->annotation_count),
    };
    size_t count = 4;
    for (uint32_t i = 0; i < state->annotation_count; i++) {
        fields[count++] = CMAW_F(state->annotations[i].key);
        fields[count++] = CMAW_F(state->annotations[i].value);
    }
    return cmaw_ctx_hash(CMAW_LABEL_COMMIT, (struct cmaw_fields){fields, count}, ret_commit);
}

enum cmaw_err cmaw_agent_state_salt(struct cmaw_slice edge_secret, const struct cmaw_bytes32 *run_id, uint32_t edge,
    const struct cmaw_bytes32 *random32, struct cmaw_slice content, struct cmaw_bytes32 *ret_salt)
{
    struct cmaw_bytes32 h;
    cmaw_sha256(content, h.bytes);
    return cmaw_hedged_salt(edge_secret, CMAW_LABEL_COMMIT_SALT,
        CMAW_FIELDS(CMAW_F(cmaw_bytes32_slice(run_id)), CMAW_F_U64(edge)), random32, &h, CMAW_SLICE_EMPTY, ret_salt);
}
