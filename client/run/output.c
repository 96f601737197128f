#include "client/run/output.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/json.h"
#include "client/settings.h"
#include "client/terminal.h"
#include "lib/base/text.h"

enum { OUTPUT_TEXT_MAX = 4 * 1024 * 1024 };

static size_t count_outputs(const struct cmaw_plan *plan)
{
    size_t count = 0;
    for (uint32_t cursor = 0; cmaw_plan_next_in(plan, 0, &cursor) != NULL;) {
        count++;
    }
    return count;
}

/* The file for an edge: NAME=FILE, or a bare FILE where there is only one; NULL: none. */
static const char *file_for(const struct cmaw_plan_edge *edge, size_t edges, const struct cmaw_words *outputs)
{
    for (size_t i = 0; i < outputs->count; i++) {
        const char *word = outputs->items[i];
        if (strncmp(word, (const char *)edge->name.data, edge->name.size) == 0 && word[edge->name.size] == '=') {
            return word + edge->name.size + 1;
        }
    }
    return edges == 1 && outputs->count == 1 ? outputs->items[0] : NULL;
}

enum cmaw_err cmaw_output_check(const struct cmaw_plan *plan, const struct cmaw_words *outputs, struct cmaw_diag *diag)
{
    const size_t edges = count_outputs(plan);
    size_t named = 0;
    const struct cmaw_plan_edge *edge;
    for (uint32_t cursor = 0; (edge = cmaw_plan_next_in(plan, 0, &cursor)) != NULL;) {
        named += file_for(edge, edges, outputs) != NULL;
    }
    if (named != outputs->count) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "--output is for outputs that this workflow does not have, or twice for one");
    }
    return CMAW_OK;
}

static enum cmaw_err write_stdout(struct cmaw_slice content, bool with_newline)
{
    CMAW_TRY(cmaw_terminal_print(stdout, content));
    /* a terminal's prompt belongs on a line of its own; a pipe gets the bytes as they are */
    if (with_newline && content.size > 0 && content.data[content.size - 1] != '\n') {
        CMAW_REQUIRE(fputc('\n', stdout) != EOF, CMAW_E_IO);
    }
    return CMAW_OK;
}

static enum cmaw_err put_json(json_t *entry, struct cmaw_slice content, const char *file, struct cmaw_diag *diag)
{
    if (file != NULL) {
        char path[CMAW_PATH_MAX];
        CMAW_TRY(cmaw_path_absolute(file, path, diag));
        return cmaw_json_set_text(entry, "output_file", path);
    }
    json_t *text = json_stringn(content.data == NULL ? "" : (const char *)content.data, content.size);
    if (text != NULL) {
        return cmaw_json_set(entry, "output", text);
    }
    CMAW_BUF_AUTO(coded, OUTPUT_TEXT_MAX);
    cmaw_buf_put_base64(&coded, content);
    CMAW_TRY(coded.err);
    return cmaw_json_set(entry, "output_base64", json_stringn((const char *)coded.data, coded.size));
}

struct sink {
    const struct cmaw_outcome *outcome;
    const struct cmaw_words *outputs;
    size_t edges;
    json_t *json; /* NULL: plain */
};

static enum cmaw_err write_edge(const struct sink *sink, const struct cmaw_plan_edge *edge, struct cmaw_diag *diag)
{
    CMAW_OPENED_AUTO(opened);
    CMAW_TRY(cmaw_outcome_open(sink->outcome, edge->id, &opened, diag));
    const char *file = file_for(edge, sink->edges, sink->outputs);
    if (file != NULL) {
        const enum cmaw_err err = cmaw_file_write(file, opened.content.content, 0600, diag);
        if (err != CMAW_OK) {
            cmaw_diag_hint(diag, "the run is done and kept: cmaw open RUN --output FILE");
            return err;
        }
    }
    if (sink->json == NULL) {
        if (file == NULL && sink->edges > 1) {
            (void)fprintf(stderr, "--- %.*s:\n", (int)edge->name.size, (const char *)edge->name.data);
            (void)fflush(stderr);
        }
        const bool line_end = sink->edges > 1 || isatty(STDOUT_FILENO);
        return file == NULL ? write_stdout(opened.content.content, line_end) : CMAW_OK;
    }
    if (sink->edges == 1) {
        return put_json(sink->json, opened.content.content, file, diag);
    }
    char name[CMAW_NAME_MAX + 1];
    CMAW_TRY(cmaw_slice_to_cstr(edge->name, name, sizeof name));
    json_t *entry = json_object();
    CMAW_TRY(cmaw_json_set(json_object_get(sink->json, "outputs"), name, entry));
    return put_json(entry, opened.content.content, file, diag);
}

static enum cmaw_err begin_json(const struct cmaw_outcome *outcome, const struct cmaw_run_record *record, size_t edges, json_t *json)
{
    CMAW_TRY(cmaw_json_set_hex(json, "run_id", cmaw_bytes32_slice(&record->run_id)));
    CMAW_TRY(cmaw_json_set_text(json, "workflow_id", record->workflow_id));
    CMAW_TRY(cmaw_json_set_text(json, "status", cmaw_run_status_name(record->status)));
    if (outcome->run->unsigned_count > 0) {
        CMAW_TRY(cmaw_json_set_u64(json, CMAW_UNSIGNED_KEY, outcome->run->unsigned_count));
    }
    return edges == 1 ? CMAW_OK : cmaw_json_set(json, "outputs", json_object());
}

enum cmaw_err cmaw_output_write(const struct cmaw_outcome *outcome, const struct cmaw_run_record *record, const struct cmaw_words *outputs,
                                bool json, struct cmaw_diag *diag)
{
    const struct cmaw_plan *plan = &outcome->run->plan;
    CMAW_JSON_AUTO(object);
    struct sink sink = {.outcome = outcome, .outputs = outputs, .edges = count_outputs(plan)};
    if (json) {
        object = json_object();
        CMAW_REQUIRE(object != NULL, CMAW_E_NO_MEMORY);
        CMAW_TRY(begin_json(outcome, record, sink.edges, object));
        sink.json = object;
    }
    if (outcome->run->unsigned_count > 0) { /* on standard error: the result alone goes to standard output */
        cmaw_progress("INSECURE: " CMAW_UNSIGNED_NOTE);
    }
    const struct cmaw_plan_edge *edge;
    for (uint32_t cursor = 0; (edge = cmaw_plan_next_in(plan, 0, &cursor)) != NULL;) {
        CMAW_TRY(write_edge(&sink, edge, diag));
    }
    return json ? cmaw_json_print(object) : CMAW_OK;
}
