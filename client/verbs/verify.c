#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/proof/proof.h"
#include "client/run/duration.h"
#include "client/run/follow.h"
#include "client/store/passphrase.h"
#include "client/verbs.h"
#include "host/temporal/history.h"
#include "lib/base/text.h"

enum { HISTORY_MAX = 64 * 1024 * 1024, WAIT_MS = 900 * 1000 };

struct verify_args {
    struct cmaw_settings settings;
    const char *evidence;
    struct cmaw_words disclose;
    const char *cloudtrail;
    struct cmaw_aws_options aws;
    const char *wait;
    uint64_t wait_ms;
};

/* Everything that the proofs look at. */
struct subject {
    struct cmaw_store *store;
    struct cmaw_run_record record;
    struct cmaw_buf history;
    struct cmaw_buf states; /* of internal edges, from the history */
    struct cmaw_found_states found;
    struct cmaw_outcome *outcome;
    struct cmaw_plaintexts *plaintexts;
    struct cmaw_stack *stack; /* NULL: the server is elsewhere */
};

static void free_subject(struct subject **subject)
{
    if (*subject != NULL) {
        cmaw_plaintexts_free(&(*subject)->plaintexts);
        cmaw_outcome_free(&(*subject)->outcome);
        cmaw_run_record_free(&(*subject)->record);
        cmaw_buf_free(&(*subject)->history);
        cmaw_buf_free(&(*subject)->states);
        cmaw_stack_free(&(*subject)->stack);
        cmaw_store_close(&(*subject)->store);
        free(*subject);
        *subject = NULL;
    }
}

static enum cmaw_err load_stack(const struct cmaw_settings *settings, const struct cmaw_temporal_place *place, struct subject *subject)
{
    char dir[CMAW_PATH_MAX];
    char address[CMAW_HOST_PORT_SIZE];
    struct cmaw_diag none = {0};
    CMAW_STACK_AUTO(stack);
    if (cmaw_settings_dir(settings, dir, &none) != CMAW_OK || cmaw_stack_load(dir, &stack, &none) != CMAW_OK) {
        return CMAW_OK;
    }
    cmaw_stack_host_port(stack, CMAW_PORT_TEMPORAL, address);
    if (strcmp(address, place->address) == 0) {
        subject->stack = stack;
        stack = NULL;
    }
    return CMAW_OK;
}

static enum cmaw_err fetch(const struct verify_args *args, const char *name, struct subject *subject, struct cmaw_diag *diag)
{
    struct cmaw_temporal_place place;
    CMAW_TEMPORAL_AUTO(temporal);
    CMAW_TRY(cmaw_store_open_unlocked(&args->settings, &subject->store, diag));
    CMAW_TRY(cmaw_store_find_run(subject->store, name, &subject->record, diag));
    CMAW_TRY(cmaw_temporal_place(&args->settings, &subject->record, &place, diag));
    CMAW_TRY(cmaw_temporal_reach(&place, &temporal, diag));
    CMAW_TRY(cmaw_run_follow(subject->store, temporal, &subject->record, 0, diag));
    if (subject->record.status != CMAW_RUN_COMPLETED) {
        return cmaw_failure_report(subject->store, &subject->record, false, diag);
    }
    subject->history = CMAW_BUF(HISTORY_MAX);
    CMAW_TRY(cmaw_temporal_history_fetch(temporal, subject->record.workflow_id, &subject->history, diag));
    return load_stack(&args->settings, &place, subject);
}

/* Verifies the run, then once more with the states of internal edges that the history holds. */
static enum cmaw_err verify_run(struct subject *subject, struct cmaw_diag *diag)
{
    CMAW_TRY(cmaw_outcome_verify(subject->store, &subject->record, NULL, &subject->outcome, diag));
    subject->states = CMAW_BUF(HISTORY_MAX);
    CMAW_TRY(cmaw_history_states(cmaw_buf_slice(&subject->history), subject->outcome->run, &subject->states, &subject->found, diag));
    cmaw_outcome_free(&subject->outcome);
    CMAW_TRY(cmaw_outcome_verify(subject->store, &subject->record, &subject->found, &subject->outcome, diag));
    return cmaw_plaintexts_open(subject->outcome, &subject->plaintexts, diag);
}

