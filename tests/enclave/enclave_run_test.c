/* /init of the simulation with everything around it real: NSM simulator, KMS emulator, launcher, proxy. The test is the host,
 * honest or not, and the data owner. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "lib/sst/state_open.h"
#include "tests/enclave/world.h"

static struct world world;
static struct node *echo;
static struct node *hostile;
static struct node *proto;

static const char *code_of(const struct node *node, const struct cmaw_request *request)
{
    CMAW_BUF_AUTO(answer, CMAW_FRAME_MAX);
    struct cmaw_response response;
    const int fd = node_connect(node);
    node_call(fd, request, &answer, &response);
    close(fd);
    return cmaw_code_name(response.code);
}

static uint32_t state_of(const struct node *node)
{
    CMAW_BUF_AUTO(answer, CMAW_FRAME_MAX);
    struct cmaw_response response;
    const struct cmaw_request request = {.verb = CMAW_VERB_DESCRIBE};
    const int fd = node_connect(node);
    node_call(fd, &request, &answer, &response);
    close(fd);
    assert_int_equal(response.code, CMAW_CODE_OK);
    assert_int_equal(response.describe.simulated, 1);
    assert_true(cmaw_slice_eq(response.describe.pcr0, CMAW_SLICE_ARRAY(node->pcrs.pcr0)));
    assert_int_equal(response.describe.pcr16.size, response.describe.state == CMAW_ENCLAVE_NEW ? 0 : 48);
    return response.describe.state;
}

/* A run of one step of a role. */
struct run {
    struct cmaw_buf plan;
    struct cmaw_new_run run;
    struct cmaw_buf inputs[2];
    struct cmaw_request request;
};

static void run_make(struct run *run, const struct node *node, uint64_t expires_ms, uint32_t timeout_s, uint32_t size_class)
{
    const uint32_t role = node_role(&world, node);
    struct cmaw_plan plan = {
        .version = 1, .name = CMAW_SLICE_LIT("one"), .manifest = cmaw_bytes32_slice(&world.deployment.manifest.mh), .step_count = 1,
        .steps = {{.id = 1, .name = CMAW_SLICE_LIT("only"), .role = role, .timeout_s = timeout_s, .max_attempts = 3}},
        .edge_count = node->proto ? 4 : 2,
        .edges = {{1, 0, 1, CMAW_SLICE_LIT("x"), size_class},
                  {2, 1, 0, CMAW_SLICE_LIT("z"), size_class}}};
    if (node->proto) {
        plan.edges[1] = (struct cmaw_plan_edge){2, 0, 1, CMAW_SLICE_LIT("y"), 0};
        plan.edges[2] = (struct cmaw_plan_edge){3, 1, 0, CMAW_SLICE_LIT("z"), 0};
        plan.edges[3] = (struct cmaw_plan_edge){4, 1, 0, CMAW_SLICE_LIT("w"), 0};
    }
    *run = (struct run){.plan = CMAW_BUF(CMAW_PLAN_MAX)};
    cmaw_plan_encode(&plan, &run->plan);
    struct cmaw_finding finding = {0};
    if (cmaw_run_new(&world.deployment, cmaw_buf_slice(&run->plan), expires_ms, &run->run, &finding) != CMAW_OK) {
        fail_msg("run: %s", finding.text);
    }
    run->request = (struct cmaw_request){
        .verb = CMAW_VERB_STEP,
        .step = {.plan = cmaw_buf_slice(&run->plan), .ticket = cmaw_buf_slice(&run->run.ticket), .step = 1, .attempt = 1}};
}

static void run_input(struct run *run, uint32_t edge, struct cmaw_slice content)
{
    const struct cmaw_agent_state state = {.content_type = CMAW_SLICE_LIT("text/plain"), .content = content};
    struct cmaw_sealed sealed;
    struct cmaw_buf *buf = &run->inputs[edge - 1];
    *buf = CMAW_BUF(CMAW_FRAME_MAX);
    assert_int_equal(cmaw_run_seal_input(&run->run, edge, &state, buf, &sealed), CMAW_OK);
    run->request.step.inputs[run->request.step.input_count++] = cmaw_buf_slice(buf);
}

