/* From a new enclave to one that is configured: PROTOCOL.md section 6. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "tests/enclave/cases.h"

void a_new_enclave_does_nothing_but_describe_itself(void **state)
{
    (void)state;
    const struct cmaw_request attest = {.verb = CMAW_VERB_ATTEST};
    const struct cmaw_request stats = {.verb = CMAW_VERB_STATS};
    const struct cmaw_request some_step = {.verb = CMAW_VERB_STEP, .step = {.plan = CMAW_SLICE_LIT("p"), .step = 1}};
    assert_int_equal(state_of(echo), CMAW_ENCLAVE_NEW);
    assert_string_equal(code_of(echo, &attest), "NOT_READY");
    assert_string_equal(code_of(echo, &some_step), "NOT_READY");
    assert_string_equal(code_of(echo, &stats), "OK");
}

/* Encodes the world's manifest with one change. */
static void changed_manifest(void (*change)(struct cmaw_manifest *), struct cmaw_buf *buf)
{
    static struct cmaw_manifest manifest;
    assert_int_equal(cmaw_manifest_parse(cmaw_buf_slice(&world.manifest), &manifest), CMAW_OK);
    change(&manifest);
    cmaw_manifest_encode(&manifest, buf);
}

static const uint8_t other[48] = {1, 2, 3};
static void other_image(struct cmaw_manifest *manifest)
{
    manifest->roles[0].measurements[0].pcrs[0] = CMAW_SLICE_ARRAY(other);
}
static void other_root(struct cmaw_manifest *manifest)
{
    manifest->attestation_root = cmaw_slice_of(other, 32);
}
static void over(struct cmaw_manifest *manifest)
{
    manifest->not_before_ms = 1;
    manifest->not_after_ms = world_now_ms() - 1000;
}
static void not_yet(struct cmaw_manifest *manifest)
{
    manifest->not_before_ms = world_now_ms() + 600000;
}
static void bad_version(struct cmaw_manifest *manifest)
{
    manifest->version = 2;
}

