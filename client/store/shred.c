#include <string.h>

#include "client/store/store_private.h"

enum { MARK_SIZE = 48, BLOCK_SIZE = 1024 * 1024 }; /* bytes: enough of what was sealed to know it by, and read at once */

/* What must be gone: the beginnings of the sealed key and of the sealed secrets. */
struct marks {
    struct cmaw_buf of[2];
};

static void free_marks(struct marks *marks)
{
    cmaw_buf_free(&marks->of[0]);
    cmaw_buf_free(&marks->of[1]);
}

static enum cmaw_err take_marks(struct cmaw_store *store, const struct cmaw_bytes32 *run_id, struct marks *marks, struct cmaw_diag *diag)
{
    CMAW_SQL_AUTO(sql, store->db, "SELECT key, sealed FROM run_secrets WHERE run_id = ?");
    cmaw_sql_bind_blob(&sql, cmaw_bytes32_slice(run_id));
    CMAW_TRY(cmaw_sql_row(&sql, diag));
    for (int i = 0; i < 2; i++) {
        marks->of[i] = CMAW_BUF(MARK_SIZE);
        cmaw_buf_put(&marks->of[i], cmaw_slice_sub(cmaw_sql_blob(&sql, i), 0, MARK_SIZE));
        CMAW_TRY(marks->of[i].err);
    }
    return CMAW_OK;
}

static enum cmaw_err run_on(struct cmaw_store *store, const char *statement, const struct cmaw_bytes32 *run_id, struct cmaw_diag *diag)
{
    CMAW_SQL_AUTO(sql, store->db, statement);
    cmaw_sql_bind_blob(&sql, cmaw_bytes32_slice(run_id));
    return cmaw_sql_run(&sql, diag);
}

static enum cmaw_err mark_shredded(struct cmaw_store *store, const struct cmaw_bytes32 *run_id, struct cmaw_diag *diag)
{
    CMAW_SQL_AUTO(sql, store->db, "UPDATE run_secrets SET key = x'', sealed = x'', shredded_ms = ? WHERE run_id = ?");
    cmaw_sql_bind_u64(&sql, cmaw_wall_clock_ms());
    cmaw_sql_bind_blob(&sql, cmaw_bytes32_slice(run_id));
    return cmaw_sql_run(&sql, diag);
}

static bool holds(struct cmaw_slice block, const struct marks *marks)
{
    for (size_t i = 0; i < 2; i++) {
        const struct cmaw_slice mark = cmaw_buf_slice(&marks->of[i]);
        if (mark.size > 0 && memmem(block.data, block.size, mark.data, mark.size) != NULL) {
            return true;
        }
    }
    return false;
}

/* Looks through the file as SQLite has it open: a descriptor of our own would, when closed, drop the locks of others in this process. */
static enum cmaw_err search_file(struct cmaw_store *store, const struct marks *marks, bool *ret_found)
{
    sqlite3_file *file = NULL;
    sqlite3_int64 size = 0;
    CMAW_REQUIRE(sqlite3_file_control(store->db, "main", SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK && file->pMethods != NULL, CMAW_E_IO);
    CMAW_REQUIRE(file->pMethods->xFileSize(file, &size) == SQLITE_OK, CMAW_E_IO);
    CMAW_BUF_AUTO(block, BLOCK_SIZE);
    CMAW_TRY(cmaw_buf_reserve(&block, BLOCK_SIZE));
    bool found = false;
    for (sqlite3_int64 at = 0; at < size && !found; at += BLOCK_SIZE - MARK_SIZE) { /* blocks overlap, so that no mark falls between two */
        const int count = (int)(size - at < BLOCK_SIZE ? size - at : BLOCK_SIZE);
        cmaw_buf_reset(&block);
        CMAW_REQUIRE(file->pMethods->xRead(file, cmaw_buf_extend(&block, (size_t)count), count, at) == SQLITE_OK, CMAW_E_IO);
        found = holds(cmaw_buf_slice(&block), marks);
    }
    *ret_found = found;
    return CMAW_OK;
}

static enum cmaw_err destroy(struct cmaw_store *store, const struct cmaw_run_record *record, struct marks *marks, struct cmaw_diag *diag)
{
    uint64_t shredded_ms = 0;
    CMAW_TRANSACTION_AUTO(transaction);
    CMAW_TRY(cmaw_sql_begin(store->db, &transaction, diag));
    CMAW_TRY(cmaw_store_shredded_ms(store, &record->run_id, &shredded_ms, diag));
    CMAW_REQUIRE(shredded_ms == 0, CMAW_OK);
    CMAW_TRY(take_marks(store, &record->run_id, marks, diag));
    /* zeros of the same size first: they take the place of the bytes in the page */
    CMAW_TRY(run_on(store, "UPDATE run_secrets SET key = zeroblob(length(key)), sealed = zeroblob(length(sealed)) WHERE run_id = ?", &record->run_id, diag));
    CMAW_TRY(mark_shredded(store, &record->run_id, diag));
    return cmaw_sql_commit(&transaction, diag);
}

/* SQLite moves rows between pages, and where one was, its bytes may stay in a gap, as may those of the first format: so all pages are made anew. */
enum cmaw_err cmaw_store_shred(struct cmaw_store *store, const struct cmaw_run_record *record, struct cmaw_diag *diag)
{
    [[gnu::cleanup(free_marks)]] struct marks marks = {0};
    bool found = false;
    CMAW_TRY(destroy(store, record, &marks, diag));
    const enum cmaw_err err = cmaw_sql_exec(store->db, "VACUUM", diag);
    if (err != CMAW_OK) {
        cmaw_diag_hint(diag, "its secrets are destroyed; shred it once more to clean the gaps of the file as well");
        return err;
    }
    CMAW_TRY(search_file(store, &marks, &found));
    return found ? cmaw_diag_set(diag, CMAW_E_IO, "what seals run %s is still in the file of the run store", record->workflow_id) : CMAW_OK;
}
