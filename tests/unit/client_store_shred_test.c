/* Shredding: what it leaves in the file, and what opens before and after. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/store/store_private.h"
#include "tests/unit/dying_vfs.h"
#include "tests/unit/store_fixture.h"

/* What seals the secrets of a run, as it is in the store. */
struct sealed {
    struct cmaw_buf key;
    struct cmaw_buf secrets;
};

static void sealed_free(struct sealed *sealed)
{
    cmaw_buf_free(&sealed->key);
    cmaw_buf_free(&sealed->secrets);
}
#define SEALED_AUTO(name) [[gnu::cleanup(sealed_free)]] struct sealed name = {0}

static void take_sealed(struct store_fixture *fixture, struct cmaw_store *store, uint8_t first, struct sealed *sealed)
{
    CMAW_SQL_AUTO(sql, store->db, "SELECT key, sealed FROM run_secrets WHERE hex(substr(run_id, 1, 1)) = upper(?)");
    char hex[3];
    (void)snprintf(hex, sizeof hex, "%02x", first);
    cmaw_sql_bind_text(&sql, hex);
    assert_int_equal(cmaw_sql_row(&sql, &fixture->diag), CMAW_OK);
    sealed->key = CMAW_BUF(CMAW_STORE_LOCK_MAX);
    sealed->secrets = CMAW_BUF(2 * CMAW_STORE_SECRETS_MAX);
    cmaw_buf_put(&sealed->key, cmaw_sql_blob(&sql, 0));
    cmaw_buf_put(&sealed->secrets, cmaw_sql_blob(&sql, 1));
}

/* Looks for every piece of 24 bytes in whatever files the store has: the database, and the journals that SQLite may keep beside it. */
static bool is_in_files(struct store_fixture *fixture, const struct cmaw_buf *needle)
{
    static const char *const ends[] = {"", "-journal", "-wal", "-shm"};
    for (size_t i = 0; i < 4; i++) {
        char path[CMAW_PATH_MAX];
        struct cmaw_diag none = {0};
        CMAW_BUF_AUTO(file, 64 * 1024 * 1024);
        assert_int_equal(cmaw_path(path, "%s%s", fixture->path, ends[i]), CMAW_OK);
        if (cmaw_file_read(path, &file, &none) != CMAW_OK) {
            continue;
        }
        for (size_t at = 0; at + 24 <= needle->size; at += 24) {
            if (memmem(file.data, file.size, needle->data + at, 24) != NULL) {
                return true;
            }
        }
    }
    return false;
}

static enum cmaw_err shred(struct store_fixture *fixture, struct cmaw_store *store, uint8_t first)
{
    char id[8];
    (void)snprintf(id, sizeof id, "%02xcd", first);
    CMAW_RUN_RECORD_AUTO(record);
    CMAW_TRY(cmaw_store_find_run(store, id, &record, &fixture->diag));
    return cmaw_store_shred(store, &record, &fixture->diag);
}

static void check_unreadable(struct store_fixture *fixture, struct cmaw_store *store, uint8_t first)
{
    uint8_t fill = 0;
    assert_int_equal(store_read(fixture, store, first, &fill), CMAW_E_DENIED);
    assert_non_null(strstr(fixture->diag.text, "was shredded on 2"));
    assert_non_null(strstr(fixture->diag.text, "unreadable for good"));
    assert_non_null(strstr(fixture->diag.hint, "copy"));
}

static void a_shredded_run_is_gone_from_the_files(void **state)
{
    struct store_fixture *fixture = *state;
    SEALED_AUTO(one);
    SEALED_AUTO(two);
    uint8_t fill = 0;
    assert_int_equal(cmaw_store_unlock(fixture->store, CMAW_SLICE_LIT("right"), &fixture->diag), CMAW_OK);
    store_add(fixture, fixture->store, 1, 0x11);
    store_add(fixture, fixture->store, 2, 0x22);
    take_sealed(fixture, fixture->store, 1, &one);
    take_sealed(fixture, fixture->store, 2, &two);
    assert_true(is_in_files(fixture, &one.key) && is_in_files(fixture, &one.secrets));

    CMAW_STORE_AUTO(locked);
    locked = store_fixture_reopen(fixture, NULL);
    assert_int_equal(shred(fixture, locked, 1), CMAW_OK);
    assert_false(is_in_files(fixture, &one.key));
    assert_false(is_in_files(fixture, &one.secrets));
    check_unreadable(fixture, fixture->store, 1);
    assert_int_equal(shred(fixture, locked, 1), CMAW_OK);

    assert_true(is_in_files(fixture, &two.key) && is_in_files(fixture, &two.secrets));
    assert_int_equal(store_read(fixture, fixture->store, 2, &fill), CMAW_OK);
    assert_int_equal(fill, 0x22);
}

