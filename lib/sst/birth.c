#include "lib/sst/birth.h"

#include "lib/cbor/write.h"
#include "lib/sst/signed.h"

static const struct cmaw_signed_kind birth_kind = {
    .content_type = "application/vnd.cmaw.birth+cbor",
    .check_cbor = "birth.cbor",
    .check_protected = "birth.protected",
    .check_alg = "birth.alg",
    .check_type = "birth.type",
    .check_kid = "birth.kid",
    .check_signature = "birth.signature",
};
enum { CLAIM_COUNT = 8, PAYLOAD_MAX = 1024 };

enum cmaw_err cmaw_birth_make(const struct cmaw_birth_claims *claims, const struct cmaw_ec_key *ak, struct cmaw_buf *buf)
{
    CMAW_BUF_AUTO(payload, PAYLOAD_MAX);
    cmaw_cbor_put_map(&payload, CLAIM_COUNT);
    cmaw_cbor_put_uint(&payload, 1);
    cmaw_cbor_put_uint(&payload, 1);
    cmaw_cbor_put_uint(&payload, 2);
    cmaw_cbor_put_bstr(&payload, cmaw_bytes32_slice(&claims->manifest));
    cmaw_cbor_put_uint(&payload, 3);
    cmaw_cbor_put_uint(&payload, claims->role);
    cmaw_cbor_put_uint(&payload, 4);
    cmaw_cbor_put_bstr(&payload, cmaw_bytes32_slice(&claims->tsk_commit));
    cmaw_cbor_put_uint(&payload, 5);
    cmaw_cbor_put_bstr(&payload, cmaw_bytes32_slice(&claims->blob_hash));
    cmaw_cbor_put_uint(&payload, 6);
    cmaw_cbor_put_bstr(&payload, cmaw_bytes32_slice(&claims->pk_role));
    cmaw_cbor_put_uint(&payload, 7);
    cmaw_cbor_put_tstr(&payload, claims->key_arn);
    cmaw_cbor_put_uint(&payload, 8);
    cmaw_cbor_put_uint(&payload, claims->created_ms);
    CMAW_TRY(cmaw_buf_err(&payload));
    return cmaw_signed_make(&birth_kind, CMAW_SLICE_EMPTY, CMAW_SLICE_EMPTY, cmaw_buf_slice(&payload), ak, buf);
}

/* A claim of 32 bytes; zeros once the reader has failed, which its end reports. */
static struct cmaw_bytes32 bytes32_claim(struct cmaw_cbor *cbor, int64_t key)
{
    struct cmaw_bytes32 value = {0};
    cmaw_cbor_expect_int(cbor, key);
    CMAW_IGNORE(cmaw_bytes32_of(cmaw_cbor_bstr_exact(cbor, CMAW_HASH_SIZE), &value)); /* the reader latches */
    return value;
}

static enum cmaw_err claims_parse(struct cmaw_slice payload, struct cmaw_birth_claims *ret_claims)
{
    struct cmaw_cbor cbor = cmaw_cbor_of(payload, CMAW_CBOR_DETERMINISTIC);
    cmaw_cbor_map_exact(&cbor, CLAIM_COUNT);
    cmaw_cbor_expect_int(&cbor, 1);
    cmaw_cbor_expect_int(&cbor, 1);
    ret_claims->manifest = bytes32_claim(&cbor, 2);
    cmaw_cbor_expect_int(&cbor, 3);
    ret_claims->role = (uint32_t)cmaw_cbor_uint_max(&cbor, UINT32_MAX);
    ret_claims->tsk_commit = bytes32_claim(&cbor, 4);
    ret_claims->blob_hash = bytes32_claim(&cbor, 5);
    ret_claims->pk_role = bytes32_claim(&cbor, 6);
    cmaw_cbor_expect_int(&cbor, 7);
    ret_claims->key_arn = cmaw_cbor_tstr(&cbor);
    cmaw_cbor_expect_int(&cbor, 8);
    ret_claims->created_ms = cmaw_cbor_uint(&cbor);
    return cmaw_cbor_end(&cbor);
}

