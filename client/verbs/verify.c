#include <stdio.h>

#include "client/proof/subject.h"
#include "client/run/duration.h"
#include "client/verbs.h"
#include "lib/base/text.h"

enum { WAIT_MS = 900 * 1000 };

struct verify_args {
    struct cmaw_settings settings;
    const char *evidence;
    struct cmaw_words disclose;
    const char *cloudtrail;
    struct cmaw_aws_options aws;
    const char *wait;
    uint64_t wait_ms;
};

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

static enum cmaw_err prove(const struct verify_args *args, const struct cmaw_subject *subject, json_t *json, enum cmaw_err *ret_verdict,
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

static enum cmaw_err begin(const struct cmaw_subject *subject, json_t *json)
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

static enum cmaw_err judge(const struct verify_args *args, const struct cmaw_subject *subject, struct cmaw_diag *diag)
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
        CMAW_TRY(cmaw_evidence_write(subject, &args->disclose, args->evidence, diag));
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
    CMAW_SUBJECT_AUTO(subject);
    CMAW_TRY(cmaw_subject_fetch(&args->settings, name, &subject, diag));
    const enum cmaw_err err = cmaw_subject_verify(subject, diag);
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