static void run_free(struct run *run)
{
    cmaw_buf_free(&run->plan);
    cmaw_new_run_free(&run->run);
    cmaw_buf_free(&run->inputs[0]);
    cmaw_buf_free(&run->inputs[1]);
}

static struct run run_of(const struct node *node, struct cmaw_slice content)
{
    struct run run;
    run_make(&run, node, world_now_ms() + 60000, 20, 0);
    run_input(&run, 1, content);
    return run;
}

/* Opens output i of an answered step as the owner. */
static void open_output(const struct run *run, const struct cmaw_step_response *answer, uint32_t i, uint32_t edge,
                        struct cmaw_opened *ret_opened)
{
    struct cmaw_state state;
    assert_int_equal(cmaw_state_parse(answer->states[i], &state), CMAW_OK);
    assert_int_equal(cmaw_state_open(&state, cmaw_plan_edge_at(&run->run.plan, edge), &run->run.run_id,
                                     cmaw_edge_secrets_of(&run->run.secrets, edge), ret_opened),
                     CMAW_OK);
}

static void verify(const struct run *run, const struct cmaw_step_response *answer)
{
    static struct cmaw_evidence evidence;
    struct cmaw_verified_run *verified = NULL;
    struct cmaw_finding finding = {0};
    evidence = (struct cmaw_evidence){
        .manifest = cmaw_buf_slice(&world.manifest), .plan = cmaw_buf_slice(&run->plan), .ticket_header = cmaw_buf_slice(&run->run.header),
        .ak_doc_count = 1, .ak_docs = {answer->ak_doc}, .receipt_count = 1, .receipts = {answer->receipt}};
    for (uint32_t i = 0; i < run->request.step.input_count; i++) {
        evidence.states[evidence.state_count++] = run->request.step.inputs[i];
    }
    for (uint32_t i = 0; i < answer->state_count; i++) {
        evidence.states[evidence.state_count++] = answer->states[i];
    }
    if (cmaw_run_verify(&evidence, &world.deployment.manifest.mh, &verified, &finding) != CMAW_OK) {
        fail_msg("verification: %s %s", finding.check, finding.text);
    }
    cmaw_verified_run_free(verified);
}

static void step(const struct node *node, const struct run *run, struct cmaw_buf *buf, struct cmaw_response *ret_response)
{
    const int fd = node_connect(node);
    node_call(fd, &run->request, buf, ret_response);
    close(fd);
}

static const char *step_code(const struct node *node, const struct run *run)
{
    return code_of(node, &run->request);
}

static void a_new_enclave_does_nothing_but_describe_itself(void **state)
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

static void a_refused_manifest_locks_nothing(void **state)
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

static void wrong_credentials_are_reported_and_may_be_retried(void **state)
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
}

static void birth_gives_a_bundle_that_verifies(void **state)
{
    (void)state;
    world_provision(&world);
    assert_int_equal(state_of(echo), CMAW_ENCLAVE_LOCKED);
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

static void only_what_was_born_here_configures(void **state)
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
static void a_key_made_by_encrypt_is_refused(void **state)
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

static void credentials_alone_open_nothing(void **state)
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

static void a_configured_enclave_is_closed(void **state)
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

static void attestation_has_the_callers_nonce(void **state)
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
                                      cmaw_manifest_role(&world.deployment.manifest, 1), &attested, NULL),
                     CMAW_OK);
    assert_true(cmaw_slice_eq_cstr(attested.nonce, "fresh"));
}

static uint8_t content[2 * 1024 * 1024];

static void states_of_every_size_go_through(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 1000, 16384, 65536, 300000, 1048576, 1834900};
    for (size_t i = 0; i < sizeof content; i++) {
        content[i] = (uint8_t)(i * 31 + i / 251);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        CMAW_BUF_AUTO(answer, CMAW_FRAME_MAX);
        struct cmaw_response response;
        CMAW_OPENED_AUTO(opened);
        struct run run = run_of(echo, cmaw_slice_of(content, sizes[i]));
        step(echo, &run, &answer, &response);
        if (response.code != CMAW_CODE_OK) {
            fail_msg("%zu bytes: %s", sizes[i], cmaw_code_name(response.code));
        }
        assert_int_equal(response.step.state_count, 1);
        open_output(&run, &response.step, 0, 2, &opened);
        assert_true(cmaw_slice_eq(opened.content.content, cmaw_slice_of(content, sizes[i])));
        assert_true(cmaw_slice_eq_cstr(opened.content.content_type, "text/plain"));
        verify(&run, &response.step);
        run_free(&run);
    }
}

