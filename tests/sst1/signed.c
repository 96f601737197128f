#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/cbor/cose.h"
#include "lib/crypto/hash.h"
#include "lib/sst/bundle.h"
#include "lib/sst/verify.h"
#include "tests/sst1/vec.h"

enum { BYTES_MAX = 16 * 1024 * 1024 };

static const json_t *claim(const json_t *item, const char *number)
{
    return json_object_get(json_object_get(item, "claims"), number);
}
static void claim_u64(struct vec *v, const json_t *item, const char *number, uint64_t value)
{
    vec_equal_u64(v, json_object_get(item, "claims"), number, value);
}
static void claim_bytes(struct vec *v, const json_t *item, const char *number, const struct cmaw_bytes32 *value)
{
    (void)vec_check(v, cmaw_bytes32_eq(value, vec_decode(v, claim(item, number), "claim")), "claim");
}

/* The parts of a COSE_Sign1 and the key that signed it. *ret_key may stay NULL. */
static void check_cose(struct vec *v, const json_t *item, struct cmaw_cose_sign1 *ret_sign1, struct cmaw_ec_key **ret_key,
    struct cmaw_bytes32 *ret_kid)
{
    const struct cmaw_slice spki = vec_bytes(v, item, "public_key_spki");
    struct cmaw_buf *tbs_bytes = vec_buf(v, BYTES_MAX);
    struct cmaw_buf *again = vec_buf(v, BYTES_MAX);
    struct cmaw_cose_tbs tbs;
    if (!vec_ok(v, cmaw_cose_sign1_parse(vec_bytes(v, item, "cose"), CMAW_CBOR_DETERMINISTIC, ret_sign1), "cose")) {
        return;
    }
    vec_equal(v, item, "protected", ret_sign1->protected_header);
    vec_equal(v, item, "payload", ret_sign1->payload);
    vec_equal(v, item, "signature", ret_sign1->signature);
    cmaw_cose_tbs_of(ret_sign1->protected_header, ret_sign1->payload, &tbs);
    for (size_t i = 0; i < CMAW_COSE_TBS_PARTS; i++) {
        cmaw_buf_put(tbs_bytes, tbs.parts[i]);
    }
    vec_equal(v, item, "sig_structure", cmaw_buf_slice(tbs_bytes));
    cmaw_cose_put_sign1(again, ret_sign1);
    vec_equal(v, item, "cose", cmaw_buf_slice(again));
    cmaw_sha256(spki, ret_kid->bytes);
    vec_equal(v, item, "kid", cmaw_bytes32_slice(ret_kid));
    (void)vec_ok(v, cmaw_ec_from_spki(CMAW_EC_P256, spki, ret_key), "public_key_spki");
}

/* What we make of the same claims with a key of our own has the same payload. */
static void check_made_payload(struct vec *v, const json_t *item, struct cmaw_slice made)
{
    struct cmaw_cose_sign1 sign1;
    if (vec_ok(v, cmaw_cose_sign1_parse(made, CMAW_CBOR_DETERMINISTIC, &sign1), "what we make")) {
        vec_equal(v, item, "payload", sign1.payload);
        (void)vec_check(v, sign1.protected_header.size == vec_bytes(v, item, "protected").size, "protected that we make");
    }
}

static const struct cmaw_manifest *manifest_of(struct vec *v, struct cmaw_slice bytes)
{
    struct cmaw_manifest *manifest = vec_alloc(v, sizeof *manifest);
    (void)vec_ok(v, cmaw_manifest_parse(bytes, manifest), "the file's manifest");
    return manifest;
}

static enum cmaw_err birth_verify(struct vec *v, const json_t *item, struct cmaw_slice cert, const struct cmaw_manifest *manifest,
    const struct cmaw_role *role, struct cmaw_birth_claims *ret_claims)
{
    struct cmaw_role_keys keys = {0};
    CMAW_TRY(cmaw_birth_verify(cert, vec_bytes(v, item, "ak_doc"), vec_bytes(v, item, "blob"), manifest, role, CMAW_DOC_SIGNED, ret_claims, NULL));
    CMAW_TRY(cmaw_birth_match_tsk(ret_claims, vec_bytes(v, item, "tsk"), &keys, NULL));
    cmaw_role_keys_release(&keys);
    return CMAW_OK;
}