void a_refused_manifest_locks_nothing(void **state)
{
    (void)state;
    static const struct { void (*change)(struct cmaw_manifest *); const char *code; } cases[] = {
        {other_image, "DENIED"}, {other_root, "DENIED"}, {over, "EXPIRED"}, {not_yet, "EXPIRED"}, {bad_version, "BAD_REQUEST"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CMAW_BUF_AUTO(manifest, CMAW_MANIFEST_MAX);
        changed_manifest(cases[i].change, &manifest);
        struct cmaw_request request = provision_request(&world, echo);
        request.provision.manifest = cmaw_buf_slice(&manifest);
        assert_string_equal(code_of(echo, &request), cases[i].code);
    }
    struct cmaw_request request = provision_request(&world, echo);
    request.provision.role = node_role(&world, hostile); /* another image's role */
    assert_string_equal(code_of(echo, &request), "DENIED");
    request.provision.role = 77;
    assert_string_equal(code_of(echo, &request), "DENIED");
    assert_int_equal(state_of(echo), CMAW_ENCLAVE_NEW);
}

void wrong_credentials_are_reported_and_may_be_retried(void **state)
{
    (void)state;
    CMAW_BUF_AUTO(answer, CMAW_FRAME_MAX);
    struct cmaw_response response;
    struct cmaw_request request = provision_request(&world, echo);
    request.provision.credentials.access_key_id = CMAW_SLICE_LIT("AKIDNOSUCHKEYATALL");
    const int fd = node_connect(echo);
    node_call(fd, &request, &answer, &response);
    close(fd);
    assert_int_equal(response.code, CMAW_CODE_KMS_UNAVAILABLE);
    assert_true(response.has_kms_error);
    assert_true(cmaw_slice_eq_cstr(response.kms_error.type, "UnrecognizedClientException"));
    assert_int_equal(state_of(echo), CMAW_ENCLAVE_LOCKED);
    assert_true(cmaw_slice_eq(response.kms_error.pcrs[0], CMAW_SLICE_ARRAY(echo->pcrs.pcr0)));
    assert_int_equal(response.kms_error.pcrs[4].size, CMAW_NSM_PCR_SIZE);
    const struct cmaw_request describe = {.verb = CMAW_VERB_DESCRIBE}; /* which says it again, to whoever asks */
    const int second = node_connect(echo);
    node_call(second, &describe, &answer, &response);
    close(second);
    assert_true(response.code == CMAW_CODE_OK && response.has_kms_error);
    assert_true(cmaw_slice_eq_cstr(response.kms_error.type, "UnrecognizedClientException"));
}

/* Section 6, point 3: a key that may have come from elsewhere bears no role, so one that shows nothing of itself does not either. */
void no_birth_from_a_key_that_is_not_seen(void **state)
{
    (void)state;
    CMAW_BUF_AUTO(answer, CMAW_FRAME_MAX);
    struct cmaw_response response;
    const struct cmaw_request request = provision_request(&world, echo);
    world_let_look(&world, echo, false);
    const int fd = node_connect(echo);
    node_call(fd, &request, &answer, &response);
    close(fd);
    world_let_look(&world, echo, true);
    assert_string_equal(cmaw_code_name(response.code), "DENIED");
    assert_true(response.has_kms_error);
    assert_true(cmaw_slice_eq_cstr(response.kms_error.type, "AccessDeniedException"));
    assert_int_equal((int)response.verb, 0); /* no blob, no certificate */
}

void birth_gives_a_bundle_that_verifies(void **state)
{
    (void)state;
    world_provision(&world);
    assert_int_equal(state_of(echo), CMAW_ENCLAVE_LOCKED);
    const struct cmaw_request some_step = {.verb = CMAW_VERB_STEP, .step = {.plan = CMAW_SLICE_LIT("p"), .step = 1}};
    assert_string_equal(code_of(echo, &some_step), "NOT_READY");
    struct cmaw_request request = provision_request(&world, echo);
    CMAW_BUF_AUTO(manifest, CMAW_MANIFEST_MAX);
    cmaw_buf_put(&manifest, cmaw_buf_slice(&world.manifest));
    static struct cmaw_manifest changed;
    assert_int_equal(cmaw_manifest_parse(cmaw_buf_slice(&manifest), &changed), CMAW_OK);
    changed.serial = 2;
    CMAW_BUF_AUTO(second, CMAW_MANIFEST_MAX);
    cmaw_manifest_encode(&changed, &second);
    request.provision.manifest = cmaw_buf_slice(&second);
    assert_string_equal(code_of(echo, &request), "DENIED"); /* locked to another manifest */
}

static const char *configure_code(const struct node *node, const struct cmaw_role_key *key)
{
    const struct cmaw_request request = configure_request(&world, node, key);
    return code_of(node, &request);
}

void only_what_was_born_here_configures(void **state)
{
    (void)state;
    const struct cmaw_role_key *own = cmaw_bundle_role(&world.deployment.bundle, node_role(&world, echo));
    const struct cmaw_role_key *foreign = cmaw_bundle_role(&world.deployment.bundle, node_role(&world, hostile));
    struct cmaw_role_key key = *foreign;
    assert_string_equal(configure_code(echo, &key), "DENIED");
    key = *own;
    key.kms_blob = foreign->kms_blob;
    assert_string_equal(configure_code(echo, &key), "DENIED");
    key = *own;
    key.ak_doc = foreign->ak_doc;
    assert_string_equal(configure_code(echo, &key), "DENIED");

    struct cmaw_slice *const parts[] = {&key.kms_blob, &key.birth_cert, &key.ak_doc};
    for (size_t part = 0; part < 3; part++) {
        key = *own;
        const struct cmaw_slice good = *parts[part];
        for (size_t at = 0; at < good.size; at += good.size / 7) {
            CMAW_BUF_AUTO(flipped, CMAW_FRAME_MAX);
            cmaw_buf_put(&flipped, good);
            flipped.data[at] ^= 1;
            *parts[part] = cmaw_buf_slice(&flipped);
            assert_string_equal(configure_code(echo, &key), "DENIED");
        }
    }
}

/* The host may know a TSK of its own: by Encrypt under the right key, where the policy is careless enough to allow that. */
void a_key_made_by_encrypt_is_refused(void **state)
{
    (void)state;
    CMAW_BUF_AUTO(body, 2048);
    CMAW_BUF_AUTO(answer, CMAW_HTTP_RESPONSE_MAX);
    cmaw_buf_printf(&body, "{\"KeyId\":\"%s\",\"Plaintext\":\"", echo->arn);
    static const uint8_t tsk[32] = {7};
    cmaw_buf_put_base64(&body, CMAW_SLICE_ARRAY(tsk));
    cmaw_buf_printf(&body, "\",\"EncryptionContext\":{\"sst\":\"1\",\"tenant\":\"test\",\"role\":\"%u\",\"manifest\":\"",
                    node_role(&world, echo));
    cmaw_buf_put_hex(&body, cmaw_bytes32_slice(&world.deployment.manifest.mh));
    cmaw_buf_put_cstr(&body, "\"}}");
    cmaw_buf_put_u8(&body, 0);
    assert_int_equal(world_kms(&world, true, "Encrypt", (const char *)body.data, &answer), 200);
    const char *start = memmem(answer.data, answer.size, "\"CiphertextBlob\":\"", 18);
    assert_non_null(start);
    start += 18;
    CMAW_BUF_AUTO(blob, 6144);
    assert_int_equal(cmaw_base64_decode(cmaw_slice_of(start, (size_t)(strchr(start, '"') - start)), &blob), CMAW_OK);
    struct cmaw_role_key key = *cmaw_bundle_role(&world.deployment.bundle, node_role(&world, echo));
    key.kms_blob = cmaw_buf_slice(&blob);
    assert_string_equal(configure_code(echo, &key), "DENIED");
    assert_int_equal(state_of(echo), CMAW_ENCLAVE_LOCKED);
}

void credentials_alone_open_nothing(void **state)
{
    (void)state;
    static const char *const operations[] = {"Decrypt", "GenerateDataKey", "Encrypt"};
    const struct cmaw_role_key *key = cmaw_bundle_role(&world.deployment.bundle, node_role(&world, echo));
    for (size_t i = 0; i < 3; i++) {
        CMAW_BUF_AUTO(body, 4096);
        CMAW_BUF_AUTO(answer, CMAW_HTTP_RESPONSE_MAX);
        cmaw_buf_printf(&body, "{\"KeyId\":\"%s\",", echo->arn);
        if (i == 0) {
            cmaw_buf_put_cstr(&body, "\"CiphertextBlob\":\"");
            cmaw_buf_put_base64(&body, key->kms_blob);
            cmaw_buf_put_cstr(&body, "\",");
        }
        cmaw_buf_printf(&body, "%s\"EncryptionContext\":{\"sst\":\"1\",\"tenant\":\"test\",\"role\":\"1\",\"manifest\":\"",
                        i == 1 ? "\"KeySpec\":\"AES_256\"," : i == 2 ? "\"Plaintext\":\"QUFB\"," : "");
        cmaw_buf_put_hex(&body, cmaw_bytes32_slice(&world.deployment.manifest.mh));
        cmaw_buf_put_cstr(&body, "\"}}");
        cmaw_buf_put_u8(&body, 0);
        assert_int_equal(world_kms(&world, false, operations[i], (const char *)body.data, &answer), 400);
        assert_non_null(memmem(answer.data, answer.size, "AccessDenied", 12));
    }
}

void a_configured_enclave_is_closed(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < world.node_count; i++) {
        world_configure(&world, &world.nodes[i]);
        assert_int_equal(state_of(&world.nodes[i]), CMAW_ENCLAVE_READY);
    }
    const struct cmaw_request again = provision_request(&world, echo);
    assert_string_equal(code_of(echo, &again), "DENIED");
    assert_string_equal(configure_code(echo, cmaw_bundle_role(&world.deployment.bundle, 1)), "DENIED");
}

void attestation_has_the_callers_nonce(void **state)
{
    (void)state;
    CMAW_BUF_AUTO(answer, CMAW_FRAME_MAX);
    struct cmaw_response response;
    struct cmaw_attested attested;
    const struct cmaw_request request = {.verb = CMAW_VERB_ATTEST, .attest = {CMAW_SLICE_LIT("fresh")}};
    const int fd = node_connect(echo);
    node_call(fd, &request, &answer, &response);
    close(fd);
    assert_int_equal(response.code, CMAW_CODE_OK);
    assert_int_equal(cmaw_attest_role(response.attest.ak_doc, &world.deployment.manifest,
                                      cmaw_manifest_role(&world.deployment.manifest, 1), CMAW_DOC_SIGNED, NULL, &attested, NULL),
                     CMAW_OK);
    assert_true(cmaw_slice_eq_cstr(attested.nonce, "fresh"));
}
