#include "lib/crypto/random.h"
#include "lib/crypto/seal.h"
#include "lib/pb/pb.h"
#include "lib/sst/state.h"

enum {
    AAD_MAX = CMAW_STATE_HEADER_MAX + 64,
    HEAD_MAX = 512,                                                              /* content type and the head of content */
    TAIL_MAX = CMAW_ANNOTATIONS_MAX * (CMAW_ANNOTATION_KEY_MAX + CMAW_ANNOTATION_VALUE_MAX + 16) + 64, /* annotations, salt */
};

/* What sealing works out on the way. */
struct sealing {
    const struct cmaw_state_seal *what;
    struct cmaw_agent_state content; /* with its salt */
    size_t content_size; /* of the encoded AgentState */
    struct cmaw_buf header;
};

static enum cmaw_err choose_class(const struct cmaw_state_seal *what, size_t content_size, uint32_t *ret_class)
{
    const uint32_t smallest = cmaw_class_for(content_size);
    CMAW_REQUIRE(smallest != 0, CMAW_E_TOO_LARGE);
    CMAW_REQUIRE(what->edge->size_class == 0 || what->edge->size_class >= smallest, CMAW_E_TOO_LARGE);
    *ret_class = what->edge->size_class == 0 ? smallest : what->edge->size_class;
    return CMAW_OK;
}

static void header_encode(const struct cmaw_state_seal *what, uint32_t size_class, struct cmaw_buf *buf)
{
    cmaw_pb_put_u32(buf, 1, 1);
    cmaw_pb_put_bytes(buf, 2, cmaw_bytes32_slice(what->run_id));
    cmaw_pb_put_u32(buf, 3, what->edge->id);
    cmaw_pb_put_u32(buf, 4, what->kind);
    for (uint32_t i = 0; i < what->parent_count; i++) {
        cmaw_pb_put_element(buf, 5, cmaw_bytes32_slice(&what->parents[i]));
    }
    cmaw_pb_put_u32(buf, 6, size_class);
}

/* Appends the ciphertext of u32(len) || AgentState || zeros, without a copy of the content. */
static enum cmaw_err seal_padded(const struct sealing *sealing, const struct cmaw_sealed *sealed,
    const struct cmaw_bytes32 *random32, struct cmaw_buf *out)
{
    const struct cmaw_state_seal *what = sealing->what;
    CMAW_BUF_AUTO(aad, AAD_MAX);
    CMAW_BUF_AUTO(head, HEAD_MAX);
    CMAW_BUF_AUTO(tail, TAIL_MAX);
    CMAW_SECRET_AUTO(key);
    struct cmaw_bytes32 salt;

    CMAW_TRY(cmaw_edge_state_key(what->secret, what->run_id, what->edge->id, &key));
    cmaw_ctx_put(&aad, CMAW_LABEL_STATE_AAD, CMAW_FIELDS(CMAW_F(cmaw_buf_slice(&sealing->header))));
    CMAW_TRY(cmaw_buf_err(&aad));
    const struct cmaw_slice context = cmaw_buf_slice(&aad);
    CMAW_TRY(cmaw_hedged_salt(cmaw_secret_slice(&key), CMAW_LABEL_SALT, CMAW_NO_FIELDS, random32, &sealed->commit, context,
        &salt));

    cmaw_buf_put_u32be(&head, (uint32_t)sealing->content_size);
    cmaw_agent_state_encode_head(&sealing->content, &head);
    cmaw_agent_state_encode_tail(&sealing->content, &tail);
    CMAW_TRY(cmaw_buf_err(&head));
    CMAW_TRY(cmaw_buf_err(&tail));
    const struct cmaw_slice parts[] = {cmaw_buf_slice(&head), sealing->content.content, cmaw_buf_slice(&tail)};
    const size_t used = parts[0].size + parts[1].size + parts[2].size;
    return cmaw_seal_parts(&key, context, salt.bytes, parts, 3, cmaw_class_size(sealed->size_class) - used, out);
}

static enum cmaw_err put_state(const struct sealing *sealing, const struct cmaw_bytes32 *random32, struct cmaw_buf *buf,
    struct cmaw_sealed *sealed)
{
    const struct cmaw_slice header = cmaw_buf_slice(&sealing->header);
    sealed->ciphertext_size = cmaw_class_ciphertext_size(sealed->size_class);
    CMAW_TRY(cmaw_buf_reserve(buf, cmaw_pb_size_bytes(1, header.size) + cmaw_pb_size_bytes(2, sealed->ciphertext_size)));
    cmaw_pb_put_bytes(buf, 1, header);
    cmaw_pb_put_head(buf, 2, sealed->ciphertext_size);
    const size_t start = buf->size;
    CMAW_TRY(seal_padded(sealing, sealed, random32, buf));
    const struct cmaw_state state = {
        .header.bytes = header,
        .ciphertext = cmaw_slice_sub(cmaw_buf_slice(buf), start, sealed->ciphertext_size),
    };
    return cmaw_state_digest(&state, &sealed->digest);
}

static enum cmaw_err seal_into(struct sealing *sealing, const struct cmaw_bytes32 *random32, struct cmaw_buf *buf,
    struct cmaw_sealed *sealed)
{
    const struct cmaw_state_seal *what = sealing->what;
    CMAW_TRY(cmaw_agent_state_check_content(&sealing->content));
    sealing->content_size = cmaw_agent_state_size(&sealing->content);
    CMAW_TRY(choose_class(what, sealing->content_size, &sealed->size_class));
    CMAW_TRY(cmaw_agent_state_commit(&sealing->content, &sealed->commit));
    header_encode(what, sealed->size_class, &sealing->header);
    CMAW_TRY(cmaw_buf_err(&sealing->header));
    return put_state(sealing, random32, buf, sealed);
}

enum cmaw_err cmaw_state_seal_with(const struct cmaw_state_seal *what, const struct cmaw_bytes32 *agent_salt,
    const struct cmaw_bytes32 *random32, struct cmaw_buf *buf, struct cmaw_sealed *ret_sealed)
{
    struct sealing sealing = {.what = what, .content = *what->content, .header = CMAW_BUF(CMAW_STATE_HEADER_MAX)};
    struct cmaw_sealed sealed = {0};
    const size_t start = buf->size;
    sealing.content.salt = cmaw_bytes32_slice(agent_salt);
    const enum cmaw_err err = seal_into(&sealing, random32, buf, &sealed);
    cmaw_buf_free(&sealing.header);
    if (err != CMAW_OK) {
        cmaw_buf_truncate(buf, start);
        return err;
    }
    *ret_sealed = sealed;
    return CMAW_OK;
}

enum cmaw_err cmaw_state_seal(const struct cmaw_state_seal *what, struct cmaw_buf *buf, struct cmaw_sealed *ret_sealed)
{
    struct cmaw_bytes32 random[2];
    struct cmaw_bytes32 salt;
    /* Before the content is hashed for its salt: what is too large for any class costs nothing. */
    CMAW_REQUIRE(what->content->content.size <= CMAW_CLASS_MAX_SIZE, CMAW_E_TOO_LARGE);
    CMAW_TRY(cmaw_random(random[0].bytes, sizeof random));
    CMAW_TRY(cmaw_agent_state_salt(what->secret, what->run_id, what->edge->id, &random[0], what->content->content, &salt));
    const enum cmaw_err err = cmaw_state_seal_with(what, &salt, &random[1], buf, ret_sealed);
    cmaw_wipe(random, sizeof random);
    cmaw_wipe(&salt, sizeof salt);
    return err;
}