static void check_birth_claims(struct vec *v, const json_t *item, const struct cmaw_birth_claims *claims)
{
    claim_u64(v, item, "1", 1);
    claim_bytes(v, item, "2", &claims->manifest);
    claim_u64(v, item, "3", claims->role);
    claim_bytes(v, item, "4", &claims->tsk_commit);
    claim_bytes(v, item, "5", &claims->blob_hash);
    claim_bytes(v, item, "6", &claims->pk_role);
    (void)vec_check(v, cmaw_slice_eq_cstr(claims->key_arn, json_string_value(claim(item, "7"))), "claim 7");
    claim_u64(v, item, "8", claims->created_ms);
}

void vec_birth(struct vec *v, const json_t *item)
{
    const struct cmaw_manifest *manifest = manifest_of(v, vec_bytes(v, item, "manifest"));
    const struct cmaw_role *role = cmaw_manifest_role(manifest, vec_u32(v, item, "role"));
    struct cmaw_cose_sign1 sign1 = {0};
    struct cmaw_bytes32 kid = {0};
    struct cmaw_birth_claims claims;
    struct cmaw_buf *made = vec_buf(v, BYTES_MAX);
    CMAW_EC_KEY_AUTO(key);
    CMAW_EC_KEY_AUTO(own);
    check_cose(v, item, &sign1, &key, &kid);
    if (!vec_check(v, role != NULL, "role") ||
        !vec_ok(v, birth_verify(v, item, vec_bytes(v, item, "cose"), manifest, role, &claims), "verify")) {
        return;
    }
    check_birth_claims(v, item, &claims);
    (void)vec_ok(v, cmaw_ec_generate(CMAW_EC_P256, &own), "key");
    (void)vec_ok(v, cmaw_birth_make(&claims, own, made), "make");
    check_made_payload(v, item, cmaw_buf_slice(made));
}

void vec_birth_fail(struct vec *v, const json_t *item)
{
    const struct cmaw_manifest *manifest = manifest_of(v, vec_bytes(v, v->root, "manifest"));
    const struct cmaw_role *role = cmaw_manifest_role(manifest, vec_u32(v, v->root, "role"));
    struct cmaw_birth_claims claims;
    if (vec_check(v, role != NULL, "role")) {
        (void)vec_check(v, birth_verify(v, item, vec_bytes(v, item, "cert"), manifest, role, &claims) != CMAW_OK, "accepted");
    }
}

static void check_entries(struct vec *v, const json_t *list, const struct cmaw_receipt_edge *entries, uint32_t count)
{
    (void)vec_check(v, json_array_size(list) == count, "number of entries");
    for (uint32_t i = 0; i < count && i < json_array_size(list); i++) {
        const json_t *entry = json_array_get(list, i);
        (void)vec_check(v, (uint64_t)json_integer_value(json_array_get(entry, 0)) == entries[i].edge, "edge of an entry");
        (void)vec_check(v, cmaw_bytes32_eq(&entries[i].digest, vec_decode(v, json_array_get(entry, 1), "digest")), "digest");
        (void)vec_check(v, cmaw_bytes32_eq(&entries[i].commit, vec_decode(v, json_array_get(entry, 2), "commit")), "commit");
    }
}

static void check_receipt_claims(struct vec *v, const json_t *item, const struct cmaw_receipt *claims)
{
    claim_u64(v, item, "1", 1);
    claim_bytes(v, item, "2", &claims->run);
    claim_u64(v, item, "3", claims->step);
    claim_u64(v, item, "4", claims->role);
    claim_u64(v, item, "5", claims->attempt);
    check_entries(v, claim(item, "6"), cmaw_receipt_inputs(claims), claims->input_count);
    check_entries(v, claim(item, "7"), cmaw_receipt_outputs(claims), claims->output_count);
    claim_u64(v, item, "8", claims->started_ms);
    claim_u64(v, item, "9", claims->finished_ms);
    claim_bytes(v, item, "10", &claims->ak_doc);
    claim_u64(v, item, "11", claims->kind);
    vec_equal_u64(v, item, "step", claims->step);
    vec_equal(v, v->root, "run_id", cmaw_bytes32_slice(&claims->run));
}

