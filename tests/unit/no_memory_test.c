/* What takes in the bytes of others, with each of its allocations failing in turn: it says that memory ran out and nothing worse (never that a
 * signature, a ticket or a state is bad), leaves no secret in memory that it gives back, and, under the address sanitizer, loses none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "enclave/kms/kms.h"
#include "lib/base/text.h"
#include "lib/crypto/cms.h"
#include "lib/crypto/cms_make.h"
#include "lib/crypto/openssl.h"
#include "lib/crypto/rsa.h"
#include "lib/rpc/message.h"
#include "short_memory.h"
#include "sst_group.h"

static struct sst_run *done; /* a run with all its steps */
static struct cmaw_step_request request;
static struct cmaw_step_self self;
static struct cmaw_rsa_key *rsa;
static struct cmaw_buf kms_answer;

static enum cmaw_err of_code(enum cmaw_code code)
{
    return code == CMAW_CODE_OK ? CMAW_OK : code == CMAW_CODE_INTERNAL ? CMAW_E_NO_MEMORY : CMAW_E_AUTH;
}

static enum cmaw_err open_step(struct cmaw_step **ret_step)
{
    return of_code(cmaw_step_open(&self, &request, SST_NOW_MS, ret_step));
}

static enum cmaw_err step(void)
{
    const struct cmaw_step_signer signer = sst_signer(world, 2);
    struct cmaw_step_result *result = (struct cmaw_step_result[1]){};
    struct cmaw_step *opened = NULL;
    CMAW_TRY(open_step(&opened));
    const struct cmaw_agent_state output = opened->inputs[0].opened.content;
    const enum cmaw_err err = of_code(cmaw_step_finish(opened, &output, 1, &signer, result));
    cmaw_step_result_free(result);
    cmaw_step_free(opened);
    return err;
}

static enum cmaw_err failing_step(void)
{
    const struct cmaw_step_signer signer = sst_signer(world, 2);
    struct cmaw_step_result *result = (struct cmaw_step_result[1]){};
    struct cmaw_step *opened = NULL;
    CMAW_TRY(open_step(&opened));
    const enum cmaw_err err =
        cmaw_step_fail(opened, CMAW_CODE_AGENT_FAILED, opened->inputs[0].opened.content.content, &signer, result);
    cmaw_step_result_free(result);
    cmaw_step_free(opened);
    return err;
}

static enum cmaw_err new_run(void)
{
    const struct cmaw_agent_state content = {.content = CMAW_SLICE_LIT("the letter of the client")};
    struct cmaw_new_run run = {0};
    struct cmaw_sealed sealed;
    CMAW_BUF_AUTO(state, CMAW_SUM_MAX);
    CMAW_TRY(cmaw_run_new(&world->deployment, cmaw_buf_slice(&done->plan), SST_NOW_MS + 1000, &run, NULL));
    const enum cmaw_err err = cmaw_run_seal_input(&run, 1, &content, &state, &sealed);
    cmaw_new_run_free(&run);
    return err;
}

static enum cmaw_err verify(void)
{
    struct cmaw_verified_run *run = NULL;
    struct cmaw_finding finding = {0};
    CMAW_TRY(cmaw_run_verify(&done->evidence, &world->manifest.mh, CMAW_DOC_SIGNED, &run, &finding));
    const enum cmaw_err err = cmaw_run_verify_secrets(run, &done->run.secrets, &finding);
    cmaw_verified_run_free(run);
    return err;
}

static enum cmaw_err birth(void)
{
    const struct sst_enclave *e = &world->enclaves[0];
    struct cmaw_birth_claims claims;
    struct cmaw_role_keys keys = {0};
    CMAW_BUF_AUTO(cert, CMAW_BIRTH_CERT_MAX);
    CMAW_TRY(cmaw_birth_verify(cmaw_buf_slice(&e->cert), cmaw_buf_slice(&e->ak_doc), cmaw_buf_slice(&e->blob), &world->manifest, e->role,
        CMAW_DOC_SIGNED, &claims, NULL));
    CMAW_TRY(cmaw_birth_match_tsk(&claims, CMAW_SLICE_ARRAY(e->tsk), &keys, NULL));
    cmaw_role_keys_release(&keys);
    return cmaw_birth_make(&claims, e->ak, &cert);
}

static enum cmaw_err bundle(void)
{
    struct cmaw_deployment *deployment = (struct cmaw_deployment[1]){};
    return cmaw_bundle_verify(cmaw_buf_slice(&world->bundle_bytes), &world->manifest.mh, CMAW_DOC_SIGNED, deployment, NULL);
}

static enum cmaw_err kms(void)
{
    struct cmaw_kms_failure failure = {0};
    CMAW_SECRET_AUTO(tsk);
    CMAW_BUF_AUTO(blob, CMAW_KMS_BLOB_MAX);
    const enum cmaw_err err = cmaw_kms_take_data(
        rsa, world->manifest.roles[0].kms_key_arn, cmaw_buf_slice(&kms_answer), &blob, &tsk, &failure);
    return err == CMAW_E_PEER ? CMAW_E_NO_MEMORY : err; /* what reads JSON cannot tell one from the other */
}

