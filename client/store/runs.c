#include <stdio.h>
#include <string.h>

#include "client/store/store_private.h"
#include "lib/base/text.h"

enum { PREFIX_MIN = 4 };

static const char *const status_names[] = {"prepared", "running", "completed", "failed", "canceled", "terminated", "timed out"};

const char *cmaw_run_status_name(enum cmaw_run_status status)
{
    return (unsigned)status < sizeof status_names / sizeof status_names[0] ? status_names[status] : "unknown";
}

void cmaw_run_record_free(struct cmaw_run_record *record)
{
    cmaw_buf_free(&record->plan);
    cmaw_buf_free(&record->ticket);
    cmaw_buf_free(&record->inputs);
    cmaw_buf_free(&record->result);
}

enum cmaw_err cmaw_store_put_record(struct cmaw_store *store, const struct cmaw_run_record *record, struct cmaw_diag *diag)
{
    CMAW_SQL_AUTO(sql, store->db,
                  "INSERT INTO runs(run_id, mh, workflow_id, request_id, name, address, ns, status, code, created_ms, ended_ms,"
                  " plan, ticket, inputs, result) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    cmaw_sql_bind_blob(&sql, cmaw_bytes32_slice(&record->run_id));
    cmaw_sql_bind_blob(&sql, cmaw_bytes32_slice(&record->mh));
    cmaw_sql_bind_text(&sql, record->workflow_id);
    cmaw_sql_bind_text(&sql, record->request_id);
    cmaw_sql_bind_text(&sql, record->name);
    cmaw_sql_bind_text(&sql, record->address);
    cmaw_sql_bind_text(&sql, record->ns);
    cmaw_sql_bind_u64(&sql, record->status);
    cmaw_sql_bind_text(&sql, record->code);
    cmaw_sql_bind_u64(&sql, record->created_ms);
    cmaw_sql_bind_u64(&sql, record->ended_ms);
    cmaw_sql_bind_blob(&sql, cmaw_buf_slice(&record->plan));
    cmaw_sql_bind_blob(&sql, cmaw_buf_slice(&record->ticket));
    cmaw_sql_bind_blob(&sql, cmaw_buf_slice(&record->inputs));
    cmaw_sql_bind_blob(&sql, cmaw_buf_slice(&record->result));
    return cmaw_sql_run(&sql, diag);
}

enum cmaw_err cmaw_store_add_run(struct cmaw_store *store, const struct cmaw_run_record *record,
                                 const struct cmaw_edge_secrets *secrets, struct cmaw_diag *diag)
{
    CMAW_REQUIRE(store->key.bytes != NULL, CMAW_E_BUG);
    CMAW_TRANSACTION_AUTO(transaction);
    CMAW_TRY(cmaw_sql_begin(store->db, &transaction, diag));
    CMAW_TRY(cmaw_store_put_record(store, record, diag));
    CMAW_TRY(cmaw_store_put_secrets(store, &record->run_id, secrets, diag));
    return cmaw_sql_commit(&transaction, diag);
}

enum cmaw_err cmaw_store_set_status(struct cmaw_store *store, const struct cmaw_bytes32 *run_id, enum cmaw_run_status status,
                                    struct cmaw_diag *diag)
{
    CMAW_SQL_AUTO(sql, store->db, "UPDATE runs SET status = ? WHERE run_id = ?");
    cmaw_sql_bind_u64(&sql, status);
    cmaw_sql_bind_blob(&sql, cmaw_bytes32_slice(run_id));
    return cmaw_sql_run(&sql, diag);
}

static enum cmaw_err put_end(struct cmaw_store *store, const struct cmaw_bytes32 *run_id, enum cmaw_run_status status, const char *code,
                             uint64_t ended_ms, struct cmaw_slice result, struct cmaw_diag *diag)
{
    CMAW_SQL_AUTO(sql, store->db, "UPDATE runs SET status = ?, code = ?, ended_ms = ?, result = ? WHERE run_id = ?");
    cmaw_sql_bind_u64(&sql, status);
    cmaw_sql_bind_text(&sql, code);
    cmaw_sql_bind_u64(&sql, ended_ms);
    cmaw_sql_bind_blob(&sql, result);
    cmaw_sql_bind_blob(&sql, cmaw_bytes32_slice(run_id));
    return cmaw_sql_run(&sql, diag);
}

enum cmaw_err cmaw_store_finish_run(struct cmaw_store *store, const struct cmaw_bytes32 *run_id, enum cmaw_run_status status,
                                    const char *code, struct cmaw_slice result, struct cmaw_diag *diag)
{
    return put_end(store, run_id, status, code, cmaw_wall_clock_ms(), result, diag);
}

enum cmaw_err cmaw_store_put_end(struct cmaw_store *store, const struct cmaw_run_record *record, struct cmaw_diag *diag)
{
    return put_end(store, &record->run_id, record->status, record->code, record->ended_ms, cmaw_buf_slice(&record->result), diag);
}

#define SHORT_COLUMNS "run_id, mh, workflow_id, request_id, name, address, ns, status, code, created_ms, ended_ms"

static enum cmaw_err take_short(const struct cmaw_sql *sql, struct cmaw_run_record *record)
{
    CMAW_TRY(cmaw_bytes32_of(cmaw_sql_blob(sql, 0), &record->run_id));
    CMAW_TRY(cmaw_bytes32_of(cmaw_sql_blob(sql, 1), &record->mh));
    (void)snprintf(record->workflow_id, sizeof record->workflow_id, "%s", cmaw_sql_text(sql, 2));
    (void)snprintf(record->request_id, sizeof record->request_id, "%s", cmaw_sql_text(sql, 3));
    (void)snprintf(record->name, sizeof record->name, "%s", cmaw_sql_text(sql, 4));
    (void)snprintf(record->address, sizeof record->address, "%s", cmaw_sql_text(sql, 5));
    (void)snprintf(record->ns, sizeof record->ns, "%s", cmaw_sql_text(sql, 6));
    record->status = (enum cmaw_run_status)cmaw_sql_u64(sql, 7);
    (void)snprintf(record->code, sizeof record->code, "%s", cmaw_sql_text(sql, 8));
    record->created_ms = cmaw_sql_u64(sql, 9);
    record->ended_ms = cmaw_sql_u64(sql, 10);
    return CMAW_OK;
}

static enum cmaw_err take_all(const struct cmaw_sql *sql, struct cmaw_run_record *record)
{
    CMAW_TRY(take_short(sql, record));
    record->plan = CMAW_BUF(CMAW_PLAN_MAX);
    record->ticket = CMAW_BUF(CMAW_TICKET_MAX);
    record->inputs = CMAW_BUF(CMAW_STORE_INPUTS_MAX);
    record->result = CMAW_BUF(CMAW_STORE_RESULT_MAX);
    cmaw_buf_put(&record->plan, cmaw_sql_blob(sql, 11));
    cmaw_buf_put(&record->ticket, cmaw_sql_blob(sql, 12));
    cmaw_buf_put(&record->inputs, cmaw_sql_blob(sql, 13));
    cmaw_buf_put(&record->result, cmaw_sql_blob(sql, 14));
    CMAW_TRY(record->plan.err);
    CMAW_TRY(record->ticket.err);
    CMAW_TRY(record->inputs.err);
    return record->result.err;
}

static bool is_hex_text(const char *text)
{
    return text[strspn(text, "0123456789abcdef")] == '\0';
}

/* The digits to look for: a prefix of the hex of the run id, which the workflow id repeats. */
static const char *prefix_of(const char *name)
{
    static const char workflow[] = "cmaw-";
    return strncmp(name, workflow, sizeof workflow - 1) == 0 ? name + sizeof workflow - 1 : name;
}

static enum cmaw_err not_found(const char *name, struct cmaw_diag *diag)
{
    cmaw_diag_hint(diag, "cmaw list shows the runs of this store");
    return strcmp(name, "last") == 0 ? cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "there is no run yet")
                                     : cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "unknown run %.80s", name);
}

