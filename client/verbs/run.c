#include "client/json.h"
#include "client/run/duration.h"
#include "client/run/follow.h"
#include "client/run/output.h"
#include "client/store/passphrase.h"
#include "client/verbs.h"

#include <stdio.h>

struct run_args {
    struct cmaw_settings settings;
    struct cmaw_words inputs;
    struct cmaw_words outputs;
    const char *content_type;
    const char *expires;
    const char *timeout;
};

#define DEFAULT_EXPIRY "24h"

static enum cmaw_err make_request(const struct run_args *args, const struct cmaw_words *words, struct cmaw_run_request *ret_request,
                                  struct cmaw_diag *diag)
{
    *ret_request = (struct cmaw_run_request){.workflow = words->items[0], .input = words->count > 1 ? words->items[1] : NULL,
                                             .inputs = &args->inputs, .content_type = args->content_type};
    return cmaw_duration_parse(args->expires == NULL ? DEFAULT_EXPIRY : args->expires, "expires", &ret_request->expires_ms, diag);
}

static enum cmaw_err open_result(struct cmaw_store *store, const struct run_args *args, const struct cmaw_run_record *record,
                                 struct cmaw_diag *diag)
{
    if (record->status != CMAW_RUN_COMPLETED) {
        return cmaw_failure_report(store, record, args->settings.json, diag);
    }
    CMAW_OUTCOME_AUTO(outcome);
    CMAW_TRY(cmaw_outcome_verify(store, record, NULL, &outcome, diag));
    CMAW_TRY(cmaw_output_check(&outcome->run->plan, &args->outputs, diag));
    return cmaw_output_write(outcome, record, &args->outputs, args->settings.json, diag);
}

static enum cmaw_err run(const struct run_args *args, const struct cmaw_words *words, struct cmaw_diag *diag)
{
    struct cmaw_run_request request;
    uint64_t timeout_ms = 0;
    CMAW_TRY(make_request(args, words, &request, diag));
    if (args->timeout != NULL) {
        CMAW_TRY(cmaw_duration_parse(args->timeout, "timeout", &timeout_ms, diag));
    }
    CMAW_STORE_AUTO(store);
    CMAW_TRY(cmaw_store_open_unlocked(&args->settings, &store, diag));
    CMAW_RUN_RECORD_AUTO(record);
    CMAW_TEMPORAL_AUTO(temporal);
    CMAW_TRY(cmaw_run_submit(store, &args->settings, &request, &record, &temporal, diag));
    CMAW_TRY(cmaw_run_follow(store, temporal, &record, timeout_ms, diag));
    return open_result(store, args, &record, diag);
}

enum cmaw_err cmaw_command_run(int argc, char **argv, struct cmaw_diag *diag)
{
    struct run_args args = {0};
    const struct cmaw_option options[] = {
        {"input", "NAME=FILE", "the input of that name, where a workflow has several; repeat", NULL, &args.inputs, NULL},
        {"output", "[NAME=]FILE", "where to write the result (default: standard output)", NULL, &args.outputs, NULL, 'o'},
        {"content-type", "TYPE", "of the input (default: by the file's name)", &args.content_type, NULL, NULL},
        {"expires", "TIME", "until when enclaves may work on it: 30s, 5m, 24h (default), 7d", &args.expires, NULL, NULL},
        {"timeout", "TIME", "stop waiting after this; the run goes on", &args.timeout, NULL, NULL},
        CMAW_OPTION_UNSIGNED(args.settings.accept_unsigned),
        CMAW_OPTION_END};
    const struct cmaw_option common[] = {CMAW_OPTION_TEMPORAL(args.settings), CMAW_OPTION_STORE(args.settings), CMAW_OPTION_DIR(args.settings),
                                         CMAW_OPTION_JSON(args.settings), CMAW_OPTION_END};
    const struct cmaw_usage usage = {
        .verb = "run", .words = "WORKFLOW.yaml [INPUT]", .min_words = 1, .max_words = 2, .options = options, .common = common,
        .example = "cmaw run agents/claim.yaml agents/letters/01-water-approve.txt --output decision.json",
        .summary = "Seals the input for the enclaves of the deployment that you trust, runs the workflow, verifies every receipt,\n"
                   "and only then opens the result. INPUT - is standard input."};
    struct cmaw_words words;
    bool help;
    CMAW_TRY(cmaw_options_parse(&usage, argc, argv, &words, &help, diag));
    return help ? CMAW_OK : run(&args, &words, diag);
}

