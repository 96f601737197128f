#include "lib/sst/state_open.h"

#include "lib/crypto/seal.h"

void cmaw_opened_free(struct cmaw_opened *opened)
{
    if (opened != NULL) {
        cmaw_buf_free(&opened->plain);
        *opened = (struct cmaw_opened){0};
    }
}

/* What can be refused before any key is used. */
static bool is_of_edge(const struct cmaw_state *state, const struct cmaw_plan_edge *edge, const struct cmaw_bytes32 *run_id)
{
    const struct cmaw_state_header *header = &state->header;
    return cmaw_bytes32_eq(run_id, header->run) && header->edge == edge->id &&
           (edge->size_class == 0 || header->size_class == edge->size_class) &&
           state->ciphertext.size == cmaw_class_ciphertext_size(header->size_class);
}

static enum cmaw_err decrypt(const struct cmaw_state *state, const struct cmaw_bytes32 *run_id, struct cmaw_slice secret,
    struct cmaw_buf *plain)
{
    CMAW_BUF_AUTO(aad, CMAW_STATE_HEADER_MAX + 64);
    CMAW_SECRET_AUTO(key);
    CMAW_TRY(cmaw_edge_state_key(secret, run_id, state->header.edge, &key));
    cmaw_ctx_put(&aad, CMAW_LABEL_STATE_AAD, CMAW_FIELDS(CMAW_F(state->header.bytes)));
    CMAW_TRY(cmaw_buf_err(&aad));
    return cmaw_seal_open(&key, cmaw_buf_slice(&aad), state->ciphertext, plain);
}

/* The AgentState inside the padding: u32(len), so many bytes, and zeros to the end. */
static enum cmaw_err unpad(struct cmaw_slice padded, struct cmaw_slice *ret_content)
{
    struct cmaw_reader reader = cmaw_reader_of(padded);
    const uint32_t size = cmaw_read_u32be(&reader);
    const struct cmaw_slice content = cmaw_read_bytes(&reader, size);
    CMAW_REQUIRE(reader.err == CMAW_OK && cmaw_slice_is_zero(reader.rest), CMAW_E_AUTH);
    *ret_content = content;
    return CMAW_OK;
}

static enum cmaw_err open_into(const struct cmaw_state *state, const struct cmaw_plan_edge *edge,
    const struct cmaw_bytes32 *run_id, struct cmaw_slice secret, struct cmaw_opened *opened)
{
    struct cmaw_slice content;
    CMAW_TRY(decrypt(state, run_id, secret, &opened->plain));
    CMAW_TRY(unpad(cmaw_buf_slice(&opened->plain), &content));
    CMAW_REQUIRE(edge->size_class != 0 || cmaw_class_for(content.size) == state->header.size_class, CMAW_E_AUTH);
    CMAW_REQUIRE(cmaw_agent_state_parse(content, &opened->content) == CMAW_OK, CMAW_E_AUTH);
    return cmaw_agent_state_commit(&opened->content, &opened->commit);
}

enum cmaw_err cmaw_state_open(const struct cmaw_state *state, const struct cmaw_plan_edge *edge,
    const struct cmaw_bytes32 *run_id, struct cmaw_slice secret, struct cmaw_opened *ret_opened)
{
    CMAW_REQUIRE(secret.size == CMAW_KEY_SIZE && is_of_edge(state, edge, run_id), CMAW_E_AUTH);
    struct cmaw_opened opened = {.plain = CMAW_BUF(cmaw_sealed_size(CMAW_CLASS_MAX_SIZE))};
    const enum cmaw_err err = open_into(state, edge, run_id, secret, &opened);
    if (err != CMAW_OK) {
        cmaw_opened_free(&opened);
        return err;
    }
    *ret_opened = opened;
    return CMAW_OK;
}