static void ports_of_a_proto_agent_are_edges(void **state)
{
    (void)state;
    CMAW_BUF_AUTO(answer, CMAW_FRAME_MAX);
    struct cmaw_response response;
    CMAW_OPENED_AUTO(joined);
    CMAW_OPENED_AUTO(sizes);
    struct run run;
    run_make(&run, proto, world_now_ms() + 60000, 20, 0);
    run_input(&run, 1, CMAW_SLICE_LIT("left "));
    run_input(&run, 2, CMAW_SLICE_LIT("right"));
    step(proto, &run, &answer, &response);
    assert_int_equal(response.code, CMAW_CODE_OK);
    assert_int_equal(response.step.state_count, 2);
    open_output(&run, &response.step, 0, 3, &joined);
    open_output(&run, &response.step, 1, 4, &sizes);
    assert_true(cmaw_slice_eq_cstr(joined.content.content, "left right"));
    assert_true(cmaw_slice_eq_cstr(sizes.content.content, "5 5"));
    assert_int_equal(sizes.content.annotation_count, 1);
    assert_true(cmaw_slice_eq_cstr(sizes.content.annotations[0].value, "bytes"));
    verify(&run, &response.step);
    run_free(&run);
}

static void what_is_not_of_this_run_is_denied(void **state)
{
    (void)state;
    struct run one = run_of(echo, CMAW_SLICE_LIT("one"));
    struct run two = run_of(echo, CMAW_SLICE_LIT("two"));
    struct run mixed = one;
    mixed.request.step.inputs[0] = two.request.step.inputs[0];
    assert_string_equal(step_code(echo, &mixed), "DENIED");
    mixed = one;
    mixed.request.step.ticket = two.request.step.ticket;
    assert_string_equal(step_code(echo, &mixed), "DENIED");
    mixed = one;
    mixed.request.step.step = 2;
    assert_string_equal(step_code(echo, &mixed), "DENIED");
    mixed = one;
    mixed.request.step.input_count = 0;
    assert_string_equal(step_code(echo, &mixed), "DENIED");
    mixed = one;
    mixed.request.step.attempt = 4;
    assert_string_equal(step_code(echo, &mixed), "BAD_REQUEST");
    mixed = one;
    mixed.request.step.inputs[0].size--;
    assert_string_equal(step_code(echo, &mixed), "BAD_REQUEST");
    assert_string_equal(step_code(hostile, &one), "DENIED"); /* another role's enclave */
    assert_string_equal(step_code(echo, &one), "OK");
    run_free(&one);
    run_free(&two);
}

static void every_flipped_byte_of_a_state_is_denied(void **state)
{
    (void)state;
    struct run run = run_of(echo, CMAW_SLICE_LIT("content"));
    struct cmaw_buf *input = &run.inputs[0];
    for (size_t at = 100; at < input->size; at += 97) { /* behind the header, whose form is checked first */
        input->data[at] ^= 0x80;
        assert_string_equal(step_code(echo, &run), "DENIED");
        input->data[at] ^= 0x80;
    }
    assert_string_equal(step_code(echo, &run), "OK");
    run_free(&run);
}

static void an_expired_ticket_is_refused(void **state)
{
    (void)state;
    struct run run;
    run_make(&run, echo, world_now_ms() - 1000, 20, 0);
    run_input(&run, 1, CMAW_SLICE_LIT("late"));
    assert_string_equal(step_code(echo, &run), "EXPIRED");
    run_free(&run);
}