/* unsigned_count: of the births behind the keys that its input is sealed for. */
static enum cmaw_err print_run(const struct cmaw_run_record *record, uint32_t unsigned_count, bool json)
{
    CMAW_JSON_AUTO(object);
    if (!json) {
        if (unsigned_count > 0) {
            cmaw_progress("INSECURE: " CMAW_UNSIGNED_NOTE);
        }
        return printf("%s\n", record->workflow_id) > 0 ? CMAW_OK : CMAW_E_IO;
    }
    object = json_object();
    CMAW_REQUIRE(object != NULL, CMAW_E_NO_MEMORY);
    CMAW_TRY(cmaw_json_set_hex(object, "run_id", cmaw_bytes32_slice(&record->run_id)));
    CMAW_TRY(cmaw_json_set_text(object, "workflow_id", record->workflow_id));
    CMAW_TRY(cmaw_json_set_text(object, "status", cmaw_run_status_name(record->status)));
    if (unsigned_count > 0) {
        CMAW_TRY(cmaw_json_set_u64(object, CMAW_UNSIGNED_KEY, unsigned_count));
    }
    return cmaw_json_print(object);
}

static enum cmaw_err submit(const struct run_args *args, const struct cmaw_words *words, struct cmaw_diag *diag)
{
    struct cmaw_run_request request;
    CMAW_TRY(make_request(args, words, &request, diag));
    CMAW_STORE_AUTO(store);
    CMAW_TRY(cmaw_store_open_unlocked(&args->settings, &store, diag));
    CMAW_RUN_RECORD_AUTO(record);
    CMAW_TEMPORAL_AUTO(temporal);
    CMAW_TRY(cmaw_run_submit(store, &args->settings, &request, &record, &temporal, diag));
    CMAW_PINNED_AUTO(pinned);
    CMAW_TRY(cmaw_pinned_load(store, &record.mh, &pinned, diag));
    return print_run(&record, pinned.deployment->unsigned_count, args->settings.json);
}

enum cmaw_err cmaw_command_submit(int argc, char **argv, struct cmaw_diag *diag)
{
    struct run_args args = {0};
    const struct cmaw_option options[] = {
        {"input", "NAME=FILE", "the input of that name, where a workflow has several; repeat", NULL, &args.inputs, NULL},
        {"content-type", "TYPE", "of the input (default: by the file's name)", &args.content_type, NULL, NULL},
        {"expires", "TIME", "until when enclaves may work on it: 30s, 5m, 24h (default), 7d", &args.expires, NULL, NULL},
        CMAW_OPTION_UNSIGNED(args.settings.accept_unsigned),
        CMAW_OPTION_END};
    const struct cmaw_option common[] = {CMAW_OPTION_TEMPORAL(args.settings), CMAW_OPTION_STORE(args.settings), CMAW_OPTION_DIR(args.settings),
                                         CMAW_OPTION_JSON(args.settings), CMAW_OPTION_END};
    const struct cmaw_usage usage = {
        .verb = "submit", .words = "WORKFLOW.yaml [INPUT]", .min_words = 1, .max_words = 2, .options = options, .common = common,
        .example = "cmaw submit agents/claim.yaml agents/letters/01-water-approve.txt",
        .summary = "Seals the input and starts the workflow, without waiting. Prints what names the run; cmaw wait and cmaw open take it."};
    struct cmaw_words words;
    bool help;
    CMAW_TRY(cmaw_options_parse(&usage, argc, argv, &words, &help, diag));
    return help ? CMAW_OK : submit(&args, &words, diag);
}