void vec_receipt(struct vec *v, const json_t *item)
{
    struct cmaw_signed_receipt *receipt = vec_alloc(v, sizeof *receipt);
    struct cmaw_cose_sign1 sign1 = {0};
    struct cmaw_bytes32 kid = {0};
    struct cmaw_bytes32 doc_hash = {0};
    struct cmaw_doc doc;
    struct cmaw_buf *made = vec_buf(v, BYTES_MAX);
    CMAW_EC_KEY_AUTO(key);
    CMAW_EC_KEY_AUTO(own);
    check_cose(v, item, &sign1, &key, &kid);
    if (key == NULL || !vec_ok(v, cmaw_receipt_parse(vec_bytes(v, item, "cose"), receipt, NULL), "parse")) {
        return;
    }
    (void)vec_ok(v, cmaw_receipt_verify_signature(receipt, key, &kid, NULL), "signature");
    check_receipt_claims(v, item, &receipt->claims);
    (void)vec_ok(v, cmaw_ak_doc_hash(vec_bytes(v, item, "ak_doc"), &doc_hash), "hash of the document");
    (void)vec_check(v, cmaw_bytes32_eq(&receipt->claims.ak_doc, cmaw_bytes32_slice(&doc_hash)), "hash of the document");
    if (vec_ok(v, cmaw_doc_parse(vec_bytes(v, item, "ak_doc"), &doc), "document")) {
        vec_equal(v, item, "public_key_spki", doc.public_key.bytes);
    }
    /* "cmaw:" tenant "/" role name: the file does not name the role */
    const struct cmaw_slice tenant = vec_text(v, v->root, "tenant");
    const size_t prefix = sizeof "cmaw:" - 1 + tenant.size + 1;
    if (!vec_check(v, receipt->iss.size > prefix, "iss")) {
        return;
    }
    const struct cmaw_slice role = cmaw_slice_sub(receipt->iss, prefix, receipt->iss.size - prefix);
    (void)vec_ok(v, cmaw_receipt_check_names(receipt, tenant, role, NULL), "iss and sub");
    (void)vec_ok(v, cmaw_ec_generate(CMAW_EC_P256, &own), "key");
    (void)vec_ok(v, cmaw_receipt_make(&receipt->claims, tenant, role, own, made), "make");
    check_made_payload(v, item, cmaw_buf_slice(made));
}

/* The field of the variant, else that of the file. */
static const json_t *from(const struct vec *v, const json_t *item, const char *key)
{
    return vec_has(item, key) ? item : v->root;
}

static enum cmaw_err bundle_verify(struct vec *v, const json_t *item, struct cmaw_deployment *ret_deployment,
    struct cmaw_finding *finding)
{
    const struct cmaw_bytes32 pinned = vec_bytes32(v, from(v, item, "pinned_manifest"), "pinned_manifest");
    return cmaw_bundle_verify(vec_bytes(v, item, "bundle"), &pinned, CMAW_DOC_SIGNED, ret_deployment, finding);
}

void vec_bundle(struct vec *v, const json_t *item)
{
    struct cmaw_deployment *deployment = vec_alloc(v, sizeof *deployment);
    struct cmaw_finding finding = {0};
    const char *role_text;
    json_t *pk;
    if (!vec_ok(v, bundle_verify(v, item, deployment, &finding), "verify")) {
        return;
    }
    size_t count = 0;
    json_object_foreach(json_object_get(item, "pk"), role_text, pk) {
        uint64_t role = 0;
        (void)vec_ok(v, cmaw_parse_u64(role_text, UINT32_MAX, &role), "role id");
        const struct cmaw_bytes32 *proven = cmaw_deployment_pk(deployment, (uint32_t)role);
        (void)vec_check(v, proven != NULL && cmaw_bytes32_eq(proven, vec_decode(v, pk, "pk")), "pk");
        count++;
    }
    (void)vec_check(v, count == deployment->bundle.role_count, "number of roles");
}

void vec_bundle_variant(struct vec *v, const json_t *item)
{
    struct cmaw_deployment *deployment = vec_alloc(v, sizeof *deployment);
    struct cmaw_finding finding = {0};
    const enum cmaw_err err = bundle_verify(v, item, deployment, &finding);
    if (vec_expects_accept(v, item)) {
        (void)vec_check(v, err == CMAW_OK, finding.text);
    } else {
        (void)vec_check(v, err != CMAW_OK, "accepted");
        (void)vec_check(v, finding.check != NULL && finding.text[0] != '\0', "refused without a finding");
    }
}

