#include "lib/sst/bundle.h"

#include "lib/pb/pb.h"

static enum cmaw_err role_key_decode(struct cmaw_slice bytes, struct cmaw_role_key *ret_key)
{
    struct cmaw_pb_reader r = cmaw_pb_reader_of(bytes);
    ret_key->role = cmaw_pb_u32(&r, 1);
    ret_key->birth_cert = cmaw_pb_bytes(&r, 2);
    ret_key->ak_doc = cmaw_pb_bytes(&r, 3);
    ret_key->kms_blob = cmaw_pb_bytes(&r, 4);
    return cmaw_pb_end(&r);
}

enum cmaw_err cmaw_bundle_decode(struct cmaw_slice bytes, struct cmaw_bundle *ret_bundle)
{
    struct cmaw_pb_reader r = cmaw_pb_reader_of(bytes);
    struct cmaw_slice nested;
    ret_bundle->manifest = cmaw_pb_bytes(&r, 1);
    ret_bundle->role_count = 0;
    while (cmaw_pb_next(&r, 2, &nested)) {
        CMAW_REQUIRE(ret_bundle->role_count < CMAW_ROLES_MAX, CMAW_E_MALFORMED);
        CMAW_TRY(role_key_decode(nested, &ret_bundle->roles[ret_bundle->role_count++]));
    }
    return cmaw_pb_end(&r);
}

static bool role_key_ok(const struct cmaw_role_key *key)
{
    return key->birth_cert.size <= CMAW_BIRTH_CERT_MAX && key->ak_doc.size <= CMAW_AK_DOC_MAX && key->kms_blob.size >= 1 &&
           key->kms_blob.size <= CMAW_KMS_BLOB_MAX;
}

enum cmaw_err cmaw_bundle_parse(struct cmaw_slice bytes, struct cmaw_bundle *ret_bundle)
{
    CMAW_REQUIRE(bytes.size <= CMAW_BUNDLE_MAX, CMAW_E_TOO_LARGE);
    CMAW_TRY(cmaw_bundle_decode(bytes, ret_bundle));
    uint32_t last = 0;
    for (uint32_t i = 0; i < ret_bundle->role_count; i++) {
        const struct cmaw_role_key *key = &ret_bundle->roles[i];
        CMAW_REQUIRE(key->role > last && role_key_ok(key), CMAW_E_MALFORMED);
        last = key->role;
    }
    return CMAW_OK;
}

void cmaw_bundle_encode(const struct cmaw_bundle *bundle, struct cmaw_buf *buf)
{
    cmaw_pb_put_bytes(buf, 1, bundle->manifest);
    for (uint32_t i = 0; i < bundle->role_count; i++) {
        const struct cmaw_role_key *key = &bundle->roles[i];
        const size_t mark = cmaw_pb_open(buf);
        cmaw_pb_put_u32(buf, 1, key->role);
        cmaw_pb_put_bytes(buf, 2, key->birth_cert);
        cmaw_pb_put_bytes(buf, 3, key->ak_doc);
        cmaw_pb_put_bytes(buf, 4, key->kms_blob);
        cmaw_pb_close(buf, 2, mark);
    }
}

const struct cmaw_role_key *cmaw_bundle_role(const struct cmaw_bundle *bundle, uint32_t role)
{
    for (uint32_t i = 0; i < bundle->role_count; i++) {
        if (bundle->roles[i].role == role) {
            return &bundle->roles[i];
        }
    }
    return NULL;
}

static enum cmaw_err role_verify(struct cmaw_deployment *d, uint32_t index, enum cmaw_doc_trust trust, struct cmaw_finding *finding)
{
    struct cmaw_birth_claims claims;
    const struct cmaw_role_key *key = &d->bundle.roles[index];
    const struct cmaw_role *role = cmaw_manifest_role(&d->manifest, key->role);
    if (role == NULL) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "bundle.role", "role %u is not in the manifest", key->role);
    }
    const enum cmaw_err err =
        cmaw_birth_verify(key->birth_cert, key->ak_doc, key->kms_blob, &d->manifest, role, trust, &claims, finding);
    if (err != CMAW_OK) {
        return cmaw_finding_wrap(finding, err, "key of role %u (%.*s)", role->id, (int)role->name.size,
            (const char *)role->name.data);
    }
    d->pk[index] = claims.pk_role;
    d->unsigned_count += claims.is_unsigned;
    return CMAW_OK;
}

static enum cmaw_err manifest_verify(struct cmaw_slice bytes, const struct cmaw_bytes32 *pinned_mh,
    struct cmaw_manifest *ret_manifest, struct cmaw_finding *finding)
{
    const enum cmaw_err err = cmaw_manifest_parse(bytes, ret_manifest);
    if (err != CMAW_OK) {
        return cmaw_finding_set(finding, err, "manifest.valid", "the manifest is not canonical or breaks a limit");
    }
    if (pinned_mh != NULL && !cmaw_bytes32_eq(pinned_mh, cmaw_bytes32_slice(&ret_manifest->mh))) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "manifest.pin", "the manifest is not the pinned one");
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_bundle_verify(struct cmaw_slice bytes, const struct cmaw_bytes32 *pinned_mh, enum cmaw_doc_trust trust,
    struct cmaw_deployment *ret_deployment, struct cmaw_finding *finding)
{
    struct cmaw_deployment *d = ret_deployment;
    const enum cmaw_err err = cmaw_bundle_parse(bytes, &d->bundle);
    if (err != CMAW_OK) {
        return cmaw_finding_set(finding, err, "bundle.form",
            "the bundle is not canonical, breaks a limit, or its roles do not ascend");
    }
    CMAW_TRY(manifest_verify(d->bundle.manifest, pinned_mh, &d->manifest, finding));
    d->unsigned_count = 0;
    for (uint32_t i = 0; i < d->bundle.role_count; i++) {
        CMAW_TRY(role_verify(d, i, trust, finding));
    }
    return CMAW_OK;
}

const struct cmaw_bytes32 *cmaw_deployment_pk(const struct cmaw_deployment *deployment, uint32_t role)
{
    for (uint32_t i = 0; i < deployment->bundle.role_count; i++) {
        if (deployment->bundle.roles[i].role == role) {
            return &deployment->pk[i];
        }
    }
    return NULL;
}
