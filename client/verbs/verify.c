#include <stdio.h>

#include "client/proof/subject.h"
#include "client/proof/terms.h"
#include "client/report/report.h"
#include "client/run/duration.h"
#include "client/verbs.h"
#include "lib/base/text.h"

enum { WAIT_MS = 900 * 1000, FORBIDDEN_FILE_MAX = 1024 * 1024, PROOFS = 3 };

struct verify_args {
    struct cmaw_settings settings;
    const char *evidence;
    const char *report;
    const char *forbid;
    struct cmaw_buf forbidden; /* its content */
    struct cmaw_words disclose;
    const char *cloudtrail;
    struct cmaw_aws_options aws;
    const char *wait;
    uint64_t wait_ms;
};

static const char *verdict_of(const struct cmaw_proof *proof)
{
    return proof->pass ? "pass" : proof->incomplete ? "incomplete" : "fail";
}

static enum cmaw_err print_proof(const struct cmaw_proof *proof, json_t *json)
{
    CMAW_TRY(proof->text.err);
    if (json == NULL) {
        (void)printf("\n%s %s: %s\n%.*s", proof->pass ? "PASS" : proof->incomplete ? "INCOMPLETE" : "FAIL", proof->name, proof->summary, (int)proof->text.size,
                     (const char *)proof->text.data);
        (void)fflush(stdout);
        return CMAW_OK;
    }
    json_t *entry = json_incref(proof->json);
    CMAW_TRY(cmaw_json_set(json, proof->name, entry));
    CMAW_TRY(cmaw_json_set(entry, "pass", json_boolean(proof->pass)));
    CMAW_TRY(cmaw_json_set_text(entry, "verdict", verdict_of(proof)));
    return cmaw_json_set_text(entry, "summary", proof->summary);
}

/* OK, INCOMPLETE or DENIED, without a text. */
static enum cmaw_err verdict(const struct cmaw_proof proofs[PROOFS])
{
    enum cmaw_err err = CMAW_OK;
    for (size_t i = 0; i < PROOFS; i++) {
        if (!proofs[i].pass && err != CMAW_E_DENIED) {
            err = proofs[i].incomplete ? CMAW_E_INCOMPLETE : CMAW_E_DENIED;
        }
    }
    return err;
}

static enum cmaw_err prove(const struct verify_args *args, const struct cmaw_subject *subject, json_t *json, struct cmaw_proof proofs[PROOFS],
                           struct cmaw_diag *diag)
{
    const struct cmaw_auditor_settings auditor = {.endpoint = args->cloudtrail, .stack = subject->stack, .aws = &args->aws};
    const struct cmaw_forbidden forbidden = {args->forbid, cmaw_buf_slice(&args->forbidden)};
    CMAW_TRY(cmaw_prove_confidentiality(subject->outcome, subject->plaintexts, cmaw_buf_slice(&subject->history), subject->stack, &forbidden, &proofs[0], diag));
    CMAW_TRY(print_proof(&proofs[0], json));
    CMAW_TRY(cmaw_prove_attestation(subject->outcome, &auditor, args->wait_ms, &proofs[1], diag));
    CMAW_TRY(print_proof(&proofs[1], json));
    CMAW_TRY(cmaw_prove_integrity(subject->outcome, subject->plaintexts, &proofs[2], diag));
    return print_proof(&proofs[2], json);
}

/* A run that does not verify: what its parts say proves nothing, so nothing else is looked at. */
static enum cmaw_err refute(const struct cmaw_diag *diag, json_t *json, struct cmaw_proof proofs[PROOFS])
{
    for (size_t i = 0; i < PROOFS - 1; i++) {
        proofs[i].incomplete = true;
        (void)snprintf(proofs[i].summary, sizeof proofs[i].summary, "not looked at, because the run does not verify");
    }
    (void)snprintf(proofs[PROOFS - 1].summary, sizeof proofs[PROOFS - 1].summary, "%.250s", diag->text);
    for (size_t i = 0; i < PROOFS; i++) {
        CMAW_TRY(print_proof(&proofs[i], json));
    }
    return CMAW_OK;
}

/* Whether what is said rests on unsigned documents. Of a run that does not verify they are not counted: the switch is enough. */
static bool is_insecure(const struct cmaw_subject *subject)
{
    return subject->outcome != NULL ? subject->outcome->run->unsigned_count > 0 : cmaw_store_trust(subject->store) == CMAW_DOC_UNSIGNED_QEMU_TOO;
}