/* Rows that come, grow and go let SQLite move others between pages: what it leaves behind must go as well. */
static void nothing_is_left_in_a_store_that_was_used_for_long(void **state)
{
    enum { RUNS = 60 };
    struct store_fixture *fixture = *state;
    assert_int_equal(cmaw_store_unlock(fixture->store, CMAW_SLICE_LIT("right"), &fixture->diag), CMAW_OK);
    struct sealed sealed[RUNS] = {0};
    for (uint8_t i = 0; i < RUNS; i++) {
        const uint8_t id = (uint8_t)(i * 37); /* in no order, so that pages split in the middle */
        store_add(fixture, fixture->store, id, i);
        take_sealed(fixture, fixture->store, id, &sealed[i]);
    }
    for (uint8_t i = 0; i < RUNS; i += 7) {
        assert_int_equal(shred(fixture, fixture->store, (uint8_t)(i * 37)), CMAW_OK);
        assert_false(is_in_files(fixture, &sealed[i].key));
        assert_false(is_in_files(fixture, &sealed[i].secrets));
    }
    for (uint8_t i = 0; i < RUNS; i++) {
        uint8_t fill = 0;
        assert_int_equal(store_read(fixture, fixture->store, (uint8_t)(i * 37), &fill), i % 7 == 0 ? CMAW_E_DENIED : CMAW_OK);
        sealed_free(&sealed[i]);
    }
}

/* Bytes in pages that nothing uses, however they came there. */
static void free_pages_are_cleaned(void **state)
{
    struct store_fixture *fixture = *state;
    SEALED_AUTO(sealed);
    assert_int_equal(cmaw_store_unlock(fixture->store, CMAW_SLICE_LIT("right"), &fixture->diag), CMAW_OK);
    store_add(fixture, fixture->store, 1, 0x11);
    take_sealed(fixture, fixture->store, 1, &sealed);
    assert_int_equal(cmaw_sql_exec(fixture->store->db, "PRAGMA secure_delete = OFF; CREATE TABLE scrap AS SELECT * FROM run_secrets; DROP TABLE scrap;"
                                   "PRAGMA secure_delete = ON", &fixture->diag), CMAW_OK);
    assert_int_equal(shred(fixture, fixture->store, 1), CMAW_OK);
    assert_false(is_in_files(fixture, &sealed.key));
    assert_false(is_in_files(fixture, &sealed.secrets));
}

/* What the documentation warns of: a copy from before keeps the secrets, and the passphrase opens them. */
static void a_copy_from_before_still_opens(void **state)
{
    struct store_fixture *fixture = *state;
    uint8_t fill = 0;
    CMAW_BUF_AUTO(copy, 1024 * 1024);
    assert_int_equal(cmaw_store_unlock(fixture->store, CMAW_SLICE_LIT("right"), &fixture->diag), CMAW_OK);
    store_add(fixture, fixture->store, 1, 0x11);
    assert_int_equal(cmaw_file_read(fixture->path, &copy, &fixture->diag), CMAW_OK);
    assert_int_equal(shred(fixture, fixture->store, 1), CMAW_OK);
    cmaw_store_close(&fixture->store);

    assert_int_equal(cmaw_file_write(fixture->path, cmaw_buf_slice(&copy), 0600, &fixture->diag), CMAW_OK);
    fixture->store = store_fixture_reopen(fixture, "right");
    assert_int_equal(store_read(fixture, fixture->store, 1, &fill), CMAW_OK);
    assert_int_equal(fill, 0x11);
}

/* The sealed secrets alone, put back, do not open without the key that was destroyed: that is what makes the few bytes enough. */
static void sealed_secrets_without_their_key_do_not_open(void **state)
{
    struct store_fixture *fixture = *state;
    SEALED_AUTO(sealed);
    uint8_t fill = 0;
    assert_int_equal(cmaw_store_unlock(fixture->store, CMAW_SLICE_LIT("right"), &fixture->diag), CMAW_OK);
    store_add(fixture, fixture->store, 1, 0x11);
    store_add(fixture, fixture->store, 2, 0x22);
    take_sealed(fixture, fixture->store, 1, &sealed);
    assert_int_equal(shred(fixture, fixture->store, 1), CMAW_OK);
    static const char *const keys[] = {"x''", "(SELECT key FROM run_secrets WHERE length(key) > 0)", "zeroblob(104)"};
    for (size_t i = 0; i < 3; i++) {
        char statement[200];
        (void)snprintf(statement, sizeof statement, "UPDATE run_secrets SET shredded_ms = 0, sealed = ?, key = %s WHERE hex(substr(run_id, 1, 1)) = '01'", keys[i]);
        CMAW_SQL_AUTO(sql, fixture->store->db, statement);
        cmaw_sql_bind_blob(&sql, cmaw_buf_slice(&sealed.secrets));
        assert_int_equal(cmaw_sql_run(&sql, &fixture->diag), CMAW_OK);
        assert_int_equal(store_read(fixture, fixture->store, 1, &fill), CMAW_E_AUTH);
    }
}

