#include "lib/attest/doc.h"

/* facts/NITRO.md section 1.3, points 1 to 5. */
enum cmaw_err cmaw_doc_verify_at(const struct cmaw_doc *doc, const uint8_t root_sha256[CMAW_SHA256_SIZE], uint64_t time_ms,
                                 struct cmaw_x509_cache *cache)
{
    struct cmaw_slice chain[CMAW_DOC_BUNDLE_MAX + 1];
    uint8_t digest[CMAW_SHA256_SIZE];
    CMAW_REQUIRE(!doc->is_unsigned && doc->cabundle_count >= 1 && doc->cabundle_count <= CMAW_DOC_BUNDLE_MAX, CMAW_E_AUTH);
    cmaw_sha256(doc->cabundle[0], digest);
    CMAW_REQUIRE(cmaw_slice_eq(CMAW_SLICE_ARRAY(digest), cmaw_slice_of(root_sha256, sizeof digest)), CMAW_E_AUTH);
    for (size_t i = 0; i < doc->cabundle_count; i++) {
        chain[i] = doc->cabundle[i];
    }
    chain[doc->cabundle_count] = doc->certificate;
    CMAW_EC_KEY_AUTO(leaf_key);
    CMAW_TRY(cmaw_x509_verify_chain(chain, doc->cabundle_count + 1, (int64_t)(time_ms / 1000), cache, &leaf_key));
    struct cmaw_cose_tbs tbs;
    cmaw_cose_tbs_of(doc->sign1.protected_header, doc->sign1.payload, &tbs);
    return cmaw_es384_verify(leaf_key, tbs.parts, CMAW_COSE_TBS_PARTS, doc->sign1.signature);
}
