/* A world whose documents nobody signed, as those of QEMU's machine: nothing of it is accepted without the caller's word, and with
 * it everything but the signature still has to hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "sst_group.h"

static int setup(void **)
{
    world = malloc(sizeof *world);
    assert_non_null(world);
    sst_world_make(world, CMAW_DOC_UNSIGNED_QEMU_TOO);
    return 0;
}

/* The name of the check that refuses, or "". */
static const char *attest_verdict(const struct sst_doc *doc, enum cmaw_doc_trust trust)
{
    CMAW_BUF_AUTO(bytes, CMAW_AK_DOC_MAX);
    CMAW_ATTESTED_AUTO(attested);
    struct cmaw_finding finding = {.check = ""};
    sst_doc_sign(world, doc, &bytes);
    const enum cmaw_err err = cmaw_attest_role(cmaw_buf_slice(&bytes), &world->manifest, &world->manifest.roles[0], trust, NULL, &attested,
        &finding);
    assert_true((err == CMAW_OK) == (finding.check[0] == '\0'));
    assert_true(err != CMAW_OK || attested.is_unsigned);
    return finding.check;
}

static void what_is_claimed_must_fit(void **)
{
    static const uint8_t zeros[CMAW_PCR_SIZE];
    struct sst_doc good;
    sst_doc_of(world, &world->enclaves[0], &good);
    assert_string_equal(attest_verdict(&good, CMAW_DOC_UNSIGNED_QEMU_TOO), "");
    assert_string_equal(attest_verdict(&good, CMAW_DOC_SIGNED), CMAW_CHECK_UNSIGNED);
    struct sst_doc doc = good;
    doc.timestamp_ms = world->manifest.not_after_ms;
    assert_string_equal(attest_verdict(&doc, CMAW_DOC_UNSIGNED_QEMU_TOO), "doc.manifest_time");
    doc.timestamp_ms = good.timestamp_ms + 1;
    assert_string_equal(attest_verdict(&doc, CMAW_DOC_UNSIGNED_QEMU_TOO), "doc.parse");
    for (uint32_t pcr = 0; pcr <= 2; pcr++) {
        doc = good;
        doc.pcrs[pcr] = CMAW_SLICE_ARRAY(zeros);
        assert_string_equal(attest_verdict(&doc, CMAW_DOC_UNSIGNED_QEMU_TOO), "doc.debug");
        doc.pcrs[pcr] = good.pcrs[8];
        assert_string_equal(attest_verdict(&doc, CMAW_DOC_UNSIGNED_QEMU_TOO), "doc.measurement");
    }
    doc = good;
    doc.pcrs[16] = CMAW_SLICE_EMPTY;
    assert_string_equal(attest_verdict(&doc, CMAW_DOC_UNSIGNED_QEMU_TOO), "doc.role_lock");
    doc = good;
    doc.user_data = CMAW_SLICE_LIT("another manifest's");
    assert_string_equal(attest_verdict(&doc, CMAW_DOC_UNSIGNED_QEMU_TOO), "doc.user_data");
    doc = good;
    doc.public_key = CMAW_SLICE_LIT("no key");
    assert_string_equal(attest_verdict(&doc, CMAW_DOC_UNSIGNED_QEMU_TOO), "doc.public_key");
    cmaw_buf_free(&good.spki);
}

static void births_need_the_callers_word(void **)
{
    const struct sst_enclave *e = &world->enclaves[0];
    const struct cmaw_slice cert = cmaw_buf_slice(&e->cert), doc = cmaw_buf_slice(&e->ak_doc), blob = cmaw_buf_slice(&e->blob);
    struct cmaw_birth_claims claims;
    struct cmaw_finding finding = {0};
    assert_int_equal(cmaw_birth_verify(cert, doc, blob, &world->manifest, e->role, CMAW_DOC_UNSIGNED_QEMU_TOO, &claims, &finding), CMAW_OK);
    assert_true(claims.is_unsigned);
    assert_int_equal(cmaw_birth_verify(cert, doc, blob, &world->manifest, e->role, CMAW_DOC_SIGNED, &claims, &finding), CMAW_E_AUTH);
    assert_string_equal(finding.check, CMAW_CHECK_UNSIGNED);
    /* the certificate is still that key's */
    const struct cmaw_slice other = cmaw_buf_slice(&world->enclaves[1].cert);
    assert_int_equal(cmaw_birth_verify(other, doc, blob, &world->manifest, e->role, CMAW_DOC_UNSIGNED_QEMU_TOO, &claims, NULL), CMAW_E_AUTH);
}

