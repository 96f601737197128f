#include <stdio.h>

#include "client/proof/subject.h"
#include "client/verbs.h"
#include "lib/base/text.h"

struct evidence_args {
    struct cmaw_settings settings;
    const char *output;
    struct cmaw_words disclose;
};

static enum cmaw_err print_how(const struct evidence_args *args, const struct cmaw_subject *subject)
{
    const uint32_t count = subject->outcome->run->unsigned_count;
    char mh[2 * CMAW_HASH_SIZE + 1];
    CMAW_TRY(cmaw_hex_to_cstr(cmaw_bytes32_slice(&subject->record.mh), mh, sizeof mh));
    if (args->settings.json) {
        CMAW_JSON_AUTO(json);
        json = json_object();
        CMAW_REQUIRE(json != NULL, CMAW_E_NO_MEMORY);
        CMAW_TRY(cmaw_json_set_hex(json, "run_id", cmaw_bytes32_slice(&subject->record.run_id)));
        CMAW_TRY(cmaw_json_set_text(json, "manifest", mh));
        CMAW_TRY(cmaw_json_set_text(json, "file", args->output));
        if (count > 0) {
            CMAW_TRY(cmaw_json_set_u64(json, CMAW_UNSIGNED_KEY, count));
        }
        return cmaw_json_print(json);
    }
    (void)printf("%s: evidence of run %s\nanyone can check it: cmaw-verify %s --manifest-hash %s%s\n", args->output, subject->record.workflow_id, args->output, mh,
                 count > 0 ? " " CMAW_UNSIGNED_SWITCH "\nINSECURE: " CMAW_UNSIGNED_NOTE : "");
    return CMAW_OK;
}

static enum cmaw_err evidence(const struct evidence_args *args, const char *run, struct cmaw_diag *diag)
{
    CMAW_SUBJECT_AUTO(subject);
    CMAW_TRY(cmaw_subject_fetch(&args->settings, run, &subject, diag));
    CMAW_TRY(cmaw_subject_verify(subject, diag));
    CMAW_TRY(cmaw_evidence_write(subject, &args->disclose, args->output, diag));
    return print_how(args, subject);
}

enum cmaw_err cmaw_command_evidence(int argc, char **argv, struct cmaw_diag *diag)
{
    struct evidence_args args = {0};
    const struct cmaw_option options[] = {
        {"output", "FILE", "where to write the evidence", &args.output, NULL, NULL, 'o'},
        {"disclose", "EDGE", "put what was on that edge into it, in clear; repeat", NULL, &args.disclose, NULL},
        CMAW_OPTION_UNSIGNED(args.settings.accept_unsigned),
        CMAW_OPTION_END};
    const struct cmaw_option common[] = {CMAW_OPTION_TEMPORAL(args.settings), CMAW_OPTION_STORE(args.settings), CMAW_OPTION_DIR(args.settings),
                                         CMAW_OPTION_JSON(args.settings), CMAW_OPTION_END};
    const struct cmaw_usage usage = {
        .verb = "evidence", .words = "RUN", .min_words = 1, .max_words = 1, .options = options, .common = common,
        .example = "cmaw evidence last -o run.evidence --disclose decision",
        .summary = "Verifies a finished run and writes what an auditor needs to do the same with cmaw-verify, offline and without secrets: manifest,\n"
                   "plan, attestation documents, receipts, sealed states. It shows nothing of the content but what --disclose names."};
    struct cmaw_words words;
    bool help;
    CMAW_TRY(cmaw_options_parse(&usage, argc, argv, &words, &help, diag));
    CMAW_REQUIRE(!help, CMAW_OK);
    if (args.output == NULL) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "evidence: missing -o FILE");
    }
    return evidence(&args, words.items[0], diag);
}