/* Writes the evidence, the report, or both. */
static enum cmaw_err write_files(const struct verify_args *args, const struct cmaw_subject *subject, const struct cmaw_proof proofs[PROOFS],
                                 struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(evidence, CMAW_EVIDENCE_MAX);
    if (subject->outcome != NULL) {
        CMAW_TRY(cmaw_evidence_bytes(subject, &args->disclose, &evidence, diag));
    }
    if (args->evidence != NULL && subject->outcome != NULL) {
        CMAW_TRY(cmaw_file_write(args->evidence, cmaw_buf_slice(&evidence), 0600, diag));
    }
    CMAW_REQUIRE(args->report != NULL, CMAW_OK);
    CMAW_PINNED_AUTO(pinned);
    CMAW_TRY(cmaw_pinned_load(subject->store, &subject->record.mh, &pinned, diag));
    const struct cmaw_report report = {.record = &subject->record, .manifest = &pinned.deployment->manifest,
                                       .run = subject->outcome == NULL ? NULL : subject->outcome->run, .proofs = proofs, .proof_count = PROOFS,
                                       .evidence = cmaw_buf_slice(&evidence), .disclosed = &args->disclose, .insecure = is_insecure(subject),
                                       .made_ms = cmaw_wall_clock_ms()};
    CMAW_BUF_AUTO(page, CMAW_REPORT_MAX);
    CMAW_TRY(cmaw_report_write(&report, &page));
    return cmaw_file_write(args->report, cmaw_buf_slice(&page), 0600, diag);
}

/* With unsigned documents the three words PASS do not stand alone. */
static enum cmaw_err begin_unsigned(const struct cmaw_subject *subject, json_t *json)
{
    CMAW_REQUIRE(is_insecure(subject), CMAW_OK);
    if (json != NULL) {
        return subject->outcome == NULL ? cmaw_json_set(json, CMAW_UNSIGNED_KEY, json_null())
                                        : cmaw_json_set_u64(json, CMAW_UNSIGNED_KEY, subject->outcome->run->unsigned_count);
    }
    (void)printf("INSECURE: " CMAW_UNSIGNED_NOTE "\n");
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
        return begin_unsigned(subject, json);
    }
    CMAW_TRY(cmaw_json_set_text(json, "run_id", run));
    CMAW_TRY(cmaw_json_set_text(json, "workflow_id", subject->record.workflow_id));
    CMAW_TRY(cmaw_json_set_text(json, "manifest", mh));
    return begin_unsigned(subject, json);
}

static enum cmaw_err conclude(const struct cmaw_subject *subject, const struct cmaw_proof proofs[PROOFS], json_t *json, struct cmaw_diag *diag)
{
    const enum cmaw_err result = verdict(proofs);
    if (json != NULL) {
        CMAW_TRY(cmaw_json_set(json, "pass", json_boolean(result == CMAW_OK)));
        CMAW_TRY(cmaw_json_print(json));
    }
    if (result == CMAW_E_INCOMPLETE && proofs[1].incomplete) {
        cmaw_diag_hint(diag, "verify again later, or with --wait SECONDS; CloudTrail tells up to 15 minutes late");
    }
    return result == CMAW_OK ? CMAW_OK
                             : cmaw_diag_set(diag, result, "%s for run %s", result == CMAW_E_INCOMPLETE ? "a proof is not complete" : "not every proof holds",
                                             subject->record.workflow_id);
}

/* refuted: the run does not verify, as diag says. */
static enum cmaw_err judge(const struct verify_args *args, const struct cmaw_subject *subject, bool refuted, json_t *json, struct cmaw_proof proofs[PROOFS],
                           struct cmaw_diag *diag)
{
    static const char *const names[PROOFS] = {"confidentiality", "attestation", "integrity"};
    for (size_t i = 0; i < PROOFS; i++) {
        CMAW_TRY(cmaw_proof_new(names[i], &proofs[i]));
    }
    CMAW_TRY(begin(subject, json));
    CMAW_TRY(refuted ? refute(diag, json, proofs) : prove(args, subject, json, proofs, diag));
    struct cmaw_diag writing = {0};
    const enum cmaw_err err = write_files(args, subject, proofs, &writing);
    if (err != CMAW_OK) {
        *diag = writing;
        return err;
    }
    if (!refuted) {
        return conclude(subject, proofs, json, diag);
    }
    if (json != NULL) {
        CMAW_TRY(cmaw_json_set(json, "pass", json_false()));
        CMAW_TRY(cmaw_json_print(json));
    }
    return CMAW_E_AUTH;
}

