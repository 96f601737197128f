#include "lib/sst/keys.h"

#include <string.h>

void cmaw_role_keys_release(struct cmaw_role_keys *keys)
{
    if (keys != NULL) {
        cmaw_hpke_key_release(&keys->kem);
    }
}

enum cmaw_err cmaw_role_keys_derive(struct cmaw_slice tsk, const struct cmaw_bytes32 *mh, uint32_t role,
    struct cmaw_role_keys *ret_keys)
{
    CMAW_REQUIRE(tsk.size == CMAW_KEY_SIZE, CMAW_E_MALFORMED);
    const struct cmaw_fields fields = CMAW_FIELDS(CMAW_F(cmaw_bytes32_slice(mh)), CMAW_F_U64(role));
    CMAW_SECRET_AUTO(ikm);
    struct cmaw_role_keys keys = {0};
    CMAW_TRY(cmaw_kdf_public(tsk, CMAW_LABEL_TSK_COMMIT, fields, &keys.tsk_commit));
    CMAW_TRY(cmaw_kdf(tsk, CMAW_LABEL_ROLE_KEM, fields, CMAW_KEY_SIZE, &ikm));
    CMAW_TRY(cmaw_hpke_derive_key_pair(cmaw_secret_slice(&ikm), &keys.kem));
    memcpy(keys.pk.bytes, keys.kem.public_key, sizeof keys.pk.bytes);
    *ret_keys = keys;
    return CMAW_OK;
}

void cmaw_role_lock_data(const struct cmaw_bytes32 *mh, uint32_t role, struct cmaw_buf *buf)
{
    cmaw_ctx_put(buf, CMAW_LABEL_ROLE_LOCK, CMAW_FIELDS(CMAW_F(cmaw_bytes32_slice(mh)), CMAW_F_U64(role)));
}

enum cmaw_err cmaw_role_lock_pcr(const struct cmaw_bytes32 *mh, uint32_t role, struct cmaw_pcr *ret_pcr)
{
    static const uint8_t zeros[CMAW_PCR_SIZE];
    CMAW_BUF_AUTO(data, 256);
    cmaw_role_lock_data(mh, role, &data);
    CMAW_TRY(cmaw_buf_err(&data));
    const struct cmaw_slice parts[] = {CMAW_SLICE_ARRAY(zeros), cmaw_buf_slice(&data)};
    cmaw_sha384_parts(parts, 2, ret_pcr->bytes);
    return CMAW_OK;
}

enum cmaw_err cmaw_ak_user_data(const struct cmaw_bytes32 *mh, uint32_t role, struct cmaw_bytes32 *ret_user_data)
{
    return cmaw_ctx_hash(CMAW_LABEL_AK, CMAW_FIELDS(CMAW_F(cmaw_bytes32_slice(mh)), CMAW_F_U64(role)), ret_user_data);
}

enum cmaw_err cmaw_ak_doc_hash(struct cmaw_slice ak_doc, struct cmaw_bytes32 *ret_hash)
{
    return cmaw_ctx_hash(CMAW_LABEL_AK_DOC, CMAW_FIELDS(CMAW_F(ak_doc)), ret_hash);
}

enum cmaw_err cmaw_kms_blob_hash(struct cmaw_slice kms_blob, struct cmaw_bytes32 *ret_hash)
{
    return cmaw_ctx_hash(CMAW_LABEL_BLOB, CMAW_FIELDS(CMAW_F(kms_blob)), ret_hash);
}