static enum cmaw_err print_proof(const struct cmaw_proof *proof, json_t *json)
{
    CMAW_TRY(proof->text.err);
    if (json == NULL) {
        (void)printf("\n%s %s: %s\n%.*s", proof->pass ? "PASS" : proof->incomplete ? "INCOMPLETE" : "FAIL", proof->name, proof->summary, (int)proof->text.size,
                     (const char *)proof->text.data);
        return CMAW_OK;
    }
    json_t *entry = json_incref(proof->json);
    CMAW_TRY(cmaw_json_set(json, proof->name, entry));
    CMAW_TRY(cmaw_json_set(entry, "pass", json_boolean(proof->pass)));
    CMAW_TRY(cmaw_json_set_text(entry, "verdict", proof->pass ? "pass" : proof->incomplete ? "incomplete" : "fail"));
    return cmaw_json_set_text(entry, "summary", proof->summary);
}

/* OK, INCOMPLETE or DENIED, without a text. */
static enum cmaw_err verdict(const struct cmaw_proof *const *proofs, size_t count)
{
    enum cmaw_err err = CMAW_OK;
    for (size_t i = 0; i < count; i++) {
        if (!proofs[i]->pass && err != CMAW_E_DENIED) {
            err = proofs[i]->incomplete ? CMAW_E_INCOMPLETE : CMAW_E_DENIED;
        }
    }
    return err;
}

static enum cmaw_err prove(const struct verify_args *args, const struct subject *subject, json_t *json, enum cmaw_err *ret_verdict,
                           struct cmaw_diag *diag)
{
    const struct cmaw_auditor_settings auditor = {.endpoint = args->cloudtrail, .stack = subject->stack, .aws = &args->aws};
    CMAW_PROOF_AUTO(first);
    CMAW_PROOF_AUTO(second);
    CMAW_PROOF_AUTO(third);
    CMAW_TRY(cmaw_proof_new("confidentiality", &first));
    CMAW_TRY(cmaw_proof_new("attestation", &second));
    CMAW_TRY(cmaw_proof_new("integrity", &third));
    CMAW_TRY(cmaw_prove_confidentiality(subject->outcome, subject->plaintexts, cmaw_buf_slice(&subject->history), subject->stack, &first, diag));
    CMAW_TRY(print_proof(&first, json));
    CMAW_TRY(cmaw_prove_attestation(subject->outcome, &auditor, args->wait_ms, &second, diag));
    CMAW_TRY(print_proof(&second, json));
    CMAW_TRY(cmaw_prove_integrity(subject->outcome, subject->plaintexts, &third, diag));
    CMAW_TRY(print_proof(&third, json));
    *ret_verdict = verdict((const struct cmaw_proof *const[]){&first, &second, &third}, 3);
    return CMAW_OK;
}

/* Adds what is on an edge, in clear, to the evidence; bufs keeps the bytes. */
static enum cmaw_err disclose(const struct subject *subject, uint32_t edge, struct cmaw_evidence *evidence, struct cmaw_buf *buf)
{
    *buf = CMAW_BUF(CMAW_CLASS_MAX_SIZE);
    cmaw_agent_state_encode(&subject->plaintexts->opened[edge - 1].content, buf);
    CMAW_TRY(buf->err);
    evidence->disclosures[evidence->disclosure_count++] = (struct cmaw_disclosure){.edge = edge, .agent_state = cmaw_buf_slice(buf)};
    return CMAW_OK;
}

