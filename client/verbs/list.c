#include <stdio.h>
#include <time.h>

#include "client/json.h"
#include "client/settings.h"
#include "client/store/passphrase.h"
#include "client/verbs.h"
#include "lib/base/text.h"

enum { LIST_MAX = 1000 };

static void put_time(uint64_t ms, char ret_text[static 32])
{
    const time_t seconds = (time_t)(ms / 1000);
    struct tm utc;
    ret_text[0] = '\0';
    if (ms > 0 && gmtime_r(&seconds, &utc) != NULL) {
        (void)strftime(ret_text, 32, "%Y-%m-%dT%H:%M:%SZ", &utc);
    }
}

static enum cmaw_err print_row(void *context, const struct cmaw_run_record *record)
{
    (void)context;
    char created[32];
    put_time(record->created_ms, created);
    (void)printf("%-46s %-10s %-21s %-20s %s\n", record->workflow_id, cmaw_run_status_name(record->status), created, record->name, record->code);
    return CMAW_OK;
}

static enum cmaw_err add_row(void *context, const struct cmaw_run_record *record)
{
    json_t *entry = json_object();
    CMAW_TRY(cmaw_json_append(context, entry));
    CMAW_TRY(cmaw_json_set_hex(entry, "run_id", cmaw_bytes32_slice(&record->run_id)));
    CMAW_TRY(cmaw_json_set_text(entry, "workflow_id", record->workflow_id));
    CMAW_TRY(cmaw_json_set_text(entry, "name", record->name));
    CMAW_TRY(cmaw_json_set_text(entry, "status", cmaw_run_status_name(record->status)));
    CMAW_TRY(cmaw_json_set_text(entry, "code", record->code));
    CMAW_TRY(cmaw_json_set_hex(entry, "manifest", cmaw_bytes32_slice(&record->mh)));
    CMAW_TRY(cmaw_json_set_u64(entry, "created_ms", record->created_ms));
    return cmaw_json_set_u64(entry, "ended_ms", record->ended_ms);
}

static enum cmaw_err list_runs(const struct cmaw_settings *settings, struct cmaw_diag *diag)
{
    CMAW_STORE_AUTO(store);
    CMAW_TRY(cmaw_store_open_locked(settings, &store, diag));
    if (!settings->json) {
        (void)printf("%-46s %-10s %-21s %-20s %s\n", "RUN", "STATUS", "CREATED", "WORKFLOW", "CODE");
        return cmaw_store_each_run(store, LIST_MAX, print_row, NULL, diag);
    }
    CMAW_JSON_AUTO(list);
    list = json_array();
    CMAW_REQUIRE(list != NULL, CMAW_E_NO_MEMORY);
    CMAW_TRY(cmaw_store_each_run(store, LIST_MAX, add_row, list, diag));
    return cmaw_json_print(list);
}

enum cmaw_err cmaw_command_list(int argc, char **argv, struct cmaw_diag *diag)
{
    struct cmaw_settings settings = {0};
    const struct cmaw_option options[] = {CMAW_OPTION_STORE(settings), CMAW_OPTION_JSON(settings), CMAW_OPTION_END};
    const struct cmaw_usage usage = {.verb = "list", .words = "", .example = "cmaw list", .options = options,
                                     .summary = "Lists the runs of this store, newest first, as far as it knows of them. Needs no passphrase and no network."};
    struct cmaw_words words;
    bool help;
    CMAW_TRY(cmaw_options_parse(&usage, argc, argv, &words, &help, diag));
    return help ? CMAW_OK : list_runs(&settings, diag);
}
