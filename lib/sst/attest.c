#include "lib/sst/attest.h"

void cmaw_attested_free(struct cmaw_attested *attested)
{
    if (attested != NULL) {
        cmaw_ec_key_free(attested->ak);
        attested->ak = NULL;
    }
}

static enum cmaw_err check_signed(const struct cmaw_doc *doc, const struct cmaw_manifest *manifest,
    struct cmaw_x509_cache *cache, struct cmaw_finding *finding)
{
    struct cmaw_bytes32 root;
    cmaw_sha256(doc->cabundle[0], root.bytes); /* a parsed document has at least two */
    if (!cmaw_bytes32_eq(&root, manifest->attestation_root)) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "doc.root", "not under the manifest's attestation root");
    }
    const enum cmaw_err err = cmaw_doc_verify_at(doc, root.bytes, doc->timestamp_ms, cache);
    if (err == CMAW_E_EXPIRED) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "doc.time", "a certificate was not valid at the document's time");
    }
    if (err != CMAW_OK) {
        return cmaw_finding_set(finding, err, "doc.chain",
            "its signature or one of its certificates does not verify");
    }
    return CMAW_OK;
}

static enum cmaw_err check_authentic(const struct cmaw_doc *doc, const struct cmaw_manifest *manifest, enum cmaw_doc_trust trust,
    struct cmaw_x509_cache *cache, struct cmaw_finding *finding)
{
    if (!doc->is_unsigned) {
        CMAW_TRY(check_signed(doc, manifest, cache, finding));
    } else if (trust != CMAW_DOC_UNSIGNED_QEMU_TOO) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, CMAW_CHECK_UNSIGNED, "an unsigned document of QEMU's, which anybody can write");
    }
    if (!cmaw_manifest_valid_at(manifest, doc->timestamp_ms)) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "doc.manifest_time", "made outside the manifest's validity");
    }
    return CMAW_OK;
}

static enum cmaw_err check_measured(const struct cmaw_doc *doc, const struct cmaw_manifest *manifest,
    const struct cmaw_role *role, struct cmaw_finding *finding)
{
    const struct cmaw_slice pcrs[CMAW_MEASURED_PCRS] = {
        cmaw_doc_pcr(doc, 0), cmaw_doc_pcr(doc, 1), cmaw_doc_pcr(doc, 2), cmaw_doc_pcr(doc, 8)};
    struct cmaw_pcr lock;
    if (cmaw_doc_is_debug(doc)) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "doc.debug", "PCR0, PCR1 or PCR2 is zero: a debug enclave");
    }
    if (!cmaw_role_measured(role, pcrs)) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "doc.measurement", "the image is not one that the role lists");
    }
    CMAW_TRY(cmaw_role_lock_pcr(&manifest->mh, role->id, &lock));
    if (!cmaw_slice_eq(cmaw_doc_pcr(doc, 16), cmaw_pcr_slice(&lock))) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "doc.role_lock", "PCR16 is not the lock of this manifest and role");
    }
    return CMAW_OK;
}

static enum cmaw_err check_key(const struct cmaw_doc *doc, const struct cmaw_manifest *manifest, const struct cmaw_role *role,
    struct cmaw_ec_key **ret_ak, struct cmaw_finding *finding)
{
    struct cmaw_bytes32 user_data;
    CMAW_TRY(cmaw_ak_user_data(&manifest->mh, role->id, &user_data));
    if (!doc->user_data.present || !cmaw_bytes32_eq(&user_data, doc->user_data.bytes)) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "doc.user_data", "user_data is not that of this manifest and role");
    }
    const enum cmaw_err err =
        doc->public_key.present ? cmaw_ec_from_spki(CMAW_EC_P256, doc->public_key.bytes, ret_ak) : CMAW_E_AUTH;
    return err == CMAW_OK ? CMAW_OK : cmaw_finding_set(finding, err, "doc.public_key", "public_key is no P-256 key");
}

enum cmaw_err cmaw_attest_role(struct cmaw_slice ak_doc, const struct cmaw_manifest *manifest, const struct cmaw_role *role,
    enum cmaw_doc_trust trust, struct cmaw_x509_cache *cache, struct cmaw_attested *ret_attested, struct cmaw_finding *finding)
{
    struct cmaw_doc doc;
    struct cmaw_attested attested = {0};
    /* taken for what it is even where it will be refused: the finding names it */
    if (ak_doc.size > CMAW_AK_DOC_MAX || cmaw_doc_parse_trusting(ak_doc, CMAW_DOC_UNSIGNED_QEMU_TOO, &doc) != CMAW_OK) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "doc.parse", "no attestation document of the right form");
    }
    CMAW_TRY(check_authentic(&doc, manifest, trust, cache, finding));
    CMAW_TRY(check_measured(&doc, manifest, role, finding));
    CMAW_TRY(cmaw_ak_doc_hash(ak_doc, &attested.doc_hash));
    CMAW_TRY(check_key(&doc, manifest, role, &attested.ak, finding));
    cmaw_sha256(doc.public_key.bytes, attested.kid.bytes);
    attested.nonce = doc.nonce.bytes;
    attested.timestamp_ms = doc.timestamp_ms;
    attested.is_unsigned = doc.is_unsigned;
    *ret_attested = attested;
    return CMAW_OK;
}
