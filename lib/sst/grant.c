#include "lib/sst/grant.h"

#include <string.h>

#include "lib/crypto/hpke.h"
#include "lib/crypto/random.h"
#include "lib/crypto/seal.h"
#include "lib/pb/pb.h"
#include "lib/sst/grant_form.h"

void cmaw_grant_context(enum cmaw_label label, const struct cmaw_bytes32 *run_id, uint32_t role, struct cmaw_buf *buf)
{
    cmaw_ctx_put(buf, label, CMAW_FIELDS(CMAW_F(cmaw_bytes32_slice(run_id)), CMAW_F_U64(role)));
}

static enum cmaw_err secrets_encode(const struct cmaw_plan *plan, uint32_t role, const struct cmaw_edge_secrets *secrets,
    struct cmaw_buf *buf)
{
    for (uint32_t i = 0; i < plan->edge_count; i++) {
        const struct cmaw_plan_edge *edge = &plan->edges[i];
        if (!cmaw_plan_edge_of_role(plan, edge, role)) {
            continue;
        }
        const struct cmaw_slice secret = cmaw_edge_secrets_of(secrets, edge->id);
        CMAW_REQUIRE(secret.size == CMAW_KEY_SIZE, CMAW_E_NOT_FOUND);
        const size_t mark = cmaw_pb_open(buf);
        cmaw_pb_put_u32(buf, 1, edge->id);
        cmaw_pb_put_bytes(buf, 2, secret);
        cmaw_pb_close(buf, 1, mark);
    }
    return cmaw_buf_err(buf);
}

static enum cmaw_err setup(const struct cmaw_bytes32 *run_id, uint32_t role, const struct cmaw_bytes32 *role_pk,
    struct cmaw_slice ikm_e, uint8_t ret_enc[CMAW_HPKE_ENC_SIZE], struct cmaw_secret *ret_key)
{
    CMAW_BUF_AUTO(info, CMAW_GRANT_CONTEXT_MAX);
    CMAW_SECRET_AUTO(exporter);
    CMAW_HPKE_KEY_AUTO(ephemeral);
    cmaw_grant_context(CMAW_LABEL_GRANT, run_id, role, &info);
    CMAW_TRY(cmaw_buf_err(&info));
    if (ikm_e.size == 0) {
        CMAW_TRY(cmaw_hpke_setup_sender(role_pk->bytes, cmaw_buf_slice(&info), ret_enc, &exporter));
    } else {
        CMAW_TRY(cmaw_hpke_derive_key_pair(ikm_e, &ephemeral));
        CMAW_TRY(cmaw_hpke_setup_sender_with(&ephemeral, role_pk->bytes, cmaw_buf_slice(&info), ret_enc, &exporter));
    }
    return cmaw_hpke_export(&exporter, CMAW_SLICE_LIT(CMAW_GRANT_EXPORT), CMAW_SEAL_KEY_SIZE, ret_key);
}

enum cmaw_err cmaw_grant_seal_with(const struct cmaw_bytes32 *run_id, uint32_t role, const struct cmaw_bytes32 *role_pk,
    struct cmaw_slice plaintext, struct cmaw_slice ikm_e, const struct cmaw_bytes32 *random32, struct cmaw_buf *buf)
{
    CMAW_BUF_AUTO(aad, CMAW_GRANT_CONTEXT_MAX);
    CMAW_BUF_AUTO(sealed, CMAW_TICKET_MAX);
    CMAW_SECRET_AUTO(key);
    uint8_t enc[CMAW_HPKE_ENC_SIZE];
    struct cmaw_bytes32 h;
    struct cmaw_bytes32 salt;
    CMAW_TRY(setup(run_id, role, role_pk, ikm_e, enc, &key));
    cmaw_grant_context(CMAW_LABEL_GRANT_AAD, run_id, role, &aad);
    CMAW_TRY(cmaw_buf_err(&aad));
    cmaw_sha256(plaintext, h.bytes);
    CMAW_TRY(cmaw_hedged_salt(cmaw_secret_slice(&key), CMAW_LABEL_SALT, CMAW_NO_FIELDS, random32, &h, cmaw_buf_slice(&aad),
        &salt));
    CMAW_TRY(cmaw_seal(&key, cmaw_buf_slice(&aad), salt.bytes, plaintext, &sealed));
    cmaw_grant_encode(&(struct cmaw_grant){role, CMAW_SLICE_ARRAY(enc), cmaw_buf_slice(&sealed)}, buf);
    return cmaw_buf_err(buf);
}

enum cmaw_err cmaw_grant_seal(const struct cmaw_plan *plan, const struct cmaw_bytes32 *run_id, uint32_t role,
    const struct cmaw_bytes32 *role_pk, const struct cmaw_edge_secrets *secrets, struct cmaw_buf *buf)
{
    CMAW_BUF_AUTO(plaintext, CMAW_TICKET_MAX);
    struct cmaw_bytes32 random32;
    CMAW_TRY(cmaw_buf_reserve(&plaintext, CMAW_GRANT_SECRETS_MAX)); /* it does not move, so it leaves no copies to wipe */
    CMAW_TRY(secrets_encode(plan, role, secrets, &plaintext));
    CMAW_TRY(cmaw_random(random32.bytes, sizeof random32.bytes));
    return cmaw_grant_seal_with(run_id, role, role_pk, cmaw_buf_slice(&plaintext), CMAW_SLICE_EMPTY, &random32, buf);
}
