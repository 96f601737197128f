#include "client/codec/receipt.h"

enum cmaw_err cmaw_codec_receipt_check(const struct cmaw_codec_run *run, struct cmaw_slice bytes, struct cmaw_slice ak_doc,
                                       struct cmaw_signed_receipt *ret_receipt)
{
    const struct cmaw_manifest *manifest = &run->deployment->manifest;
    const struct cmaw_receipt *claims = &ret_receipt->claims;
    CMAW_TRY(cmaw_receipt_parse(bytes, ret_receipt, NULL));
    const struct cmaw_plan_step *step = cmaw_plan_step_at(&run->plan, claims->step);
    CMAW_REQUIRE(step != NULL && step->role == claims->role, CMAW_E_AUTH);
    CMAW_REQUIRE(cmaw_bytes32_eq(&claims->run, cmaw_bytes32_slice(&run->record.run_id)), CMAW_E_AUTH);
    const struct cmaw_role *role = cmaw_manifest_role(manifest, step->role);
    CMAW_REQUIRE(role != NULL, CMAW_E_BUG);
    CMAW_ATTESTED_AUTO(attested);
    CMAW_TRY(cmaw_attest_role(ak_doc, manifest, role, run->trust, NULL, &attested, NULL));
    CMAW_REQUIRE(cmaw_bytes32_eq(&attested.doc_hash, cmaw_bytes32_slice(&claims->ak_doc)), CMAW_E_AUTH);
    CMAW_TRY(cmaw_receipt_verify_signature(ret_receipt, attested.ak, &attested.kid, NULL));
    return cmaw_receipt_check_names(ret_receipt, manifest->tenant, role->name, NULL);
}

enum cmaw_err cmaw_codec_receipt_set(json_t *object, const struct cmaw_codec_receipt *receipt)
{
    struct cmaw_doc doc;
    json_t *json = json_object();
    CMAW_TRY(cmaw_json_set(object, "receipt", json));
    CMAW_TRY(cmaw_doc_parse_trusting(receipt->ak_doc, CMAW_DOC_UNSIGNED_QEMU_TOO, &doc)); /* it was judged before */
    if (doc.is_unsigned) {
        CMAW_TRY(cmaw_json_set(json, "unsigned", json_true()));
    }
    CMAW_TRY(cmaw_codec_set_slice(json, "role", receipt->role));
    CMAW_TRY(cmaw_json_set_u64(json, "attempt", receipt->attempt));
    CMAW_TRY(cmaw_json_set_hex(json, "pcr0", cmaw_doc_pcr(&doc, 0)));
    CMAW_TRY(cmaw_codec_set_time(json, "started", receipt->started_ms));
    CMAW_TRY(cmaw_codec_set_time(json, "finished", receipt->finished_ms));
    return cmaw_codec_set_time(json, "attested", doc.timestamp_ms);
}
