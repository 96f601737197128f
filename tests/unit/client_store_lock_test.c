/* The passphrase: what a wrong one does, how it is changed, and what becomes of a store of the first format. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/store/store_private.h"
#include "tests/unit/dying_vfs.h"
#include "tests/unit/store_fixture.h"

static enum cmaw_err try_unlock(struct store_fixture *fixture, const char *passphrase)
{
    CMAW_STORE_AUTO(store);
    store = store_fixture_reopen(fixture, NULL);
    return cmaw_store_unlock(store, cmaw_slice_of_cstr(passphrase), &fixture->diag);
}

static void read_store(struct store_fixture *fixture, struct cmaw_buf *file)
{
    *file = CMAW_BUF(1024 * 1024);
    assert_int_equal(cmaw_file_read(fixture->path, file, &fixture->diag), CMAW_OK);
}

static clock_t cost_of(struct store_fixture *fixture, const char *passphrase, enum cmaw_err expected)
{
    const clock_t before = clock();
    assert_int_equal(try_unlock(fixture, passphrase), expected);
    return clock() - before;
}

/* No shorter way to know that a passphrase is wrong, and no trace of the attempt. right: what the right one costs. */
static void check_wrong_passphrases(struct store_fixture *fixture, clock_t right)
{
    static const char *const wrong[] = {"wrong", "", "righT", "right\n", "a passphrase that is very much longer than the right one is, by any measure"};
    CMAW_BUF_AUTO(before, 0);
    read_store(fixture, &before);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_true(cost_of(fixture, wrong[i], CMAW_E_AUTH) > right / 4);
        assert_string_equal(fixture->diag.text, "wrong passphrase for the run store");
        CMAW_BUF_AUTO(after, 0);
        read_store(fixture, &after);
        assert_true(cmaw_slice_eq(cmaw_buf_slice(&before), cmaw_buf_slice(&after)));
    }
}

static void a_wrong_passphrase_costs_as_much_and_changes_nothing(void **state)
{
    struct store_fixture *fixture = *state;
    assert_int_equal(cmaw_store_unlock(fixture->store, CMAW_SLICE_LIT("right"), &fixture->diag), CMAW_OK);
    store_add(fixture, fixture->store, 1, 0x11);
    check_wrong_passphrases(fixture, cost_of(fixture, "right", CMAW_OK));
}

/* N = 2^17, r = 8, p = 1: the fixture gives the other tests less. */
static void a_passphrase_costs_what_the_page_says(void **state)
{
    (void)state;
    CMAW_BUF_AUTO(kdf, CMAW_STORE_KDF_SIZE);
    assert_int_equal(__real_cmaw_store_kdf_new(&kdf), CMAW_OK);
    assert_memory_equal(kdf.data, ((const uint8_t[]){0, 0, 0, 17, 0, 0, 0, 8, 0, 0, 0, 1}), 12);
}

static void a_changed_passphrase_opens_the_same_runs(void **state)
{
    struct store_fixture *fixture = *state;
    uint8_t fill = 0;
    assert_int_equal(cmaw_store_unlock(fixture->store, CMAW_SLICE_LIT("old"), &fixture->diag), CMAW_OK);
    store_add(fixture, fixture->store, 1, 0x11);
    CMAW_BUF_AUTO(old_lock, CMAW_STORE_LOCK_MAX);
    assert_int_equal(cmaw_store_get_meta(fixture->store, "lock", &old_lock, &fixture->diag), CMAW_OK);
    assert_int_equal(cmaw_store_set_passphrase(fixture->store, CMAW_SLICE_LIT("new"), &fixture->diag), CMAW_OK);

    assert_int_equal(try_unlock(fixture, "old"), CMAW_E_AUTH);
    CMAW_STORE_AUTO(other);
    other = store_fixture_reopen(fixture, "new");
    assert_int_equal(store_read(fixture, other, 1, &fill), CMAW_OK);
    assert_int_equal(fill, 0x11);
    assert_int_equal(store_read(fixture, fixture->store, 1, &fill), CMAW_OK); /* a program that has it open goes on */

    CMAW_BUF_AUTO(new_lock, CMAW_STORE_LOCK_MAX);
    assert_int_equal(cmaw_store_get_meta(other, "lock", &new_lock, &fixture->diag), CMAW_OK);
    const struct cmaw_slice salts[] = {cmaw_slice_sub(cmaw_buf_slice(&old_lock), 12, 16), cmaw_slice_sub(cmaw_buf_slice(&new_lock), 12, 16)};
    assert_false(cmaw_slice_eq(salts[0], salts[1]));
    CMAW_BUF_AUTO(file, 0);
    read_store(fixture, &file);
    assert_non_null(memmem(file.data, file.size, salts[1].data, salts[1].size));
    assert_null(memmem(file.data, file.size, salts[0].data, salts[0].size));
}

