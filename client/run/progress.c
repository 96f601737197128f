#include "client/run/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/table.h"
#include "host/temporal/objects.h"
#include "host/temporal/printable.h"
#include "lib/attest/doc.h"
#include "lib/sst/receipt.h"
#include "lib/sst/state.h"

enum { UNATTENDED_MS = 3000, CELL_SIZE = 80 };

void cmaw_progress_begin(const struct cmaw_plan *plan, const struct cmaw_manifest *manifest, struct cmaw_progress_steps *ret_progress)
{
    *ret_progress = (struct cmaw_progress_steps){.count = plan->step_count};
    for (size_t i = 0; i < plan->step_count; i++) {
        struct cmaw_step_progress *step = &ret_progress->steps[i];
        const struct cmaw_role *role = cmaw_manifest_role(manifest, plan->steps[i].role);
        cmaw_printable(plan->steps[i].name, step->name, sizeof step->name);
        cmaw_printable(role == NULL ? CMAW_SLICE_EMPTY : role->name, step->role, sizeof step->role);
    }
}

struct cmaw_step_progress *cmaw_progress_started(struct cmaw_progress_steps *progress, uint64_t scheduled, struct cmaw_slice task, uint64_t now_ms)
{
    struct cmaw_step_progress *step = NULL;
    struct cmaw_step_task *decoded = calloc(1, sizeof *decoded);
    if (decoded != NULL && cmaw_step_task_decode(task, decoded) == CMAW_OK && decoded->step >= 1 && decoded->step <= progress->count) {
        step = &progress->steps[decoded->step - 1];
        step->state = CMAW_STEP_RUNNING;
        step->attempt = decoded->attempt;
        step->since_ms = now_ms;
        step->scheduled = scheduled;
    }
    free(decoded);
    return step;
}

static struct cmaw_step_progress *find_running(struct cmaw_progress_steps *progress, uint64_t scheduled)
{
    for (size_t i = 0; i < progress->count; i++) {
        if (progress->steps[i].state == CMAW_STEP_RUNNING && progress->steps[i].scheduled == scheduled) {
            return &progress->steps[i];
        }
    }
    return NULL;
}

static void put_size(size_t size, char *text, size_t capacity)
{
    const size_t used = strlen(text);
    const size_t kib = size / 1024;
    (void)snprintf(text + used, capacity - used, "%s%zu %s", used == 0 ? "" : " + ", kib < 1 ? size : kib, kib < 1 ? "B" : "KiB");
}

/* "4 KiB + 64 KiB", or how many and how much where that gets long. */
static void describe_states(const struct cmaw_step_output *output, char *text, size_t capacity)
{
    size_t sum = 0;
    text[0] = '\0';
    for (size_t i = 0; i < output->state_count; i++) {
        struct cmaw_state state;
        const size_t size = cmaw_state_parse(output->states[i], &state) == CMAW_OK ? cmaw_class_size(state.header.size_class) : 0;
        sum += size;
        if (output->state_count <= 2) {
            put_size(size, text, capacity);
        }
    }
    if (output->state_count > 2) {
        (void)snprintf(text, capacity, "%u: %zu KiB", output->state_count, sum / 1024);
    }
}

/* "i-0a1b…-enc4f5e…": the module; what the parent is called is the host's own matter. */
static void describe_enclave(struct cmaw_slice ak_doc, char ret_text[static CMAW_PROGRESS_ENCLAVE_SIZE])
{
    struct cmaw_doc doc;
    ret_text[0] = '\0';
    /* a name to show while it runs; nothing is verified here */
    if (cmaw_doc_parse_trusting(ak_doc, CMAW_DOC_UNSIGNED_QEMU_TOO, &doc) != CMAW_OK) {
        return;
    }
    char module[128];
    cmaw_printable(doc.module_id, module, sizeof module);
    const char *dash = strrchr(module, '-');
    (void)snprintf(ret_text, CMAW_PROGRESS_ENCLAVE_SIZE, "%.63s", dash != NULL && dash[1] != '\0' ? dash + 1 : module);
}

static void take_receipt(struct cmaw_slice bytes, struct cmaw_step_progress *step)
{
    struct cmaw_signed_receipt *receipt = calloc(1, sizeof *receipt);
    if (receipt != NULL && cmaw_receipt_parse(bytes, receipt, NULL) == CMAW_OK) {
        const struct cmaw_receipt *claims = &receipt->claims;
        step->attempt = claims->attempt;
        step->took_ms = claims->finished_ms >= claims->started_ms ? claims->finished_ms - claims->started_ms : 0;
    }
    free(receipt);
}

struct cmaw_step_progress *cmaw_progress_done(struct cmaw_progress_steps *progress, uint64_t scheduled, struct cmaw_slice result, uint64_t now_ms)
{
    struct cmaw_step_progress *step = find_running(progress, scheduled);
    struct cmaw_step_output *output = calloc(1, sizeof *output);
    if (step != NULL) {
        step->state = CMAW_STEP_DONE;
        step->took_ms = now_ms - step->since_ms;
        if (output != NULL && cmaw_step_output_decode(result, output) == CMAW_OK) {
            take_receipt(output->receipt, step);
            describe_enclave(output->ak_doc, step->enclave);
            describe_states(output, step->output, sizeof step->output);
        }
    }
    free(output);
    return step;
}

