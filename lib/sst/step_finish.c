/* Points 8 and 9 of PROTOCOL.md section 7, and the failure state. */
#include "lib/sst/failure.h"
#include "lib/sst/step.h"

/* All states of one answer: the ciphertexts, and for each a header of at most its limit. */
enum { STATES_MAX = CMAW_SUM_MAX + CMAW_EDGES_MAX * (CMAW_STATE_HEADER_MAX + 64), HEADER_WITHOUT_PARENTS = 96, PARENT_SIZE = 34 };

void cmaw_step_result_free(struct cmaw_step_result *result)
{
    if (result != NULL) {
        cmaw_buf_free(&result->states);
        cmaw_buf_free(&result->receipt);
        *result = (struct cmaw_step_result){0};
    }
}

static enum cmaw_code code_of_seal(enum cmaw_err err)
{
    switch (err) {
    case CMAW_OK:
        return CMAW_CODE_OK;
    case CMAW_E_TOO_LARGE:
        return CMAW_CODE_TOO_LARGE;
    case CMAW_E_MALFORMED: /* what the agent gave breaks a limit of AgentState */
        return CMAW_CODE_AGENT_FAILED;
    default:
        return CMAW_CODE_INTERNAL;
    }
}

/* An answer on its way. */
struct finishing {
    const struct cmaw_step *step;
    const struct cmaw_step_signer *signer;
    struct cmaw_step_result *result;
    enum cmaw_state_kind kind;
    struct cmaw_bytes32 parents[CMAW_EDGES_MAX]; /* digests of the inputs */
    struct cmaw_receipt receipt;
    size_t ends[CMAW_EDGES_MAX]; /* of the states in result->states */
};

static void begin(struct finishing *f, const struct cmaw_step *step, enum cmaw_state_kind kind,
    const struct cmaw_step_signer *signer, struct cmaw_step_result *result)
{
    f->step = step;
    f->signer = signer;
    f->result = result;
    f->kind = kind;
    f->receipt.input_count = step->input_count;
    f->receipt.output_count = 0;
    result->states = CMAW_BUF(STATES_MAX);
    result->receipt = CMAW_BUF(CMAW_RECEIPT_MAX);
    result->state_count = 0;
    for (uint32_t i = 0; i < step->input_count; i++) {
        const struct cmaw_step_input *input = &step->inputs[i];
        f->parents[i] = input->digest;
        f->receipt.edges[i] = (struct cmaw_receipt_edge){input->edge->id, input->digest, input->opened.commit};
    }
}

/* Room for all states at once, so that the buffer does not move while it fills; and their sum, before anything is sealed. */
static enum cmaw_err reserve(struct finishing *f, const struct cmaw_agent_state *outputs, uint32_t count)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct cmaw_plan_edge *edge = f->step->outputs[i];
        CMAW_TRY(cmaw_agent_state_check_content(&outputs[i]));
        const uint32_t smallest = cmaw_class_for(cmaw_agent_state_sealed_size(&outputs[i]));
        const uint32_t size_class = edge->size_class != 0 ? edge->size_class : smallest;
        sum += cmaw_class_ciphertext_size(size_class);
    }
    CMAW_REQUIRE(sum <= CMAW_SUM_MAX, CMAW_E_TOO_LARGE);
    const size_t headers = (size_t)count * (HEADER_WITHOUT_PARENTS + (size_t)f->step->input_count * PARENT_SIZE);
    return cmaw_buf_reserve(&f->result->states, (size_t)sum + headers);
}

static enum cmaw_err seal_output(struct finishing *f, const struct cmaw_plan_edge *edge, const struct cmaw_agent_state *content)
{
    const struct cmaw_state_seal what = {
        .edge = edge,
        .run_id = &f->step->run_id,
        .secret = cmaw_edge_secrets_of(&f->step->secrets, edge->id),
        .kind = f->kind,
        .parents = f->parents,
        .parent_count = f->step->input_count,
        .content = content,
    };
    struct cmaw_sealed sealed;
    CMAW_TRY(cmaw_state_seal(&what, &f->result->states, &sealed));
    f->receipt.edges[f->receipt.input_count + f->receipt.output_count++] =
        (struct cmaw_receipt_edge){edge->id, sealed.digest, sealed.commit};
    f->ends[f->result->state_count++] = f->result->states.size;
    return CMAW_OK;
}

