/* PROTOCOL.md sections 5, 6 and 9: attestation of a role, births, bundles, the role lock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "lib/sst/lock.h"
#include "sst_group.h"

static const char *attest_verdict(const struct sst_doc *doc, uint32_t role)
{
    CMAW_BUF_AUTO(bytes, CMAW_AK_DOC_MAX);
    CMAW_ATTESTED_AUTO(attested);
    struct cmaw_finding finding = {.check = ""};
    sst_doc_sign(world, doc, &bytes);
    const enum cmaw_err err =
        cmaw_attest_role(cmaw_buf_slice(&bytes), &world->manifest, &world->manifest.roles[role - 1], CMAW_DOC_SIGNED, NULL, &attested,
            &finding);
    assert_true((err == CMAW_OK) == (finding.check[0] == '\0'));
    return finding.check;
}

/* Section 9, attestation of a role. */
static void attestation_is_judged(void **)
{
    static const uint8_t zeros[CMAW_PCR_SIZE];
    struct sst_doc good;
    sst_doc_of(world, &world->enclaves[0], &good);
    assert_string_equal(attest_verdict(&good, 1), "");
    assert_string_equal(attest_verdict(&good, 2), "doc.measurement");
    struct sst_doc doc = good;
    doc.timestamp_ms = world->manifest.not_after_ms;
    assert_string_equal(attest_verdict(&doc, 1), "doc.manifest_time");
    doc.timestamp_ms = world->manifest.not_before_ms;
    assert_string_equal(attest_verdict(&doc, 1), "");
    doc.timestamp_ms = world->manifest.not_before_ms - 1;
    assert_string_equal(attest_verdict(&doc, 1), "doc.manifest_time");
    doc.timestamp_ms = SST_NOW_MS + 20000 * 1000;
    assert_string_equal(attest_verdict(&doc, 1), "doc.time");
    for (uint32_t pcr = 0; pcr <= 2; pcr++) {
        doc = good;
        doc.pcrs[pcr] = CMAW_SLICE_ARRAY(zeros);
        assert_string_equal(attest_verdict(&doc, 1), "doc.debug");
        doc.pcrs[pcr] = good.pcrs[8];
        assert_string_equal(attest_verdict(&doc, 1), "doc.measurement");
    }
    doc = good;
    doc.pcrs[8] = good.pcrs[1]; /* not compared: the manifest gives none */
    assert_string_equal(attest_verdict(&doc, 1), "");
    doc.pcrs[16] = CMAW_SLICE_EMPTY;
    assert_string_equal(attest_verdict(&doc, 1), "doc.role_lock");
    doc.pcrs[16] = CMAW_SLICE_ARRAY(zeros);
    assert_string_equal(attest_verdict(&doc, 1), "doc.role_lock");
    doc = good;
    doc.user_data = CMAW_SLICE_EMPTY;
    assert_string_equal(attest_verdict(&doc, 1), "doc.user_data");
    doc = good;
    doc.public_key = CMAW_SLICE_LIT("no key");
    assert_string_equal(attest_verdict(&doc, 1), "doc.public_key");
    cmaw_buf_free(&good.spki);
}

/* Every byte of a birth certificate is signed, and what stands beside it is bound to it. */
static void births_are_bound(void **)
{
    const struct sst_enclave *e = &world->enclaves[0];
    const struct sst_enclave *other = &world->enclaves[1];
    struct cmaw_birth_claims claims;
    struct cmaw_role_keys keys = {0};
    const struct cmaw_slice cert = cmaw_buf_slice(&e->cert);
    const struct cmaw_slice doc = cmaw_buf_slice(&e->ak_doc);
    const struct cmaw_slice blob = cmaw_buf_slice(&e->blob);
    assert_int_equal(cmaw_birth_verify(cert, doc, blob, &world->manifest, e->role, CMAW_DOC_SIGNED, &claims, NULL), CMAW_OK);
    assert_int_equal(cmaw_birth_match_tsk(&claims, CMAW_SLICE_ARRAY(e->tsk), &keys, NULL), CMAW_OK);
    cmaw_role_keys_release(&keys);
    assert_int_equal(cmaw_birth_match_tsk(&claims, CMAW_SLICE_ARRAY(other->tsk), &keys, NULL), CMAW_E_AUTH);
    assert_null(keys.kem.private_key.bytes);
    uint8_t *changed = malloc(cert.size);
    memcpy(changed, cert.data, cert.size);
    for (size_t i = 0; i < cert.size; i++) {
        changed[i] ^= 0x10;
        assert_int_equal(
            cmaw_birth_verify(cmaw_slice_of(changed, cert.size), doc, blob, &world->manifest, e->role, CMAW_DOC_SIGNED, &claims, NULL), CMAW_E_AUTH);
        changed[i] ^= 0x10;
    }
    free(changed);
    const struct cmaw_slice cut = cmaw_slice_of(cert.data, cert.size - 1);
    assert_int_equal(cmaw_birth_verify(cut, doc, blob, &world->manifest, e->role, CMAW_DOC_SIGNED, &claims, NULL), CMAW_E_AUTH);
    assert_int_equal(cmaw_birth_verify(cert, doc, cmaw_buf_slice(&other->blob), &world->manifest, e->role, CMAW_DOC_SIGNED, &claims, NULL), CMAW_E_AUTH);
    assert_int_equal(cmaw_birth_verify(cert, cmaw_buf_slice(&other->ak_doc), blob, &world->manifest, e->role, CMAW_DOC_SIGNED, &claims, NULL), CMAW_E_AUTH);
    assert_int_equal(cmaw_birth_verify(cert, doc, blob, &world->manifest, other->role, CMAW_DOC_SIGNED, &claims, NULL), CMAW_E_AUTH);
}