/* The first format sealed secrets under the passphrase itself; they are not left in gaps of the file. */
static void what_the_first_format_sealed_is_gone_too(void **state)
{
    struct store_fixture *fixture = *state;
    CMAW_BUF_AUTO(sealed, 2 * CMAW_STORE_SECRETS_MAX);
    store_fixture_use_v1(fixture);
    fixture->store = store_fixture_reopen(fixture, NULL);
    {
        CMAW_SQL_AUTO(sql, fixture->store->db, "SELECT secrets FROM runs ORDER BY number DESC LIMIT 1");
        assert_int_equal(cmaw_sql_row(&sql, &fixture->diag), CMAW_OK);
        cmaw_buf_put(&sealed, cmaw_sql_blob(&sql, 0));
    }
    assert_true(is_in_files(fixture, &sealed));
    assert_int_equal(cmaw_store_unlock(fixture->store, CMAW_SLICE_LIT(STORE_V1_PASSPHRASE), &fixture->diag), CMAW_OK);
    CMAW_RUN_RECORD_AUTO(record);
    assert_int_equal(cmaw_store_find_run(fixture->store, "last", &record, &fixture->diag), CMAW_OK);
    assert_int_equal(cmaw_store_shred(fixture->store, &record, &fixture->diag), CMAW_OK);
    assert_false(is_in_files(fixture, &sealed));
}

/* In a child. */
static void shred_one(void *context)
{
    struct cmaw_store *store = store_fixture_reopen(context, NULL);
    assert_int_equal(shred(context, store, 1), CMAW_OK);
}

/* After a kill the run reads as before or is shredded; shredding it again ends it, and no other run is harmed. */
static void check_after_kill(void *context, int nth)
{
    struct store_fixture *fixture = context;
    uint8_t fill = 0;
    CMAW_STORE_AUTO(store);
    store = store_fixture_reopen(fixture, "right");
    const enum cmaw_err err = store_read(fixture, store, 1, &fill);
    if (err != CMAW_OK && err != CMAW_E_DENIED) {
        fail_msg("killed at moment %d: %s", nth, fixture->diag.text);
    }
    assert_int_equal(store_read(fixture, store, 2, &fill), CMAW_OK);
    if (err == CMAW_E_DENIED) { /* for the next moment */
        CMAW_SQL_AUTO(sql, store->db, "DELETE FROM runs WHERE hex(substr(run_id, 1, 1)) = '01'");
        assert_int_equal(cmaw_sql_run(&sql, &fixture->diag), CMAW_OK);
        assert_int_equal(cmaw_sql_exec(store->db, "DELETE FROM run_secrets WHERE hex(substr(run_id, 1, 1)) = '01'", &fixture->diag), CMAW_OK);
        store_add(fixture, store, 1, 0x11);
    }
}

static void a_kill_at_any_moment_leaves_it_readable_or_shredded(void **state)
{
    struct store_fixture *fixture = *state;
    assert_int_equal(cmaw_store_unlock(fixture->store, CMAW_SLICE_LIT("right"), &fixture->diag), CMAW_OK);
    store_add(fixture, fixture->store, 1, 0x11);
    store_add(fixture, fixture->store, 2, 0x22);
    cmaw_store_close(&fixture->store);
    assert_true(dying_vfs_each(2, shred_one, check_after_kill, fixture) > 10);
    fixture->store = store_fixture_reopen(fixture, "right");
    check_unreadable(fixture, fixture->store, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(a_shredded_run_is_gone_from_the_files), WITH_STORE(nothing_is_left_in_a_store_that_was_used_for_long),
        WITH_STORE(free_pages_are_cleaned), WITH_STORE(a_copy_from_before_still_opens), WITH_STORE(sealed_secrets_without_their_key_do_not_open),
        WITH_STORE(what_the_first_format_sealed_is_gone_too), WITH_STORE(a_kill_at_any_moment_leaves_it_readable_or_shredded),
    };
    return cmocka_run_group_tests_name("client_store_shred", tests, NULL, NULL);
}