static void only_one_of_two_changes_the_passphrase(void **state)
{
    struct store_fixture *fixture = *state;
    assert_int_equal(cmaw_store_unlock(fixture->store, CMAW_SLICE_LIT("old"), &fixture->diag), CMAW_OK);
    CMAW_STORE_AUTO(other);
    other = store_fixture_reopen(fixture, "old");
    assert_int_equal(cmaw_store_set_passphrase(fixture->store, CMAW_SLICE_LIT("mine"), &fixture->diag), CMAW_OK);
    assert_int_equal(cmaw_store_set_passphrase(other, CMAW_SLICE_LIT("theirs"), &fixture->diag), CMAW_E_EXISTS);
    assert_non_null(strstr(fixture->diag.text, "another program"));
    assert_int_equal(try_unlock(fixture, "theirs"), CMAW_E_AUTH);
    assert_int_equal(try_unlock(fixture, "mine"), CMAW_OK);
}

/* In a child. */
static void change(void *context)
{
    struct store_fixture *fixture = context;
    struct cmaw_store *store = store_fixture_reopen(fixture, "old");
    assert_int_equal(cmaw_store_set_passphrase(store, CMAW_SLICE_LIT("new"), &fixture->diag), CMAW_OK);
}

static void check_one_opens(void *context, int nth)
{
    struct store_fixture *fixture = context;
    uint8_t fill = 0;
    const bool old = try_unlock(fixture, "old") == CMAW_OK;
    const bool new = try_unlock(fixture, "new") == CMAW_OK;
    if (old == new) {
        fail_msg("killed at moment %d: %s passphrase opens the store", nth, old ? "either" : "no");
    }
    CMAW_STORE_AUTO(store);
    store = store_fixture_reopen(fixture, old ? "old" : "new");
    assert_int_equal(store_read(fixture, store, 1, &fill), CMAW_OK);
    if (new) {
        assert_int_equal(cmaw_store_set_passphrase(store, CMAW_SLICE_LIT("old"), &fixture->diag), CMAW_OK);
    }
}

static void a_kill_at_any_moment_leaves_one_passphrase(void **state)
{
    struct store_fixture *fixture = *state;
    assert_int_equal(cmaw_store_unlock(fixture->store, CMAW_SLICE_LIT("old"), &fixture->diag), CMAW_OK);
    store_add(fixture, fixture->store, 1, 0x11);
    cmaw_store_close(&fixture->store);
    assert_true(dying_vfs_each(1, change, check_one_opens, fixture) > 5);
    assert_int_equal(try_unlock(fixture, "new"), CMAW_OK);
}

static enum cmaw_err count_run(void *context, const struct cmaw_run_record *record)
{
    struct store_fixture *fixture = ((void **)context)[0];
    struct cmaw_store *store = ((void **)context)[1];
    size_t *count = ((void **)context)[2];
    CMAW_EDGE_SECRETS_AUTO(secrets);
    CMAW_TRY(cmaw_store_secrets(store, &record->run_id, &secrets, &fixture->diag));
    *count += cmaw_edge_secrets_of(&secrets, 1).size == CMAW_KEY_SIZE && !cmaw_slice_is_zero(cmaw_edge_secrets_of(&secrets, 1));
    return CMAW_OK;
}

static void check_v1_runs(struct store_fixture *fixture)
{
    size_t count = 0;
    CMAW_STORE_AUTO(store);
    store = store_fixture_reopen(fixture, STORE_V1_PASSPHRASE);
    assert_int_equal(cmaw_store_each_run(store, 10, count_run, (void *[]){fixture, store, &count}, &fixture->diag), CMAW_OK);
    assert_int_equal(count, 3);
}

