#include "lib/sst/state.h"

#include "lib/crypto/seal.h"
#include "lib/pb/pb.h"

enum { PARENT_STRIDE = 2 + CMAW_HASH_SIZE }; /* tag, length and a digest, as a checked header has them */

static const size_t class_sizes[CMAW_SIZE_CLASSES] = {
    1024, 4 * 1024, 16 * 1024, 64 * 1024, 256 * 1024, 1024 * 1024, CMAW_CLASS_MAX_SIZE,
};
enum { LENGTH_SIZE = 4 }; /* u32(len) before the AgentState */

size_t cmaw_class_size(uint32_t size_class)
{
    return size_class >= 1 && size_class <= CMAW_SIZE_CLASSES ? class_sizes[size_class - 1] : 0;
}

size_t cmaw_class_ciphertext_size(uint32_t size_class)
{
    const size_t size = cmaw_class_size(size_class);
    return size == 0 ? 0 : cmaw_sealed_size(size);
}

uint32_t cmaw_class_for(size_t agent_state_size)
{
    for (uint32_t size_class = 1; size_class <= CMAW_SIZE_CLASSES; size_class++) {
        if (agent_state_size <= cmaw_class_size(size_class) - LENGTH_SIZE) {
            return size_class;
        }
    }
    return 0;
}

enum cmaw_err cmaw_state_header_decode(struct cmaw_slice bytes, struct cmaw_state_header *ret_header)
{
    struct cmaw_state_header *h = ret_header;
    struct cmaw_pb_reader r = cmaw_pb_reader_of(bytes);
    struct cmaw_slice parent;
    h->bytes = bytes;
    h->version = cmaw_pb_u32(&r, 1);
    h->run = cmaw_pb_bytes(&r, 2);
    h->edge = cmaw_pb_u32(&r, 3);
    h->kind = cmaw_pb_u32(&r, 4);
    h->parent_count = 0;
    const struct cmaw_slice before = r.rest;
    while (cmaw_pb_next(&r, 5, &parent)) {
        h->parent_count++;
    }
    h->parents = cmaw_slice_sub(before, 0, before.size - r.rest.size);
    h->size_class = cmaw_pb_u32(&r, 6);
    return cmaw_pb_end(&r);
}

enum cmaw_err cmaw_state_decode(struct cmaw_slice bytes, struct cmaw_state *ret_state)
{
    struct cmaw_pb_reader r = cmaw_pb_reader_of(bytes);
    ret_state->bytes = bytes;
    ret_state->header = (struct cmaw_state_header){.bytes = cmaw_pb_bytes(&r, 1)};
    ret_state->ciphertext = cmaw_pb_bytes(&r, 2);
    return cmaw_pb_end(&r);
}

/* Every parent is 32 bytes long, so that they can be read by stride. */
static bool parents_ok(const struct cmaw_state_header *header)
{
    struct cmaw_pb_reader r = cmaw_pb_reader_of(header->parents);
    struct cmaw_slice parent;
    while (cmaw_pb_next(&r, 5, &parent)) {
        if (parent.size != CMAW_HASH_SIZE) {
            return false;
        }
    }
    return cmaw_pb_end(&r) == CMAW_OK;
}

static enum cmaw_err header_check(const struct cmaw_state_header *header)
{
    CMAW_REQUIRE(header->version == 1 && header->run.size == CMAW_HASH_SIZE && header->edge >= 1, CMAW_E_MALFORMED);
    CMAW_REQUIRE(header->kind == CMAW_STATE_DATA || header->kind == CMAW_STATE_FAILURE, CMAW_E_MALFORMED);
    CMAW_REQUIRE(header->size_class >= 1 && header->size_class <= CMAW_SIZE_CLASSES, CMAW_E_MALFORMED);
    return parents_ok(header) ? CMAW_OK : CMAW_E_MALFORMED;
}

enum cmaw_err cmaw_state_parse(struct cmaw_slice bytes, struct cmaw_state *ret_state)
{
    CMAW_TRY(cmaw_state_decode(bytes, ret_state));
    const struct cmaw_slice header = ret_state->header.bytes;
    CMAW_REQUIRE(header.size <= CMAW_STATE_HEADER_MAX, CMAW_E_TOO_LARGE);
    CMAW_TRY(cmaw_state_header_decode(header, &ret_state->header));
    return header_check(&ret_state->header);
}

struct cmaw_slice cmaw_state_parent(const struct cmaw_state_header *header, uint32_t i)
{
    if (i >= header->parent_count) {
        return CMAW_SLICE_EMPTY;
    }
    return cmaw_slice_sub(header->parents, (size_t)i * PARENT_STRIDE + 2, CMAW_HASH_SIZE);
}

enum cmaw_err cmaw_state_digest(const struct cmaw_state *state, struct cmaw_bytes32 *ret_digest)
{
    return cmaw_ctx_hash(CMAW_LABEL_STATE, CMAW_FIELDS(CMAW_F(state->header.bytes), CMAW_F(state->ciphertext)), ret_digest);
}