static enum cmaw_err read_forbidden(struct verify_args *args, struct cmaw_diag *diag)
{
    args->forbidden = CMAW_BUF(FORBIDDEN_FILE_MAX);
    CMAW_REQUIRE(args->forbid != NULL, CMAW_OK);
    CMAW_TRY(cmaw_file_read(args->forbid, &args->forbidden, diag));
    CMAW_TERMS_AUTO(terms);
    size_t count = 0;
    CMAW_TRY(cmaw_terms_new(&terms));
    CMAW_TRY(cmaw_terms_add_forbidden(terms, args->forbid, cmaw_buf_slice(&args->forbidden), &count, diag));
    return count > 0 ? CMAW_OK : cmaw_diag_set(diag, CMAW_E_MALFORMED, "%s has no term", args->forbid);
}

static enum cmaw_err verify(struct verify_args *args, const char *name, struct cmaw_diag *diag)
{
    CMAW_SUBJECT_AUTO(subject);
    CMAW_TRY(read_forbidden(args, diag));
    CMAW_TRY(cmaw_subject_fetch(&args->settings, name, &subject, diag));
    const enum cmaw_err err = cmaw_subject_verify(subject, diag);
    const bool refuted = err == CMAW_E_AUTH || err == CMAW_E_MALFORMED;
    CMAW_REQUIRE(err == CMAW_OK || refuted, err);
    if (refuted) {
        cmaw_outcome_free(&subject->outcome); /* of a run that verifies only without what the history holds */
    }
    CMAW_JSON_AUTO(json);
    if (args->settings.json) {
        json = json_object();
        CMAW_REQUIRE(json != NULL, CMAW_E_NO_MEMORY);
    }
    struct cmaw_proof proofs[PROOFS] = {0};
    const enum cmaw_err result = judge(args, subject, refuted, json, proofs, diag);
    for (size_t i = 0; i < PROOFS; i++) {
        cmaw_proof_free(&proofs[i]);
    }
    return result;
}

enum cmaw_err cmaw_command_verify(int argc, char **argv, struct cmaw_diag *diag)
{
    struct verify_args args = {0};
    const struct cmaw_option options[] = {
        {"evidence", "FILE", "write what cmaw-verify and anyone else needs to check the run", &args.evidence, NULL, NULL},
        {"report", "FILE.html", "write the proofs as one page for people, with the evidence in it", &args.report, NULL, NULL},
        {"forbid", "FILE", "terms of your own that must be nowhere, one a line", &args.forbid, NULL, NULL},
        {"disclose", "EDGE", "put what was on that edge into the evidence, in clear; repeat", NULL, &args.disclose, NULL},
        {"cloudtrail-endpoint", "URL", "ask this CloudTrail, not the stack's or the region's", &args.cloudtrail, NULL, NULL},
        {"wait", "SECONDS", "how long to wait for late events of CloudTrail (900)", &args.wait, NULL, NULL},
        CMAW_OPTION_UNSIGNED(args.settings.accept_unsigned),
        CMAW_AWS_OPTIONS(args.aws),
        CMAW_OPTION_END};
    const struct cmaw_option common[] = {CMAW_OPTION_TEMPORAL(args.settings), CMAW_OPTION_STORE(args.settings), CMAW_OPTION_DIR(args.settings),
                                         CMAW_OPTION_JSON(args.settings), CMAW_OPTION_END};
    const struct cmaw_usage usage = {
        .verb = "verify", .words = "RUN", .min_words = 1, .max_words = 1, .options = options, .common = common,
        .example = "cmaw verify last --report run.html",
        .summary = "Proves three things of a finished run and says what it looked at: no word of it is in Temporal's history and database or\n"
                   "in a log; KMS released the keys to the measured enclaves only; every step was done by an enclave of its role on exactly\n"
                   "the states of this run. What KMS did is asked of CloudTrail, as the local stack's auditor or with your AWS credentials, at the endpoint of\n"
                   "the keys' region or AWS_ENDPOINT_URL_CLOUDTRAIL. Exit code 0: all three hold, 1: one does not, 4: something that must be\n"
                   "looked at was not there (the events yet, or the stack's database and logs), so it is not proven."};
    struct cmaw_words words;
    bool help;
    CMAW_TRY(cmaw_options_parse(&usage, argc, argv, &words, &help, diag));
    if (!help && args.disclose.count > 0 && args.evidence == NULL && args.report == NULL) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "--disclose needs --evidence FILE or --report FILE.html");
    }
    CMAW_REQUIRE(!help, CMAW_OK);
    args.wait_ms = WAIT_MS;
    if (args.wait != NULL) {
        CMAW_TRY(cmaw_duration_parse(args.wait, "wait", &args.wait_ms, diag));
    }
    const enum cmaw_err err = verify(&args, words.items[0], diag);
    cmaw_buf_free(&args.forbidden);
    return err;
}