static void make_kms_answer(void)
{
    const struct sst_enclave *e = &world->enclaves[0];
    CMAW_BUF_AUTO(envelope, CMAW_CMS_SIZE_MAX);
    kms_answer = CMAW_BUF(65536);
    assert_int_equal(cmaw_rsa_generate(&rsa), CMAW_OK);
    assert_int_equal(cmaw_cms_make(rsa, CMAW_CMS_SEGMENTED, CMAW_SLICE_ARRAY(e->tsk), &envelope), CMAW_OK);
    cmaw_buf_put_cstr(&kms_answer, "{\"KeyId\":\"");
    cmaw_buf_put(&kms_answer, e->role->kms_key_arn);
    cmaw_buf_put_cstr(&kms_answer, "\",\"CiphertextBlob\":\"AAAA\",\"CiphertextForRecipient\":\"");
    cmaw_buf_put_base64(&kms_answer, cmaw_buf_slice(&envelope));
    cmaw_buf_put_cstr(&kms_answer, "\"}");
}

static enum cmaw_err rpc(void)
{
    struct cmaw_request asked = {.verb = CMAW_VERB_STEP, .step = request};
    CMAW_BUF_AUTO(bytes, CMAW_SUM_MAX);
    cmaw_request_encode(&asked, &bytes);
    CMAW_TRY(cmaw_buf_err(&bytes));
    return cmaw_request_decode(cmaw_buf_slice(&bytes), &asked);
}

static const struct scenario {
    const char *name;
    enum cmaw_err (*run)(void);
    bool spoils; /* an RSA key that OpenSSL had no memory to blind stays useless; it is for one exchange */
} scenarios[] = {
    {"a step", step},
    {"a step whose agent fails", failing_step},
    {"a new run", new_run},
    {"verification", verify},
    {"a birth certificate", birth},
    {"a bundle", bundle},
    {"a request", rpc},
    {"KMS's answer", kms, true},
};

enum { TRIES_MAX = 150 }; /* of a scenario: where it has more allocations, some of them, evenly spread */

static enum cmaw_err run_short(const struct scenario *scenario, size_t fail_at, enum short_memory how, size_t *ret_asked)
{
    short_memory_begin(fail_at, how);
    const enum cmaw_err err = scenario->run();
    *ret_asked = short_memory_end();
    return err;
}

static void fail_each(const struct scenario *scenario, size_t count, enum short_memory how)
{
    size_t unused;
    for (size_t n = 1; n <= count; n += 1 + count / TRIES_MAX) {
        const enum cmaw_err err = run_short(scenario, n, how, &unused);
        if (err != CMAW_OK && err != CMAW_E_NO_MEMORY) {
            fail_msg("%s, allocation %zu of %zu fails%s: %s", scenario->name, n, count, how == SHORT_ONCE ? "" : " and all after it",
                cmaw_err_text(err));
        }
    }
    const enum cmaw_err after = scenario->run();
    if (after != CMAW_OK && !scenario->spoils) {
        fail_msg("%s stays broken: %s", scenario->name, cmaw_err_text(after));
    }
}

static void each_allocation_fails(void **)
{
    make_kms_answer();
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
        size_t count;
        assert_int_equal(scenarios[i].run(), CMAW_OK); /* libcrypto keeps what it makes at its first use */
        assert_int_equal(run_short(&scenarios[i], 0, SHORT_ONCE, &count), CMAW_OK);
        assert_true(count > 0);
        fail_each(&scenarios[i], count, SHORT_ONCE);
        fail_each(&scenarios[i], count, SHORT_FOREVER);
    }
}

/* Before anything else has asked for it. */
static void a_cipher_that_was_not_to_be_had_is_asked_for_again(void **)
{
    assert_non_null(cmaw_openssl_aes256gcm()); /* libcrypto is there */
    short_memory_begin(1, SHORT_FOREVER);
    const EVP_CIPHER *none = cmaw_openssl_aes256cbc();
    assert_true(short_memory_end() > 0);
    assert_null(none);
    assert_non_null(cmaw_openssl_aes256cbc());
}

static int setup(void **state)
{
    (void)sst_group_setup(state);
    const struct sst_enclave *e = &world->enclaves[0];
    done = review_done();
    sst_run_request(done, 2, &request);
    self = sst_self(world, 2);
    short_memory_watch("the TSK", CMAW_SLICE_ARRAY(e->tsk));
    short_memory_watch("the role key", cmaw_secret_slice(&world->enclaves[1].keys.kem.private_key));
    short_memory_watch("an edge secret", cmaw_edge_secrets_of(&done->run.secrets, 2));
    short_memory_watch("the content", CMAW_SLICE_LIT("the letter"));
    return 0;
}

static int teardown(void **state)
{
    short_memory_watch_none();
    cmaw_rsa_key_free(rsa);
    cmaw_buf_free(&kms_answer);
    run_drop(done);
    return sst_group_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cipher_that_was_not_to_be_had_is_asked_for_again),
        cmocka_unit_test(each_allocation_fails),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