/* Claims that the right enclave signed and that do not fit: one at a time. */
static void births_are_judged_claim_by_claim(void **)
{
    static uint8_t long_blob[CMAW_KMS_BLOB_MAX + 1];
    const struct sst_enclave *e = &world->enclaves[0];
    static const char *const checks[] = {"", "birth.manifest", "birth.role", "birth.arn", "birth.blob", "birth.created",
        "birth.created", "birth.blob_limit", "birth.blob_limit", ""};
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        struct cmaw_birth_claims claims;
        struct cmaw_finding finding = {.check = ""};
        CMAW_BUF_AUTO(cert, CMAW_BIRTH_CERT_MAX);
        struct cmaw_slice blob = cmaw_buf_slice(&e->blob);
        assert_int_equal(cmaw_birth_verify(cmaw_buf_slice(&e->cert), cmaw_buf_slice(&e->ak_doc), blob, &world->manifest, e->role, CMAW_DOC_SIGNED,
                             &claims, NULL), CMAW_OK);
        claims.manifest.bytes[0] ^= i == 1;
        claims.role += i == 2;
        claims.key_arn = i == 3 ? world->manifest.roles[1].kms_key_arn : claims.key_arn;
        claims.blob_hash.bytes[0] ^= i == 4;
        claims.created_ms = i == 5   ? world->manifest.not_after_ms
                            : i == 6 ? world->manifest.not_before_ms - 1
                                     : claims.created_ms;
        blob = i == 7 ? CMAW_SLICE_EMPTY : i == 8 ? CMAW_SLICE_ARRAY(long_blob) : i == 9 ? cmaw_slice_of(long_blob, CMAW_KMS_BLOB_MAX) : blob;
        if (i >= 7) {
            assert_int_equal(cmaw_kms_blob_hash(blob, &claims.blob_hash), CMAW_OK);
        }
        assert_int_equal(cmaw_birth_make(&claims, e->ak, &cert), CMAW_OK);
        const enum cmaw_err err = cmaw_birth_verify(
            cmaw_buf_slice(&cert), cmaw_buf_slice(&e->ak_doc), blob, &world->manifest, e->role, CMAW_DOC_SIGNED, &claims, &finding);
        assert_string_equal(finding.check, checks[i]);
        assert_int_equal(err, checks[i][0] == '\0' ? CMAW_OK : CMAW_E_AUTH);
    }
}

static void bundle_is_refused_where_changed(void **)
{
    struct cmaw_deployment *deployment = malloc(sizeof *deployment);
    const struct cmaw_slice good = cmaw_buf_slice(&world->bundle_bytes);
    const struct cmaw_bytes32 other = {{9}};
    struct cmaw_finding finding;
    uint8_t *changed = malloc(good.size);
    memcpy(changed, good.data, good.size);
    for (size_t i = 0; i < good.size; i += 41) {
        changed[i] ^= 4;
        assert_int_not_equal(
            cmaw_bundle_verify(cmaw_slice_of(changed, good.size), &world->manifest.mh, CMAW_DOC_SIGNED, deployment, &finding), CMAW_OK);
        changed[i] ^= 4;
    }
    assert_int_equal(cmaw_bundle_verify(good, &other, CMAW_DOC_SIGNED, deployment, &finding), CMAW_E_AUTH);
    assert_string_equal(finding.check, "manifest.pin");
    assert_int_equal(cmaw_bundle_verify(good, NULL, CMAW_DOC_SIGNED, deployment, &finding), CMAW_OK);
    free(changed);
    free(deployment);
}