/* Runs a mode of the hostile agent; the answer's code, and where there is a failure state its text. */
static const char *hostile_code(const char *mode, uint64_t deadline_ms, struct cmaw_buf *text)
{
    CMAW_BUF_AUTO(answer, CMAW_FRAME_MAX);
    struct cmaw_response response;
    struct run run = run_of(hostile, cmaw_slice_of_cstr(mode));
    run.request.step.deadline_ms = deadline_ms;
    step(hostile, &run, &answer, &response);
    if (response.code == CMAW_CODE_AGENT_FAILED || response.code == CMAW_CODE_AGENT_TIMEOUT) {
        CMAW_OPENED_AUTO(opened);
        assert_int_equal(response.step.state_count, 1);
        open_output(&run, &response.step, 0, 2, &opened);
        assert_true(cmaw_slice_eq_cstr(opened.content.content_type, "application/vnd.cmaw.failure"));
        cmaw_buf_put(text, opened.content.content);
    } else if (response.code == CMAW_CODE_OK) {
        CMAW_OPENED_AUTO(opened);
        open_output(&run, &response.step, 0, 2, &opened);
        cmaw_buf_put(text, opened.content.content);
    } else {
        assert_int_equal(response.verb, 0); /* no body */
    }
    run_free(&run);
    return cmaw_code_name(response.code);
}

static void hostile_agents_get_nothing(void **state)
{
    (void)state;
    static const char *const modes[] = {"sockets\n", "memory\n", "mount\n", "privilege\n", "forkbomb\n", "memory-fill\n",
                                        "tmp-fill\n", "write-input\n", "clean\n"};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        CMAW_BUF_AUTO(text, 1 << 20);
        const char *code = hostile_code(modes[i], 0, &text);
        if (strcmp(code, "OK") != 0 || !cmaw_slice_eq_cstr(cmaw_buf_slice(&text), "refused\n")) {
            fail_msg("%s%s: %.*s", modes[i], code, (int)text.size, (const char *)text.data);
        }
    }
}

static void failures_come_sealed(void **state)
{
    (void)state;
    CMAW_BUF_AUTO(text, 1 << 20);
    assert_string_equal(hostile_code("flood-errors\n", 0, &text), "AGENT_FAILED");
    assert_int_equal(text.size > 1000, 1);
    assert_memory_equal(text.data, "AGENT_FAILED\nline 0 of many\n", 28);
    cmaw_buf_reset(&text);
    assert_string_equal(hostile_code("hang\n", 300, &text), "AGENT_TIMEOUT");
    assert_true(cmaw_slice_eq_cstr(cmaw_buf_slice(&text), "AGENT_TIMEOUT\n"));
    cmaw_buf_reset(&text);
    assert_string_equal(hostile_code("flood\n", 0, &text), "TOO_LARGE");
    assert_string_equal(hostile_code("litter\n", 0, &text), "OK");
    cmaw_buf_reset(&text);
    assert_string_equal(hostile_code("clean\n", 0, &text), "OK");
}

static void the_seed_is_of_run_and_step(void **state)
{
    (void)state;
    CMAW_BUF_AUTO(first, 4096);
    CMAW_BUF_AUTO(second, 4096);
    CMAW_BUF_AUTO(third, 4096);
    struct run run = run_of(hostile, CMAW_SLICE_LIT("env\n"));
    struct cmaw_buf *const texts[] = {&first, &second};
    for (uint32_t attempt = 1; attempt <= 2; attempt++) {
        CMAW_BUF_AUTO(answer, CMAW_FRAME_MAX);
        CMAW_OPENED_AUTO(opened);
        struct cmaw_response response;
        run.request.step.attempt = attempt;
        step(hostile, &run, &answer, &response);
        open_output(&run, &response.step, 0, 2, &opened);
        cmaw_buf_put(texts[attempt - 1], opened.content.content);
    }
    run_free(&run);
    assert_true(cmaw_slice_eq(cmaw_buf_slice(&first), cmaw_buf_slice(&second)));
    assert_string_equal(hostile_code("env\n", 0, &third), "OK");
    assert_int_equal(first.size, third.size);
    const uint8_t *seed = memmem(first.data, first.size, "CMAW_SEED=", 10);
    assert_non_null(seed);
    assert_null(memmem(third.data, third.size, seed, 74));
}