static void deployments_need_the_callers_word(void **)
{
    struct cmaw_deployment *deployment = malloc(sizeof *deployment);
    assert_non_null(deployment);
    struct cmaw_finding finding = {0};
    const struct cmaw_slice bytes = cmaw_buf_slice(&world->bundle_bytes);
    assert_int_equal(cmaw_bundle_verify(bytes, NULL, CMAW_DOC_UNSIGNED_QEMU_TOO, deployment, &finding), CMAW_OK);
    assert_int_equal(deployment->unsigned_count, SST_ROLES);
    assert_int_equal(cmaw_bundle_verify(bytes, NULL, CMAW_DOC_SIGNED, deployment, &finding), CMAW_E_AUTH);
    assert_string_equal(finding.check, CMAW_CHECK_UNSIGNED);
    free(deployment);
}

static void runs_need_the_callers_word(void **)
{
    struct sst_run *run = review_done();
    struct cmaw_verified_run *verified = NULL;
    struct cmaw_finding finding = {0};
    assert_int_equal(cmaw_run_verify(&run->evidence, &world->manifest.mh, CMAW_DOC_UNSIGNED_QEMU_TOO, &verified, &finding), CMAW_OK);
    assert_int_equal(verified->unsigned_count, verified->doc_count);
    assert_int_equal(verified->unsigned_count, 2);
    cmaw_verified_run_free(verified);
    assert_int_equal(cmaw_run_verify(&run->evidence, &world->manifest.mh, CMAW_DOC_SIGNED, &verified, &finding), CMAW_E_AUTH);
    assert_string_equal(finding.check, CMAW_CHECK_UNSIGNED);
    run_drop(run);
}

static void failures_need_the_callers_word(void **)
{
    struct sst_run *run = review_start();
    struct cmaw_step_request *request = malloc(sizeof *request);
    struct cmaw_step_result *result = calloc(1, sizeof *result);
    struct cmaw_step *step = NULL;
    const struct cmaw_step_self self = sst_self(world, 1);
    const struct cmaw_step_signer signer = sst_signer(world, 1);
    uint32_t failed = 0;
    struct cmaw_finding finding = {0};
    sst_run_request(run, 1, request);
    assert_int_equal(cmaw_step_open(&self, request, SST_NOW_MS, &step), CMAW_CODE_OK);
    assert_int_equal(cmaw_step_fail(step, CMAW_CODE_AGENT_FAILED, CMAW_SLICE_LIT("why"), &signer, result), CMAW_OK);
    struct cmaw_failure failure = {cmaw_buf_slice(&world->manifest_bytes), cmaw_buf_slice(&run->plan), cmaw_buf_slice(&run->run.header),
        cmaw_buf_slice(&world->enclaves[0].ak_doc), cmaw_buf_slice(&result->receipt), result->state[0], CMAW_DOC_SIGNED};
    assert_int_equal(cmaw_failure_verify(&failure, &world->manifest.mh, &failed, &finding), CMAW_E_AUTH);
    assert_string_equal(finding.check, CMAW_CHECK_UNSIGNED);
    failure.trust = CMAW_DOC_UNSIGNED_QEMU_TOO;
    assert_int_equal(cmaw_failure_verify(&failure, &world->manifest.mh, &failed, &finding), CMAW_OK);
    assert_int_equal(failed, 1);
    cmaw_step_result_free(result);
    cmaw_step_free(step);
    free(result);
    free(request);
    run_drop(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_claimed_must_fit),
        cmocka_unit_test(births_need_the_callers_word),
        cmocka_unit_test(deployments_need_the_callers_word),
        cmocka_unit_test(runs_need_the_callers_word),
        cmocka_unit_test(failures_need_the_callers_word),
    };
    return cmocka_run_group_tests(tests, setup, sst_group_teardown);
}