/* Waits for a stored run; with open, shows its result too. */
static enum cmaw_err finish(const struct run_args *args, const char *name, bool open, struct cmaw_diag *diag)
{
    uint64_t timeout_ms = 0;
    if (args->timeout != NULL) {
        CMAW_TRY(cmaw_duration_parse(args->timeout, "timeout", &timeout_ms, diag));
    }
    CMAW_STORE_AUTO(store);
    CMAW_TRY(cmaw_store_open_unlocked(&args->settings, &store, diag));
    CMAW_RUN_RECORD_AUTO(record);
    CMAW_TRY(cmaw_store_find_run(store, name, &record, diag));
    if (record.status <= CMAW_RUN_RUNNING) {
        struct cmaw_temporal_place place;
        CMAW_TEMPORAL_AUTO(temporal);
        CMAW_TRY(cmaw_temporal_place(&args->settings, &record, &place, diag));
        CMAW_TRY(cmaw_temporal_reach(&place, &temporal, diag));
        CMAW_TRY(cmaw_run_follow(store, temporal, &record, timeout_ms, diag));
    }
    if (open || record.status != CMAW_RUN_COMPLETED) {
        return open_result(store, args, &record, diag);
    }
    return print_run(&record, 0, args->settings.json); /* nothing was verified for that */
}

enum cmaw_err cmaw_command_wait(int argc, char **argv, struct cmaw_diag *diag)
{
    struct run_args args = {0};
    const struct cmaw_option options[] = {{"timeout", "TIME", "stop waiting after this; the run goes on", &args.timeout, NULL, NULL},
                                          CMAW_OPTION_UNSIGNED(args.settings.accept_unsigned), CMAW_OPTION_END};
    const struct cmaw_option common[] = {CMAW_OPTION_TEMPORAL(args.settings), CMAW_OPTION_STORE(args.settings), CMAW_OPTION_DIR(args.settings),
                                         CMAW_OPTION_JSON(args.settings), CMAW_OPTION_END};
    const struct cmaw_usage usage = {
        .verb = "wait", .words = "RUN", .min_words = 1, .max_words = 1, .options = options, .common = common, .example = "cmaw wait last",
        .summary = "Waits until a run has ended; exit code 0 if it completed. RUN is an id, the start of one, or last.\n"
                   "A run that was stored but never started, because something failed in between, is started."};
    struct cmaw_words words;
    bool help;
    CMAW_TRY(cmaw_options_parse(&usage, argc, argv, &words, &help, diag));
    return help ? CMAW_OK : finish(&args, words.items[0], false, diag);
}

enum cmaw_err cmaw_command_open(int argc, char **argv, struct cmaw_diag *diag)
{
    struct run_args args = {0};
    const struct cmaw_option options[] = {
        {"output", "[NAME=]FILE", "where to write the result (default: standard output)", NULL, &args.outputs, NULL, 'o'},
        {"timeout", "TIME", "stop waiting after this; the run goes on", &args.timeout, NULL, NULL},
        CMAW_OPTION_UNSIGNED(args.settings.accept_unsigned),
        CMAW_OPTION_END};
    const struct cmaw_option common[] = {CMAW_OPTION_TEMPORAL(args.settings), CMAW_OPTION_STORE(args.settings), CMAW_OPTION_DIR(args.settings),
                                         CMAW_OPTION_JSON(args.settings), CMAW_OPTION_END};
    const struct cmaw_usage usage = {
        .verb = "open", .words = "RUN", .min_words = 1, .max_words = 1, .options = options, .common = common, .example = "cmaw open last",
        .summary = "Waits for a run if need be, verifies every receipt, and then opens the result with the secrets of your store."};
    struct cmaw_words words;
    bool help;
    CMAW_TRY(cmaw_options_parse(&usage, argc, argv, &words, &help, diag));
    return help ? CMAW_OK : finish(&args, words.items[0], true, diag);
}