static void frames_that_are_none_end_the_connection(void **state)
{
    (void)state;
    static const struct { const char *bytes; size_t size; const char *code; } cases[] = {
        {"\0\0\0\x01\xff", 5, "BAD_REQUEST"}, {"\0\0\0\0", 4, "BAD_REQUEST"}, {"\0\0\0\x04\x0a\0\x12\0", 8, "BAD_REQUEST"},
        {"\0\x40\0\x01", 4, "TOO_LARGE"}, {"\xff\xff\xff\xff", 4, "TOO_LARGE"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CMAW_BUF_AUTO(answer, CMAW_FRAME_MAX);
        struct cmaw_response response;
        uint8_t more = 0;
        const int fd = node_connect(echo);
        assert_int_equal(write(fd, cases[i].bytes, cases[i].size), cases[i].size);
        assert_int_equal(cmaw_frame_read(fd, cmaw_deadline_in(10000), &answer), CMAW_OK);
        assert_int_equal(cmaw_response_decode(cmaw_buf_slice(&answer), &response), CMAW_OK);
        assert_string_equal(cmaw_code_name(response.code), cases[i].code);
        assert_int_equal(read(fd, &more, 1), 0);
        close(fd);
    }
    const int fd = node_connect(echo);
    assert_int_equal(write(fd, "\0\0", 2), 2); /* and goes away */
    close(fd);
    assert_int_equal(state_of(echo), CMAW_ENCLAVE_READY);
}

static void *run_large(void *failed)
{
    for (int i = 0; i < 4; i++) {
        CMAW_BUF_AUTO(answer, CMAW_FRAME_MAX);
        struct cmaw_response response;
        struct run run = run_of(echo, cmaw_slice_of(content, 1834900));
        step(echo, &run, &answer, &response);
        if (response.code != CMAW_CODE_OK) {
            *(int *)failed = (int)response.code;
        }
        run_free(&run);
    }
    return NULL;
}

static void parallel_steps_stay_small(void **state)
{
    (void)state;
    enum { THREADS = 8 };
    pthread_t threads[THREADS];
    int failed[THREADS] = {0};
    size_t most = 0;
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run_large, &failed[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        while (pthread_tryjoin_np(threads[i], NULL) != 0) {
            const size_t now = node_resident(echo, false);
            most = now > most ? now : most;
            usleep(2000); /* the pace of sampling */
        }
        assert_int_equal(failed[i], 0);
    }
    const size_t idle = node_resident(echo, false);
    print_message("# resident: at most %zu KiB, then %zu KiB, with spawner and warm sandboxes (PSS) %zu KiB\n", most / 1024,
                  idle / 1024, node_resident(echo, true) / 1024);
    assert_true(most < 16u << 20);
}

static uint64_t told_resident(void)
{
    CMAW_BUF_AUTO(answer, CMAW_FRAME_MAX);
    struct cmaw_response response;
    const struct cmaw_request stats = {.verb = CMAW_VERB_STATS};
    const int fd = node_connect(echo);
    node_call(fd, &stats, &answer, &response);
    close(fd);
    assert_int_equal(response.code, CMAW_CODE_OK);
    return response.stats.resident_bytes;
}

/* Section 8: the memory that an output of some length takes is nothing that the host may ask for. */
static void memory_tells_no_lengths(void **state)
{
    (void)state;
    const uint64_t before = told_resident();
    assert_in_range(before, 1 << 20, 16 << 20);
    pthread_t thread;
    int failed = 0;
    assert_int_equal(pthread_create(&thread, NULL, run_large, &failed), 0);
    while (pthread_tryjoin_np(thread, NULL) != 0) {
        assert_int_equal(told_resident() % (1 << 20), 0);
    }
    assert_int_equal(failed, 0);
    assert_int_equal(told_resident() % (1 << 20), 0);
}

static void *run_small(void *failed)
{
    const int fd = node_connect(echo);
    for (int i = 0; i < 25; i++) {
        CMAW_BUF_AUTO(answer, CMAW_FRAME_MAX);
        struct cmaw_response response;
        struct run run = run_of(echo, CMAW_SLICE_LIT("small"));
        node_call(fd, &run.request, &answer, &response);
        if (response.code != CMAW_CODE_OK) {
            *(int *)failed = (int)response.code;
        }
        run_free(&run);
    }
    close(fd);
    return NULL;
}

static void more_steps_than_agents_wait_their_turn(void **state)
{
    (void)state;
    static const size_t counts[] = {1, 8, 24};
    for (size_t c = 0; c < 3; c++) {
        pthread_t threads[24];
        int failed[24] = {0};
        const uint64_t start_ms = cmaw_monotonic_ms();
        for (size_t i = 0; i < counts[c]; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, run_small, &failed[i]), 0);
        }
        for (size_t i = 0; i < counts[c]; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
            assert_int_equal(failed[i], 0);
        }
        print_message("# %zu in flight: %.0f steps a second\n", counts[c],
                      (double)counts[c] * 25 * 1000 / (double)(cmaw_monotonic_ms() - start_ms));
    }
}

