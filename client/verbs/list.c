#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "client/json.h"
#include "client/settings.h"
#include "client/store/passphrase.h"
#include "client/table.h"
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

/* What cmaw takes for the name of a run, and what fits beside the rest. */
enum { SHORT_ID_DIGITS = 12, COLUMNS = 5 };

static const struct cmaw_table_column columns[COLUMNS] = {
    {"RUN", 0, false}, {"STATUS", 0, false}, {"CREATED", 0, false}, {"WORKFLOW", 8, false}, {"CODE", 4, false}};

struct row {
    char run[SHORT_ID_DIGITS + 1];
    char created[32];
    char name[CMAW_NAME_MAX + 1];
    char code[32];
};
struct rows {
    struct row items[LIST_MAX];
    const char *cells[LIST_MAX * COLUMNS];
    size_t count;
};

static enum cmaw_err keep_row(void *context, const struct cmaw_run_record *record)
{
    struct rows *rows = context;
    struct row *row = &rows->items[rows->count];
    CMAW_TRY(cmaw_hex_to_cstr(cmaw_slice_of(record->run_id.bytes, SHORT_ID_DIGITS / 2), row->run, sizeof row->run));
    put_time(record->created_ms, row->created);
    (void)snprintf(row->name, sizeof row->name, "%s", record->name);
    (void)snprintf(row->code, sizeof row->code, "%s", record->code);
    const char *const texts[COLUMNS] = {row->run, cmaw_run_status_name(record->status), row->created, row->name, row->code};
    for (size_t i = 0; i < COLUMNS; i++) {
        rows->cells[rows->count * COLUMNS + i] = texts[i];
    }
    rows->count++;
    return CMAW_OK;
}

static enum cmaw_err print_table(struct cmaw_store *store, struct cmaw_diag *diag)
{
    struct rows *rows = calloc(1, sizeof *rows);
    CMAW_REQUIRE(rows != NULL, CMAW_E_NO_MEMORY);
    enum cmaw_err err = cmaw_store_each_run(store, LIST_MAX, keep_row, rows, diag);
    if (err == CMAW_OK) {
        const struct cmaw_table table = {.columns = columns, .column_count = COLUMNS, .cells = rows->cells, .row_count = rows->count};
        err = cmaw_table_print(&table);
    }
    free(rows);
    return err;
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
        return print_table(store, diag);
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
