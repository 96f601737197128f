#include "tests/enclave/cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct world world;
struct node *echo;
struct node *hostile;
struct node *proto;
uint8_t large_content[CONTENT_SIZE];

const char *code_of(const struct node *node, const struct cmaw_request *request)
{
    CMAW_BUF_AUTO(answer, CMAW_FRAME_MAX);
    struct cmaw_response response;
    const int fd = node_connect(node);
    node_call(fd, request, &answer, &response);
    close(fd);
    return cmaw_code_name(response.code);
}

uint32_t state_of(const struct node *node)
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

void run_make(struct run *run, const struct node *node, uint64_t expires_ms, uint32_t timeout_s, uint32_t size_class)
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

void run_input(struct run *run, uint32_t edge, struct cmaw_slice content)
{
    const struct cmaw_agent_state state = {.content_type = CMAW_SLICE_LIT("text/plain"), .content = content};
    struct cmaw_sealed sealed;
    struct cmaw_buf *buf = &run->inputs[edge - 1];
    *buf = CMAW_BUF(CMAW_FRAME_MAX);
    assert_int_equal(cmaw_run_seal_input(&run->run, edge, &state, buf, &sealed), CMAW_OK);
    run->request.step.inputs[run->request.step.input_count++] = cmaw_buf_slice(buf);
}

void run_free(struct run *run)
{
    cmaw_buf_free(&run->plan);
    cmaw_new_run_free(&run->run);
    cmaw_buf_free(&run->inputs[0]);
    cmaw_buf_free(&run->inputs[1]);
}

struct run run_of(const struct node *node, struct cmaw_slice content)
{
    struct run run;
    run_make(&run, node, world_now_ms() + 60000, 20, 0);
    run_input(&run, 1, content);
    return run;
}

/* Opens output i of an answered step as the owner. */
void open_output(const struct run *run, const struct cmaw_step_response *answer, uint32_t i, uint32_t edge,
                        struct cmaw_opened *ret_opened)
{
    struct cmaw_state state;
    assert_int_equal(cmaw_state_parse(answer->states[i], &state), CMAW_OK);
    assert_int_equal(cmaw_state_open(&state, cmaw_plan_edge_at(&run->run.plan, edge), &run->run.run_id,
                                     cmaw_edge_secrets_of(&run->run.secrets, edge), ret_opened),
                     CMAW_OK);
}

void verify(const struct run *run, const struct cmaw_step_response *answer)
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
    if (cmaw_run_verify(&evidence, &world.deployment.manifest.mh, CMAW_DOC_SIGNED, &verified, &finding) != CMAW_OK) {
        fail_msg("verification: %s %s", finding.check, finding.text);
    }
    cmaw_verified_run_free(verified);
}

void step(const struct node *node, const struct run *run, struct cmaw_buf *buf, struct cmaw_response *ret_response)
{
    const int fd = node_connect(node);
    node_call(fd, &run->request, buf, ret_response);
    close(fd);
}

const char *step_code(const struct node *node, const struct run *run)
{
    return code_of(node, &run->request);
}