static void the_nsm_simulator_may_restart(void **state)
{
    (void)state;
    world_restart_devd(&world);
    attestation_has_the_callers_nonce(NULL);
}

static void a_terminated_enclave_ends_cleanly(void **state)
{
    (void)state;
    int status = -1;
    assert_int_equal(cmaw_proc_stop(&proto->launcher, 10000, &status), CMAW_OK);
    assert_int_equal(status, 0);
}

static void an_enclave_comes_back_with_its_key(void **state)
{
    (void)state;
    world_stop(echo);
    world_start(&world, echo);
    assert_int_equal(state_of(echo), CMAW_ENCLAVE_NEW);
    world_configure(&world, echo);
    struct run run = run_of(echo, CMAW_SLICE_LIT("again"));
    assert_string_equal(step_code(echo, &run), "OK");
    run_free(&run);
}

static void it_runs_without_root(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip(); /* then every other test has shown it */
    }
    world_stop(hostile);
    world_give_up_root(&world, hostile);
    world_start(&world, hostile);
    world_configure(&world, hostile);
    hostile_agents_get_nothing(NULL);
}

static int open_world(void **state)
{
    (void)state;
    world_open(&world);
    echo = world_add(&world, "echo", getenv("CMAW_TEST_HOSTILE"), "echo", false);
    hostile = world_add(&world, "hostile", getenv("CMAW_TEST_HOSTILE"), NULL, false);
    proto = world_add(&world, "proto", getenv("CMAW_TEST_PROTO"), NULL, true);
    world_manifest(&world);
    for (uint32_t i = 0; i < world.node_count; i++) {
        world_start(&world, &world.nodes[i]);
    }
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    world_close(&world);
    return 0;
}

int main(void)
{
    /* in the order of an enclave's life: each test leaves the world to the next */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_enclave_does_nothing_but_describe_itself),
        cmocka_unit_test(a_refused_manifest_locks_nothing),
        cmocka_unit_test(wrong_credentials_are_reported_and_may_be_retried),
        cmocka_unit_test(birth_gives_a_bundle_that_verifies),
        cmocka_unit_test(only_what_was_born_here_configures),
        cmocka_unit_test(a_key_made_by_encrypt_is_refused),
        cmocka_unit_test(credentials_alone_open_nothing),
        cmocka_unit_test(a_configured_enclave_is_closed),
        cmocka_unit_test(attestation_has_the_callers_nonce),
        cmocka_unit_test(states_of_every_size_go_through),
        cmocka_unit_test(ports_of_a_proto_agent_are_edges),
        cmocka_unit_test(what_is_not_of_this_run_is_denied),
        cmocka_unit_test(every_flipped_byte_of_a_state_is_denied),
        cmocka_unit_test(an_expired_ticket_is_refused),
        cmocka_unit_test(hostile_agents_get_nothing),
        cmocka_unit_test(failures_come_sealed),
        cmocka_unit_test(the_seed_is_of_run_and_step),
        cmocka_unit_test(frames_that_are_none_end_the_connection),
        cmocka_unit_test(parallel_steps_stay_small),
        cmocka_unit_test(memory_tells_no_lengths),
        cmocka_unit_test(more_steps_than_agents_wait_their_turn),
        cmocka_unit_test(the_nsm_simulator_may_restart),
        cmocka_unit_test(a_terminated_enclave_ends_cleanly),
        cmocka_unit_test(an_enclave_comes_back_with_its_key),
        cmocka_unit_test(it_runs_without_root),
    };
    return cmocka_run_group_tests_name("enclave_run", tests, open_world, close_world);
}