struct cmaw_step_progress *cmaw_progress_failed(struct cmaw_progress_steps *progress, uint64_t scheduled, const char *code)
{
    struct cmaw_step_progress *step = find_running(progress, scheduled);
    if (step != NULL) {
        step->state = CMAW_STEP_RETRYING;
        (void)snprintf(step->code, sizeof step->code, "%s", code);
    }
    return step;
}

static void put_time(uint64_t ms, char *text, size_t capacity)
{
    if (ms < 1000) {
        (void)snprintf(text, capacity, "%llu ms", (unsigned long long)ms);
    } else if (ms < 60 * 1000) {
        (void)snprintf(text, capacity, "%llu.%llu s", (unsigned long long)(ms / 1000), (unsigned long long)(ms % 1000 / 100));
    } else {
        (void)snprintf(text, capacity, "%llu min %02llu s", (unsigned long long)(ms / 60000), (unsigned long long)(ms / 1000 % 60));
    }
}

void cmaw_progress_say(const struct cmaw_step_progress *step, struct cmaw_buf *buf)
{
    char took[CELL_SIZE];
    put_time(step->took_ms, took, sizeof took);
    cmaw_buf_printf(buf, "step %s: ", step->name);
    switch (step->state) {
    case CMAW_STEP_PENDING:
        cmaw_buf_put_cstr(buf, "pending");
        break;
    case CMAW_STEP_RUNNING:
        cmaw_buf_printf(buf, "running in role %s, attempt %u", step->role, step->attempt);
        break;
    case CMAW_STEP_RETRYING:
        cmaw_buf_printf(buf, "attempt %u failed: %s", step->attempt, step->code);
        break;
    case CMAW_STEP_DONE:
        cmaw_buf_printf(buf, "done by enclave %s of role %s, attempt %u, in %s, state %s", step->enclave[0] == '\0' ? "?" : step->enclave, step->role,
                        step->attempt, took, step->output[0] == '\0' ? "?" : step->output);
        break;
    }
}

bool cmaw_progress_unattended(const struct cmaw_progress_steps *progress, uint64_t now_ms)
{
    return progress->queued_ms != 0 && now_ms - progress->queued_ms >= UNATTENDED_MS;
}

struct row {
    char attempt[12];
    char time[32];
};
enum { COLUMNS = 7 };

static const struct cmaw_table_column columns[COLUMNS] = {{"STEP", 4, false},     {"ROLE", 4, false}, {"STATUS", 0, false}, {"TRY", 0, true},
                                                          {"TIME", 0, true}, {"STATE", 5, false}, {"ENCLAVE", 3, false}};

static const char *status_of(const struct cmaw_step_progress *step)
{
    static const char *const names[] = {"pending", "running", "", "done"};
    return step->state == CMAW_STEP_RETRYING ? step->code : names[step->state];
}

static const char *colour_of(const struct cmaw_step_progress *step)
{
    static const char *const codes[] = {"2", "36", "33", "32"};
    return codes[step->state];
}

static void fill_row(const struct cmaw_step_progress *step, uint64_t now_ms, struct row *row, const char **cells)
{
    const bool begun = step->state != CMAW_STEP_PENDING;
    row->time[0] = '\0';
    (void)snprintf(row->attempt, sizeof row->attempt, "%.0u", step->attempt);
    if (step->state == CMAW_STEP_RUNNING || step->state == CMAW_STEP_DONE) {
        put_time(step->state == CMAW_STEP_DONE ? step->took_ms : now_ms - step->since_ms, row->time, sizeof row->time);
    }
    const char *const texts[COLUMNS] = {step->name, step->role, status_of(step), begun ? row->attempt : "", row->time, step->output, step->enclave};
    for (size_t i = 0; i < COLUMNS; i++) {
        cells[i] = texts[i];
    }
}

static void draw_rows(const struct cmaw_progress_steps *progress, const struct cmaw_table *table, size_t width, bool colours, struct cmaw_buf *buf)
{
    size_t widths[CMAW_TABLE_COLUMNS_MAX];
    cmaw_table_fit(table, width, widths);
    cmaw_table_row(table, widths, SIZE_MAX, width, buf);
    cmaw_buf_put_u8(buf, '\n');
    for (size_t i = 0; i < progress->count; i++) {
        if (colours) {
            cmaw_buf_printf(buf, "\033[%sm", colour_of(&progress->steps[i]));
        }
        cmaw_table_row(table, widths, i, width, buf);
        cmaw_buf_put_cstr(buf, colours ? "\033[0m\n" : "\n");
    }
}

void cmaw_progress_draw(const struct cmaw_progress_steps *progress, uint64_t now_ms, size_t width, bool colours, struct cmaw_buf *buf)
{
    struct row *rows = calloc(progress->count + 1, sizeof *rows);
    const char **cells = calloc((progress->count + 1) * COLUMNS, sizeof *cells);
    if (rows != NULL && cells != NULL) {
        for (size_t i = 0; i < progress->count; i++) {
            fill_row(&progress->steps[i], now_ms, &rows[i], cells + i * COLUMNS);
        }
        const struct cmaw_table table = {.columns = columns, .column_count = COLUMNS, .cells = cells, .row_count = progress->count};
        draw_rows(progress, &table, width, colours, buf);
    }
    if (cmaw_progress_unattended(progress, now_ms)) {
        cmaw_buf_put_cstr(buf, "no worker answers: the run waits\n");
    }
    free(rows);
    free(cells);
}