void vec_pin(struct vec *v, const json_t *item)
{
    const json_t *known = json_object_get(item, "known");
    const struct cmaw_manifest *manifest = manifest_of(v, vec_bytes(v, item, "manifest"));
    struct cmaw_pin *pins = vec_alloc(v, (json_array_size(known) + 1) * sizeof *pins);
    for (size_t i = 0; i < json_array_size(known); i++) {
        const struct cmaw_manifest *m = manifest_of(v, vec_decode(v, json_array_get(known, i), "known"));
        pins[i] = (struct cmaw_pin){m->tenant, m->serial, m->epoch, m->mh};
    }
    const char *refusal = NULL;
    const enum cmaw_err err = cmaw_manifest_pin_check(manifest, pins, json_array_size(known), &refusal);
    (void)vec_check(v, vec_expects_accept(v, item) == (err == CMAW_OK), err == CMAW_OK ? "accepted" : "refused");
    (void)vec_check(v, (err == CMAW_OK) == (refusal == NULL), "name of the refusal");
}

static struct cmaw_failure failure_of(struct vec *v, const json_t *item)
{
    return (struct cmaw_failure){
        .manifest = vec_bytes(v, from(v, item, "manifest"), "manifest"),
        .plan = vec_bytes(v, from(v, item, "plan"), "plan"),
        .ticket_header = vec_bytes(v, from(v, item, "ticket_header"), "ticket_header"),
        .ak_doc = vec_bytes(v, from(v, item, "ak_doc"), "ak_doc"),
        .receipt = vec_bytes(v, from(v, item, "receipt"), "receipt"),
        .state = vec_bytes(v, from(v, item, "state"), "state"),
    };
}

/* The file's edge is the first out-edge of the step that failed. */
static bool step_edge_ok(struct vec *v, const struct cmaw_failure *failure, uint32_t step)
{
    struct cmaw_plan *plan = vec_alloc(v, sizeof *plan);
    uint32_t cursor = 0;
    if (cmaw_plan_parse_public(failure->plan, plan) != CMAW_OK) {
        return false;
    }
    const struct cmaw_plan_edge *edge = cmaw_plan_next_out(plan, step, &cursor);
    return edge != NULL && edge->id == vec_u32(v, v->root, "edge");
}

/* Both ways to look at it: *ret_public without the secret, and with it. */
static void judge_failure(struct vec *v, const json_t *item, enum cmaw_err *ret_public, enum cmaw_err *ret_owner,
    struct cmaw_finding *finding)
{
    const struct cmaw_failure failure = failure_of(v, item);
    const struct cmaw_bytes32 pinned = vec_bytes32(v, from(v, item, "pinned_manifest"), "pinned_manifest");
    const struct cmaw_slice secret = vec_bytes(v, from(v, item, "secret"), "secret");
    struct cmaw_buf *content = vec_buf(v, BYTES_MAX);
    uint32_t step = 0;
    *ret_public = cmaw_failure_verify(&failure, &pinned, &step, finding);
    (void)vec_check(v, *ret_public != CMAW_OK || step == vec_u32(v, v->root, "step"), "step");
    *ret_owner = cmaw_failure_open(&failure, &pinned, secret, &step, content, finding);
    (void)vec_check(v, *ret_owner != CMAW_OK || content->size > 0, "content");
    (void)vec_check(v, *ret_owner != CMAW_OK || step_edge_ok(v, &failure, step), "edge");
}

void vec_failure(struct vec *v, const json_t *item)
{
    enum cmaw_err public_view;
    enum cmaw_err owner_view;
    struct cmaw_finding finding = {0};
    judge_failure(v, item, &public_view, &owner_view, &finding);
    (void)vec_check(v, public_view == CMAW_OK && owner_view == CMAW_OK, finding.text);
    (void)vec_check(v, cmaw_slice_eq_cstr(vec_text(v, item, "content_type"), "application/vnd.cmaw.failure"), "content_type");
}

void vec_failure_variant(struct vec *v, const json_t *item)
{
    enum cmaw_err public_view;
    enum cmaw_err owner_view;
    struct cmaw_finding finding = {0};
    judge_failure(v, item, &public_view, &owner_view, &finding);
    if (vec_expects_accept(v, item)) {
        (void)vec_check(v, public_view == CMAW_OK && owner_view == CMAW_OK, finding.text);
        return;
    }
    const bool owner_only = json_is_true(json_object_get(item, "needs_secrets"));
    (void)vec_check(v, owner_view != CMAW_OK, "accepted by the owner");
    (void)vec_check(v, (public_view == CMAW_OK) == owner_only,
        owner_only ? "refused without the secret" : "accepted without the secret");
}