static bool is_named(const struct cmaw_plan_edge *edge, const struct cmaw_words *names, bool *used)
{
    bool found = false;
    for (size_t i = 0; i < names->count; i++) {
        if (cmaw_slice_eq_cstr(edge->name, names->items[i])) {
            used[i] = true;
            found = true;
        }
    }
    return found;
}

static enum cmaw_err fill_evidence(const struct verify_args *args, const struct subject *subject, struct cmaw_evidence *evidence,
                                   struct cmaw_buf *bufs, struct cmaw_diag *diag)
{
    bool used[CMAW_WORDS_MAX] = {false};
    const struct cmaw_plan *plan = &subject->outcome->run->plan;
    for (uint32_t edge = 1; edge <= plan->edge_count; edge++) {
        if (is_named(cmaw_plan_edge_at(plan, edge), &args->disclose, used)) {
            if ((subject->outcome->run->edges[edge - 1].bound & CMAW_BOUND_OPENED) == 0) {
                return cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "--disclose: the state of edge %u is not at hand", edge);
            }
            CMAW_TRY(disclose(subject, edge, evidence, &bufs[edge - 1]));
        }
    }
    for (size_t i = 0; i < args->disclose.count; i++) {
        if (!used[i]) {
            return cmaw_diag_set(diag, CMAW_E_USAGE, "--disclose %.80s: this workflow has no edge of that name", args->disclose.items[i]);
        }
    }
    return CMAW_OK;
}

static enum cmaw_err write_evidence(const struct verify_args *args, const struct subject *subject, struct cmaw_diag *diag)
{
    struct cmaw_evidence *evidence = calloc(1, sizeof *evidence);
    struct cmaw_buf *bufs = calloc(CMAW_EDGES_MAX, sizeof *bufs);
    enum cmaw_err err = CMAW_E_NO_MEMORY;
    if (evidence != NULL && bufs != NULL) {
        *evidence = subject->outcome->evidence;
        CMAW_BUF_AUTO(bytes, CMAW_EVIDENCE_MAX);
        err = fill_evidence(args, subject, evidence, bufs, diag);
        if (err == CMAW_OK) {
            cmaw_evidence_encode(evidence, &bytes);
            err = bytes.err != CMAW_OK ? bytes.err : cmaw_file_write(args->evidence, cmaw_buf_slice(&bytes), 0600, diag);
        }
    }
    for (size_t i = 0; bufs != NULL && i < CMAW_EDGES_MAX; i++) {
        cmaw_buf_free(&bufs[i]);
    }
    free(bufs);
    free(evidence);
    return err;
}

static enum cmaw_err begin(const struct subject *subject, json_t *json)
{
    char mh[2 * CMAW_HASH_SIZE + 1];
    char run[2 * CMAW_HASH_SIZE + 1];
    CMAW_TRY(cmaw_hex_to_cstr(cmaw_bytes32_slice(&subject->record.mh), mh, sizeof mh));
    CMAW_TRY(cmaw_hex_to_cstr(cmaw_bytes32_slice(&subject->record.run_id), run, sizeof run));
    if (json == NULL) {
        (void)printf("run %s of workflow %s\nunder manifest %s\n", run, subject->record.name, mh);
        return CMAW_OK;
    }
    CMAW_TRY(cmaw_json_set_text(json, "run_id", run));
    CMAW_TRY(cmaw_json_set_text(json, "workflow_id", subject->record.workflow_id));
    return cmaw_json_set_text(json, "manifest", mh);
}

