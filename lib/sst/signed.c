#include "lib/sst/signed.h"

#include "lib/cbor/write.h"
#include "lib/crypto/hash.h"

enum { HEADER_ALG = 1, HEADER_TYPE = 3, HEADER_KID = 4, HEADER_CLAIMS = 15, CLAIM_ISS = 1, CLAIM_SUB = 2, ALG_ES256 = -7 };
enum { PROTECTED_MAX = 1024 };

static void protected_encode(const struct cmaw_signed_kind *kind, const struct cmaw_bytes32 *kid, struct cmaw_slice iss,
    struct cmaw_slice sub, struct cmaw_buf *buf)
{
    cmaw_cbor_put_map(buf, kind->has_names ? 4 : 3);
    cmaw_cbor_put_uint(buf, HEADER_ALG);
    cmaw_cbor_put_int(buf, ALG_ES256);
    cmaw_cbor_put_uint(buf, HEADER_TYPE);
    cmaw_cbor_put_cstr(buf, kind->content_type);
    cmaw_cbor_put_uint(buf, HEADER_KID);
    cmaw_cbor_put_bstr(buf, cmaw_bytes32_slice(kid));
    if (kind->has_names) {
        cmaw_cbor_put_uint(buf, HEADER_CLAIMS);
        cmaw_cbor_put_map(buf, 2);
        cmaw_cbor_put_uint(buf, CLAIM_ISS);
        cmaw_cbor_put_tstr(buf, iss);
        cmaw_cbor_put_uint(buf, CLAIM_SUB);
        cmaw_cbor_put_tstr(buf, sub);
    }
}

enum cmaw_err cmaw_signed_make(const struct cmaw_signed_kind *kind, struct cmaw_slice iss, struct cmaw_slice sub,
    struct cmaw_slice payload, const struct cmaw_ec_key *ak, struct cmaw_buf *buf)
{
    CMAW_BUF_AUTO(spki, CMAW_P256_SPKI_SIZE);
    CMAW_BUF_AUTO(header, PROTECTED_MAX);
    struct cmaw_bytes32 kid;
    struct cmaw_cose_tbs tbs;
    uint8_t signature[CMAW_ES256_SIZE];
    cmaw_ec_put_spki(ak, &spki);
    CMAW_TRY(cmaw_buf_err(&spki));
    cmaw_sha256(cmaw_buf_slice(&spki), kid.bytes);
    protected_encode(kind, &kid, iss, sub, &header);
    CMAW_TRY(cmaw_buf_err(&header));
    cmaw_cose_tbs_of(cmaw_buf_slice(&header), payload, &tbs);
    CMAW_TRY(cmaw_es256_sign(ak, tbs.parts, CMAW_COSE_TBS_PARTS, signature));
    cmaw_cose_put_sign1(buf, &(struct cmaw_cose_sign1){cmaw_buf_slice(&header), payload, CMAW_SLICE_ARRAY(signature)});
    return cmaw_buf_err(buf);
}

static enum cmaw_err protected_parse(const struct cmaw_signed_kind *kind, struct cmaw_signed *ret_signed,
    struct cmaw_finding *finding)
{
    struct cmaw_cbor cbor = cmaw_cbor_of(ret_signed->sign1.protected_header, CMAW_CBOR_DETERMINISTIC);
    cmaw_cbor_map_exact(&cbor, kind->has_names ? 4 : 3);
    cmaw_cbor_expect_int(&cbor, HEADER_ALG);
    const int64_t alg = cmaw_cbor_int(&cbor);
    cmaw_cbor_expect_int(&cbor, HEADER_TYPE);
    const struct cmaw_slice type = cmaw_cbor_tstr(&cbor);
    cmaw_cbor_expect_int(&cbor, HEADER_KID);
    ret_signed->kid = cmaw_cbor_bstr_exact(&cbor, CMAW_HASH_SIZE);
    if (kind->has_names) {
        cmaw_cbor_expect_int(&cbor, HEADER_CLAIMS);
        cmaw_cbor_map_exact(&cbor, 2);
        cmaw_cbor_expect_int(&cbor, CLAIM_ISS);
        ret_signed->iss = cmaw_cbor_tstr(&cbor);
        cmaw_cbor_expect_int(&cbor, CLAIM_SUB);
        ret_signed->sub = cmaw_cbor_tstr(&cbor);
    }
    if (cmaw_cbor_end(&cbor) != CMAW_OK) {
        return cmaw_finding_set(finding, CMAW_E_MALFORMED, kind->check_protected,
            "the protected header is not exactly the one that is asked for");
    }
    if (alg != ALG_ES256) {
        return cmaw_finding_set(finding, CMAW_E_MALFORMED, kind->check_alg, "the algorithm is not ES256");
    }
    if (!cmaw_slice_eq_cstr(type, kind->content_type)) {
        return cmaw_finding_set(finding, CMAW_E_MALFORMED, kind->check_type, "the content type is of another kind of object");
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_signed_parse(const struct cmaw_signed_kind *kind, struct cmaw_slice bytes, struct cmaw_signed *ret_signed,
    struct cmaw_finding *finding)
{
    *ret_signed = (struct cmaw_signed){0};
    if (cmaw_cose_sign1_parse(bytes, CMAW_CBOR_DETERMINISTIC, &ret_signed->sign1) != CMAW_OK) {
        return cmaw_finding_set(finding, CMAW_E_MALFORMED, kind->check_cbor,
            "no COSE_Sign1 in deterministic CBOR with an empty unprotected header");
    }
    return protected_parse(kind, ret_signed, finding);
}

enum cmaw_err cmaw_signed_verify(const struct cmaw_signed_kind *kind, const struct cmaw_cose_sign1 *sign1, struct cmaw_slice kid,
    const struct cmaw_ec_key *ak, const struct cmaw_bytes32 *ak_kid, struct cmaw_finding *finding)
{
    if (!cmaw_bytes32_eq(ak_kid, kid)) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, kind->check_kid, "the key that signed is not the one of the document");
    }
    struct cmaw_cose_tbs tbs;
    cmaw_cose_tbs_of(sign1->protected_header, sign1->payload, &tbs);
    const enum cmaw_err err = cmaw_es256_verify(ak, tbs.parts, CMAW_COSE_TBS_PARTS, sign1->signature);
    if (err != CMAW_OK) {
        return cmaw_finding_set(finding, err, kind->check_signature, "the signature does not verify");
    }
    return CMAW_OK;
}