static void a_store_of_the_first_format_is_brought_up_to_date(void **state)
{
    struct store_fixture *fixture = *state;
    bool old = false;
    store_fixture_use_v1(fixture);
    const clock_t right = cost_of(fixture, STORE_V1_PASSPHRASE, CMAW_OK);
    store_fixture_use_v1(fixture);
    check_wrong_passphrases(fixture, right);
    check_v1_runs(fixture);
    CMAW_STORE_AUTO(store);
    store = store_fixture_reopen(fixture, STORE_V1_PASSPHRASE);
    assert_int_equal(cmaw_store_is_old(store, &old, &fixture->diag), CMAW_OK);
    assert_false(old);
    store_add(fixture, store, 0x77, 0x22);
    uint8_t fill = 0;
    assert_int_equal(store_read(fixture, store, 0x77, &fill), CMAW_OK);
    assert_int_equal(fill, 0x22);
}

static void an_old_store_is_read_while_locked(void **state)
{
    struct store_fixture *fixture = *state;
    bool old = false;
    store_fixture_use_v1(fixture);
    CMAW_BUF_AUTO(before, 0);
    CMAW_BUF_AUTO(after, 0);
    read_store(fixture, &before);
    CMAW_STORE_AUTO(store);
    store = store_fixture_reopen(fixture, NULL);
    CMAW_RUN_RECORD_AUTO(record);
    assert_int_equal(cmaw_store_find_run(store, "last", &record, &fixture->diag), CMAW_OK);
    assert_int_equal(cmaw_store_check_not_shredded(store, &record, &fixture->diag), CMAW_OK);
    assert_int_equal(cmaw_store_is_old(store, &old, &fixture->diag), CMAW_OK);
    assert_true(old);
    read_store(fixture, &after);
    assert_true(cmaw_slice_eq(cmaw_buf_slice(&before), cmaw_buf_slice(&after)));
}

static void unlock_v1(void *context)
{
    struct cmaw_store *store = store_fixture_reopen(context, STORE_V1_PASSPHRASE);
    (void)store;
}

static void check_v1_is_whole(void *context, int nth)
{
    (void)nth;
    check_v1_runs(context);
    store_fixture_use_v1(context);
}

static void a_kill_at_any_moment_of_the_upgrade_loses_nothing(void **state)
{
    struct store_fixture *fixture = *state;
    store_fixture_use_v1(fixture);
    assert_true(dying_vfs_each(9, unlock_v1, check_v1_is_whole, fixture) > 20);
    check_v1_runs(fixture);
}

static void a_newer_format_is_refused(void **state)
{
    struct store_fixture *fixture = *state;
    struct cmaw_store *store = NULL;
    assert_int_equal(cmaw_sql_exec(fixture->store->db, "PRAGMA user_version = 3", &fixture->diag), CMAW_OK);
    assert_int_equal(cmaw_store_open(fixture->path, &store, &fixture->diag), CMAW_E_UNSUPPORTED);
    assert_non_null(strstr(fixture->diag.text, "newer cmaw"));
    assert_true(fixture->diag.hint[0] != '\0');
}

/* A program that keeps the store to itself for longer than others wait. */
static void a_busy_store_is_told(void **state)
{
    struct store_fixture *fixture = *state;
    assert_int_equal(cmaw_store_unlock(fixture->store, CMAW_SLICE_LIT("right"), &fixture->diag), CMAW_OK);
    CMAW_STORE_AUTO(other);
    other = store_fixture_reopen(fixture, "right");
    CMAW_TRANSACTION_AUTO(held);
    assert_int_equal(cmaw_sql_begin(other->db, &held, &fixture->diag), CMAW_OK);
    (void)sqlite3_busy_timeout(fixture->store->db, 50);
    assert_int_equal(cmaw_store_set_passphrase(fixture->store, CMAW_SLICE_LIT("new"), &fixture->diag), CMAW_E_BUSY);
    assert_non_null(strstr(fixture->diag.text, "in use by another program"));
    assert_true(fixture->diag.hint[0] != '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_passphrase_costs_what_the_page_says),
        WITH_STORE(a_wrong_passphrase_costs_as_much_and_changes_nothing), WITH_STORE(a_changed_passphrase_opens_the_same_runs),
        WITH_STORE(only_one_of_two_changes_the_passphrase), WITH_STORE(a_kill_at_any_moment_leaves_one_passphrase),
        WITH_STORE(a_store_of_the_first_format_is_brought_up_to_date), WITH_STORE(an_old_store_is_read_while_locked),
        WITH_STORE(a_kill_at_any_moment_of_the_upgrade_loses_nothing), WITH_STORE(a_newer_format_is_refused),
        WITH_STORE(a_busy_store_is_told),
    };
    return cmocka_run_group_tests_name("client_store_lock", tests, NULL, NULL);
}