static enum cmaw_err claims_check(const struct cmaw_birth_claims *claims, struct cmaw_slice kms_blob,
    const struct cmaw_manifest *manifest, const struct cmaw_role *role, struct cmaw_finding *finding)
{
    struct cmaw_bytes32 blob_hash;
    CMAW_TRY(cmaw_kms_blob_hash(kms_blob, &blob_hash));
    if (!cmaw_bytes32_eq(&claims->manifest, cmaw_bytes32_slice(&manifest->mh))) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "birth.manifest", "born under another manifest");
    }
    if (claims->role != role->id) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "birth.role", "born for another role");
    }
    if (!cmaw_slice_eq(claims->key_arn, role->kms_key_arn)) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "birth.arn", "born under another KMS key than the manifest's");
    }
    if (!cmaw_bytes32_eq(&claims->blob_hash, cmaw_bytes32_slice(&blob_hash))) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "birth.blob", "the certificate names another KMS blob");
    }
    if (!cmaw_manifest_valid_at(manifest, claims->created_ms)) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "birth.created", "created outside the manifest's validity");
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_birth_verify(struct cmaw_slice cert, struct cmaw_slice ak_doc, struct cmaw_slice kms_blob,
    const struct cmaw_manifest *manifest, const struct cmaw_role *role, enum cmaw_doc_trust trust,
    struct cmaw_birth_claims *ret_claims, struct cmaw_finding *finding)
{
    struct cmaw_signed birth;
    struct cmaw_birth_claims claims = {0};
    CMAW_ATTESTED_AUTO(attested);
    if (kms_blob.size < 1 || kms_blob.size > CMAW_KMS_BLOB_MAX) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "birth.blob_limit", "the KMS blob is empty or over %d bytes",
            CMAW_KMS_BLOB_MAX);
    }
    if (cert.size > CMAW_BIRTH_CERT_MAX) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "birth.cbor", "the birth certificate is over %d bytes",
            CMAW_BIRTH_CERT_MAX);
    }
    CMAW_REQUIRE(cmaw_signed_parse(&birth_kind, cert, &birth, finding) == CMAW_OK, CMAW_E_AUTH);
    if (claims_parse(birth.sign1.payload, &claims) != CMAW_OK) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "birth.payload", "the claims are not exactly those that are asked for");
    }
    CMAW_TRY(cmaw_attest_role(ak_doc, manifest, role, trust, NULL, &attested, finding));
    CMAW_TRY(cmaw_signed_verify(&birth_kind, &birth.sign1, birth.kid, attested.ak, &attested.kid, finding));
    CMAW_TRY(claims_check(&claims, kms_blob, manifest, role, finding));
    claims.is_unsigned = attested.is_unsigned;
    *ret_claims = claims;
    return CMAW_OK;
}

enum cmaw_err cmaw_birth_match_tsk(const struct cmaw_birth_claims *claims, struct cmaw_slice tsk, struct cmaw_role_keys *ret_keys,
    struct cmaw_finding *finding)
{
    struct cmaw_role_keys keys;
    CMAW_TRY(cmaw_role_keys_derive(tsk, &claims->manifest, claims->role, &keys));
    const bool commit_ok = cmaw_ct_eq(cmaw_bytes32_slice(&keys.tsk_commit), cmaw_bytes32_slice(&claims->tsk_commit));
    const bool pk_ok = cmaw_ct_eq(cmaw_bytes32_slice(&keys.pk), cmaw_bytes32_slice(&claims->pk_role));
    if (!commit_ok || !pk_ok) {
        cmaw_role_keys_release(&keys);
        return cmaw_finding_set(finding, CMAW_E_AUTH, commit_ok ? "birth.pk_role" : "birth.tsk_commit",
            "the key that KMS released is not the one that was born");
    }
    *ret_keys = keys;
    return CMAW_OK;
}