/* Signs the receipt, and points the result's slices at the states. */
static enum cmaw_err sign(struct finishing *f)
{
    const struct cmaw_step *step = f->step;
    struct cmaw_receipt *receipt = &f->receipt;
    receipt->run = step->run_id;
    receipt->step = step->step->id;
    receipt->role = step->self->role->id;
    receipt->attempt = step->attempt;
    receipt->kind = f->kind;
    receipt->started_ms = f->signer->started_ms;
    /* a document that renews the time may set it back a little */
    receipt->finished_ms = f->signer->finished_ms < receipt->started_ms ? receipt->started_ms : f->signer->finished_ms;
    CMAW_TRY(cmaw_ak_doc_hash(f->signer->ak_doc, &receipt->ak_doc));
    CMAW_TRY(cmaw_receipt_make(receipt, step->self->manifest->tenant, step->self->role->name, f->signer->ak,
        &f->result->receipt));
    size_t start = 0;
    for (uint32_t i = 0; i < f->result->state_count; i++) {
        f->result->state[i] = cmaw_slice_sub(cmaw_buf_slice(&f->result->states), start, f->ends[i] - start);
        start = f->ends[i];
    }
    return CMAW_OK;
}

static enum cmaw_err finish(struct finishing *f, const struct cmaw_agent_state *outputs, uint32_t count)
{
    CMAW_TRY(reserve(f, outputs, count));
    for (uint32_t i = 0; i < count; i++) {
        CMAW_TRY(seal_output(f, f->step->outputs[i], &outputs[i]));
    }
    return sign(f);
}

enum cmaw_code cmaw_step_finish(const struct cmaw_step *step, const struct cmaw_agent_state *outputs, uint32_t count,
    const struct cmaw_step_signer *signer, struct cmaw_step_result *ret_result)
{
    if (count != step->output_count) {
        return CMAW_CODE_AGENT_FAILED;
    }
    struct finishing f;
    begin(&f, step, CMAW_STATE_DATA, signer, ret_result);
    const enum cmaw_code code = code_of_seal(finish(&f, outputs, count));
    if (code != CMAW_CODE_OK) {
        cmaw_step_result_free(ret_result);
    }
    return code;
}

/* The longest error text that this edge holds. The AgentState grows by at most what the content does, so one cut is enough. */
static void cut_to_class(struct cmaw_agent_state *content, const struct cmaw_plan_edge *edge)
{
    const size_t room = cmaw_class_size(edge->size_class == 0 ? CMAW_SIZE_CLASSES : edge->size_class) - sizeof(uint32_t);
    const size_t size = cmaw_agent_state_sealed_size(content);
    if (size > room) {
        content->content = cmaw_slice_sub(content->content, 0, content->content.size - (size - room));
    }
}

enum cmaw_err cmaw_step_fail(const struct cmaw_step *step, enum cmaw_code code, struct cmaw_slice error_output,
    const struct cmaw_step_signer *signer, struct cmaw_step_result *ret_result)
{
    CMAW_REQUIRE(code == CMAW_CODE_AGENT_FAILED || code == CMAW_CODE_AGENT_TIMEOUT, CMAW_E_BUG);
    CMAW_BUF_AUTO(text, CMAW_FAILURE_TEXT_MAX + 64);
    const size_t kept = error_output.size < CMAW_FAILURE_TEXT_MAX ? error_output.size : CMAW_FAILURE_TEXT_MAX;
    cmaw_buf_put_cstr(&text, cmaw_code_name(code));
    cmaw_buf_put_u8(&text, '\n');
    cmaw_buf_put(&text, cmaw_slice_sub(error_output, 0, kept));
    CMAW_TRY(cmaw_buf_err(&text));
    struct cmaw_agent_state content = {
        .content_type = CMAW_SLICE_LIT(CMAW_FAILURE_CONTENT_TYPE),
        .content = cmaw_buf_slice(&text),
    };
    cut_to_class(&content, step->outputs[0]);

    struct finishing f;
    begin(&f, step, CMAW_STATE_FAILURE, signer, ret_result);
    const enum cmaw_err err = finish(&f, &content, 1);
    if (err != CMAW_OK) {
        cmaw_step_result_free(ret_result);
    }
    return err;
}
