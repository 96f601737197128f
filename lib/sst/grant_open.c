#include "lib/sst/grant_open.h"

#include "lib/crypto/seal.h"
#include "lib/pb/pb.h"
#include "lib/sst/grant_form.h"

static enum cmaw_err decrypt(const struct cmaw_grant *grant, const struct cmaw_bytes32 *run_id,
    const struct cmaw_hpke_key *role_key, struct cmaw_buf *plaintext)
{
    CMAW_BUF_AUTO(context, CMAW_GRANT_CONTEXT_MAX);
    CMAW_SECRET_AUTO(exporter);
    CMAW_SECRET_AUTO(key);
    cmaw_grant_context(CMAW_LABEL_GRANT, run_id, grant->role, &context);
    CMAW_TRY(cmaw_buf_err(&context));
    CMAW_TRY(cmaw_hpke_setup_recipient(role_key, grant->enc, cmaw_buf_slice(&context), &exporter));
    CMAW_TRY(cmaw_hpke_export(&exporter, CMAW_SLICE_LIT(CMAW_GRANT_EXPORT), CMAW_SEAL_KEY_SIZE, &key));
    cmaw_buf_reset(&context);
    cmaw_grant_context(CMAW_LABEL_GRANT_AAD, run_id, grant->role, &context);
    CMAW_TRY(cmaw_buf_err(&context));
    return cmaw_seal_open(&key, cmaw_buf_slice(&context), grant->sealed, plaintext);
}

static enum cmaw_err secret_decode(struct cmaw_slice bytes, uint32_t *last_edge, struct cmaw_edge_secrets *secrets)
{
    struct cmaw_pb_reader r = cmaw_pb_reader_of(bytes);
    const uint32_t edge = cmaw_pb_u32(&r, 1);
    const struct cmaw_slice secret = cmaw_pb_bytes(&r, 2);
    CMAW_TRY(cmaw_pb_end(&r));
    CMAW_REQUIRE(edge > *last_edge, CMAW_E_MALFORMED);
    *last_edge = edge;
    return cmaw_edge_secrets_put(secrets, edge, secret);
}

static enum cmaw_err secrets_decode(struct cmaw_slice bytes, struct cmaw_edge_secrets *secrets)
{
    struct cmaw_pb_reader r = cmaw_pb_reader_of(bytes);
    struct cmaw_slice nested;
    uint32_t last_edge = 0;
    while (cmaw_pb_next(&r, 1, &nested)) {
        CMAW_TRY(secret_decode(nested, &last_edge, secrets));
    }
    return cmaw_pb_end(&r);
}

enum cmaw_err cmaw_grant_open(const struct cmaw_grant *grant, const struct cmaw_bytes32 *run_id,
    const struct cmaw_hpke_key *role_key, struct cmaw_edge_secrets *ret_secrets)
{
    CMAW_BUF_AUTO(plaintext, CMAW_TICKET_MAX);
    CMAW_TRY(decrypt(grant, run_id, role_key, &plaintext));
    const enum cmaw_err err = secrets_decode(cmaw_buf_slice(&plaintext), ret_secrets);
    if (err != CMAW_OK) {
        cmaw_edge_secrets_release(ret_secrets);
        return cmaw_err_category(err) == CMAW_CAT_INPUT ? CMAW_E_AUTH : err;
    }
    return CMAW_OK;
}