static enum cmaw_err judge(const struct verify_args *args, const struct subject *subject, struct cmaw_diag *diag)
{
    CMAW_JSON_AUTO(json);
    if (args->settings.json) {
        json = json_object();
        CMAW_REQUIRE(json != NULL, CMAW_E_NO_MEMORY);
    }
    enum cmaw_err result = CMAW_OK;
    CMAW_TRY(begin(subject, json));
    CMAW_TRY(prove(args, subject, json, &result, diag));
    if (args->evidence != NULL) {
        CMAW_TRY(write_evidence(args, subject, diag));
    }
    if (json != NULL) {
        CMAW_TRY(cmaw_json_set(json, "pass", json_boolean(result == CMAW_OK)));
        CMAW_TRY(cmaw_json_print(json));
    }
    if (result == CMAW_E_INCOMPLETE) {
        cmaw_diag_hint(diag, "verify again later, or with --wait SECONDS; CloudTrail tells up to 15 minutes late");
    }
    return result == CMAW_OK ? CMAW_OK
                             : cmaw_diag_set(diag, result, "%s for run %s", result == CMAW_E_INCOMPLETE ? "the attestation proof is not complete" : "not every proof holds",
                                             subject->record.workflow_id);
}

static enum cmaw_err verify(const struct verify_args *args, const char *name, struct cmaw_diag *diag)
{
    [[gnu::cleanup(free_subject)]] struct subject *subject = calloc(1, sizeof *subject);
    CMAW_REQUIRE(subject != NULL, CMAW_E_NO_MEMORY);
    CMAW_TRY(fetch(args, name, subject, diag));
    const enum cmaw_err err = verify_run(subject, diag);
    if (err == CMAW_E_AUTH && !args->settings.json) {
        (void)printf("FAIL integrity: %s\n", diag->text);
    }
    CMAW_TRY(err);
    return judge(args, subject, diag);
}

enum cmaw_err cmaw_command_verify(int argc, char **argv, struct cmaw_diag *diag)
{
    struct verify_args args = {0};
    const struct cmaw_option options[] = {
        {"evidence", "FILE", "write what cmaw-verify and anyone else needs to check the run", &args.evidence, NULL, NULL},
        {"disclose", "EDGE", "put what was on that edge into the evidence, in clear; repeat", NULL, &args.disclose, NULL},
        {"cloudtrail-endpoint", "URL", "ask this CloudTrail, not the stack's or the region's", &args.cloudtrail, NULL, NULL},
        {"wait", "SECONDS", "how long to wait for late events of CloudTrail (900)", &args.wait, NULL, NULL},
        CMAW_AWS_OPTIONS(args.aws),
        CMAW_OPTION_END};
    const struct cmaw_option common[] = {CMAW_OPTION_TEMPORAL(args.settings), CMAW_OPTION_STORE(args.settings), CMAW_OPTION_DIR(args.settings),
                                         CMAW_OPTION_JSON(args.settings), CMAW_OPTION_END};
    const struct cmaw_usage usage = {
        .verb = "verify", .words = "RUN", .min_words = 1, .max_words = 1, .options = options, .common = common,
        .example = "cmaw verify last --evidence run.evidence",
        .summary = "Proves three things of a finished run and says what it looked at: no word of it is in Temporal's history and database or\n"
                   "in a log; KMS released the keys to the measured enclaves only; every step was done by an enclave of its role on exactly\n"
                   "the states of this run. What KMS did is asked of CloudTrail, as the local stack's auditor or with your AWS credentials, at the endpoint of\n"
                   "the keys' region or AWS_ENDPOINT_URL_CLOUDTRAIL. Exit code 0: all three hold, 1: one does not, 4: the events that must be there\n"
                   "were not, so nothing is proven yet."};
    struct cmaw_words words;
    bool help;
    CMAW_TRY(cmaw_options_parse(&usage, argc, argv, &words, &help, diag));
    if (!help && args.disclose.count > 0 && args.evidence == NULL) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "--disclose needs --evidence FILE");
    }
    CMAW_REQUIRE(!help, CMAW_OK);
    args.wait_ms = WAIT_MS;
    if (args.wait != NULL) {
        CMAW_TRY(cmaw_duration_parse(args.wait, "wait", &args.wait_ms, diag));
    }
    return verify(&args, words.items[0], diag);
}