enum cmaw_err cmaw_store_find_run(struct cmaw_store *store, const char *name, struct cmaw_run_record *ret_record,
                                  struct cmaw_diag *diag)
{
    const bool last = strcmp(name, "last") == 0;
    const char *prefix = prefix_of(name);
    if (!last && (strlen(prefix) < PREFIX_MIN || strlen(prefix) > 2 * CMAW_HASH_SIZE || !is_hex_text(prefix))) {
        return not_found(name, diag);
    }
    CMAW_SQL_AUTO(sql, store->db,
                  last ? "SELECT " SHORT_COLUMNS ", plan, ticket, inputs, result FROM runs ORDER BY number DESC LIMIT 1"
                       : "SELECT " SHORT_COLUMNS ", plan, ticket, inputs, result FROM runs WHERE lower(hex(run_id)) GLOB ? || '*'");
    if (!last) {
        cmaw_sql_bind_text(&sql, prefix);
    }
    const enum cmaw_err err = cmaw_sql_row(&sql, diag);
    if (err == CMAW_E_NOT_FOUND) {
        return not_found(name, diag);
    }
    CMAW_TRY(err);
    CMAW_RUN_RECORD_AUTO(record);
    CMAW_TRY(take_all(&sql, &record));
    const enum cmaw_err next = cmaw_sql_row(&sql, diag);
    if (next == CMAW_OK) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "several runs start with %.80s", name);
    }
    CMAW_REQUIRE(next == CMAW_E_NOT_FOUND, next);
    *ret_record = record;
    record = (struct cmaw_run_record){0};
    return CMAW_OK;
}

enum cmaw_err cmaw_store_each_run(struct cmaw_store *store, size_t limit,
                                  enum cmaw_err (*visit)(void *context, const struct cmaw_run_record *record), void *context,
                                  struct cmaw_diag *diag)
{
    CMAW_SQL_AUTO(sql, store->db, "SELECT " SHORT_COLUMNS " FROM runs ORDER BY number DESC LIMIT ?");
    cmaw_sql_bind_u64(&sql, limit);
    enum cmaw_err err = cmaw_sql_row(&sql, diag);
    for (; err == CMAW_OK; err = cmaw_sql_row(&sql, diag)) {
        struct cmaw_run_record record = {0};
        CMAW_TRY(take_short(&sql, &record));
        CMAW_TRY(visit(context, &record));
    }
    return err == CMAW_E_NOT_FOUND ? CMAW_OK : err;
}