static void new_run_refuses_bad_plans(void **)
{
    static const uint32_t roles[] = {1};
    static const struct sst_edge edges[] = {{0, 1, 1}, {1, 0, 1}};
    static const struct sst_edge circle[] = {{0, 1, 1}, {1, 1, 1}};
    struct cmaw_new_run *run = malloc(sizeof *run);
    struct cmaw_finding finding;
    CMAW_BUF_AUTO(plan, CMAW_PLAN_MAX);
    CMAW_BUF_AUTO(bad, CMAW_PLAN_MAX);
    sst_plan_make(world, roles, 1, edges, 2, &plan);
    sst_plan_make(world, roles, 1, circle, 2, &bad);
    assert_int_equal(cmaw_run_new(&world->deployment, cmaw_buf_slice(&plan), world->manifest.not_after_ms + 1, run, &finding),
        CMAW_E_DENIED);
    assert_int_equal(cmaw_run_new(&world->deployment, cmaw_buf_slice(&bad), SST_NOW_MS, run, &finding), CMAW_E_MALFORMED);
    plan.data[plan.size - 1] ^= 2; /* size class 3: fine; the manifest inside: not */
    for (size_t i = 0; i + CMAW_HASH_SIZE <= plan.size; i++) {
        if (cmaw_bytes32_eq(&world->manifest.mh, cmaw_slice_of(plan.data + i, CMAW_HASH_SIZE))) {
            plan.data[i] ^= 1;
            break;
        }
    }
    assert_int_equal(cmaw_run_new(&world->deployment, cmaw_buf_slice(&plan), SST_NOW_MS, run, &finding), CMAW_E_DENIED);
    assert_string_equal(finding.check, "plan.manifest");
    free(run);
}

/* Section 6, point 1. */
static void lock_answers_in_order(void **)
{
    struct cmaw_manifest *parsed = malloc(sizeof *parsed);
    const struct cmaw_role *role = NULL;
    struct cmaw_lock_self self = {.now_ms = SST_NOW_MS};
    const struct cmaw_slice bytes = cmaw_buf_slice(&world->manifest_bytes);
    const struct cmaw_slice cut = cmaw_slice_of(bytes.data, bytes.size - 1);
    assert_int_equal(cmaw_bytes32_of(world->manifest.attestation_root, &self.attestation_root), CMAW_OK);
    for (size_t p = 0; p < CMAW_MEASURED_PCRS; p++) {
        self.pcrs[p] = CMAW_SLICE_ARRAY(world->pcrs[0][p]);
    }
    assert_int_equal(cmaw_lock_check(&self, bytes, 1, parsed, &role), CMAW_CODE_OK);
    assert_int_equal(role->id, 1);
    assert_int_equal(cmaw_lock_check(&self, bytes, 2, parsed, &role), CMAW_CODE_DENIED);
    assert_int_equal(cmaw_lock_check(&self, bytes, 4, parsed, &role), CMAW_CODE_DENIED);
    self.pcrs[2] = self.pcrs[1];
    assert_int_equal(cmaw_lock_check(&self, bytes, 1, parsed, &role), CMAW_CODE_DENIED);
    self.now_ms = world->manifest.not_after_ms;
    assert_int_equal(cmaw_lock_check(&self, bytes, 1, parsed, &role), CMAW_CODE_EXPIRED);
    assert_int_equal(cmaw_lock_check(&self, cut, 1, parsed, &role), CMAW_CODE_BAD_REQUEST);
    self.pcrs[2] = CMAW_SLICE_ARRAY(world->pcrs[0][2]);
    self.now_ms = SST_NOW_MS;
    self.attestation_root.bytes[0] ^= 1;
    assert_int_equal(cmaw_lock_check(&self, bytes, 1, parsed, &role), CMAW_CODE_DENIED);
    free(parsed);
}

static void codes_have_names(void **)
{
    for (uint32_t n = 0; n < 20; n++) {
        const enum cmaw_code code = (enum cmaw_code)n;
        assert_int_equal(cmaw_code_known(n), strcmp(cmaw_code_name(code), "UNKNOWN") != 0);
        if (cmaw_code_known(n)) {
            assert_int_equal(cmaw_code_find(cmaw_slice_of_cstr(cmaw_code_name(code))), code);
        }
    }
    assert_true(cmaw_code_is_final(CMAW_CODE_DENIED) && cmaw_code_is_final(CMAW_CODE_TOO_LARGE));
    assert_false(cmaw_code_is_final(CMAW_CODE_AGENT_FAILED) || cmaw_code_is_final(CMAW_CODE_BUSY));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attestation_is_judged),
        cmocka_unit_test(births_are_bound),
        cmocka_unit_test(births_are_judged_claim_by_claim),
        cmocka_unit_test(bundle_is_refused_where_changed),
        cmocka_unit_test(new_run_refuses_bad_plans),
        cmocka_unit_test(lock_answers_in_order),
        cmocka_unit_test(codes_have_names),
    };
    return cmocka_run_group_tests(tests, sst_group_setup, sst_group_teardown);
}
