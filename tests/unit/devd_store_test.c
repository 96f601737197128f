#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dev/sql.h"
#include "tests/unit/devd_folder.h"

enum { THREADS = 16, ROUNDS = 40, READERS = 4, LOOKS = 40000 };

static struct cmaw_store *open_store(const char *dir)
{
    struct cmaw_store *store = NULL;
    struct cmaw_diag diag = {0};
    assert_int_equal(cmaw_store_open(dir, false, &store, &diag), CMAW_OK);
    return store;
}

static int set_up(void **state)
{
    static struct devd_folder world;
    *state = &world;
    return devd_folder_make(&world) ? 0 : -1;
}

static int tear_down(void **state)
{
    return devd_folder_remove(*state) ? 0 : -1;
}

/* Without cmocka's assertions: threads use it. */
static bool put(struct cmaw_store *store, const char *name, bool keep)
{
    struct sqlite3 *db = NULL;
    return cmaw_store_begin(store, &db) == CMAW_OK && cmaw_store_set_setting(db, name, "value") == CMAW_OK
           && cmaw_store_end(store, keep) == CMAW_OK;
}

static int64_t count(struct cmaw_store *store)
{
    struct sqlite3 *db = NULL;
    struct sqlite3_stmt *rows = NULL;
    assert_int_equal(cmaw_store_begin(store, &db), CMAW_OK);
    assert_int_equal(cmaw_sql_query(db, &rows, "SELECT count(*) FROM setting", ""), CMAW_OK);
    assert_int_equal(cmaw_sql_next(rows), CMAW_OK);
    const int64_t result = cmaw_sql_i64(rows, 0);
    cmaw_sql_end(&rows);
    assert_int_equal(cmaw_store_end(store, false), CMAW_OK);
    return result;
}

static void what_is_kept_stays_and_what_is_not_goes(void **state)
{
    struct devd_folder *world = *state;
    struct sqlite3 *db = NULL;
    char value[16];
    assert_true(put(world->store, "kept", true));
    assert_true(put(world->store, "undone", false));
    assert_int_equal(count(world->store), 1);
    cmaw_store_close(&world->store);
    world->store = open_store(world->dir);
    assert_int_equal(cmaw_store_begin(world->store, &db), CMAW_OK);
    assert_int_equal(cmaw_store_setting(db, "kept", value, sizeof value), CMAW_OK);
    assert_string_equal(value, "value");
    assert_int_equal(cmaw_store_setting(db, "undone", value, sizeof value), CMAW_E_NOT_FOUND);
    assert_int_equal(cmaw_store_setting(db, "kept", value, 5), CMAW_E_TOO_LARGE);
    assert_int_equal(cmaw_store_end(world->store, false), CMAW_OK);
}

struct worker {
    struct cmaw_store *store;
    int number;
    bool failed;
    pthread_t thread;
};

static void *work(void *argument)
{
    struct worker *worker = argument;
    char name[32];
    for (int i = 0; i < ROUNDS; i++) {
        (void)snprintf(name, sizeof name, "%d.%d", worker->number, i);
        worker->failed |= !put(worker->store, name, i % 2 == 0);
    }
    return NULL;
}

/* Requests that are undone share a transaction with others that are kept. */
static void many_at_once_do_not_mix(void **state)
{
    struct devd_folder *world = *state;
    struct worker workers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.store = world->store, .number = i};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
        assert_false(workers[i].failed);
    }
    assert_int_equal(count(world->store), THREADS * ROUNDS / 2);
}

static void *look(void *argument)
{
    struct worker *worker = argument;
    for (int i = 0; i < LOOKS; i++) {
        struct sqlite3 *db = NULL;
        worker->failed |= cmaw_store_begin(worker->store, &db) != CMAW_OK || cmaw_store_end(worker->store, i % 16 == worker->number) != CMAW_OK;
    }
    return NULL;
}

/* The last to leave a transaction that nobody keeps closes it while others come in, most of whom keep nothing either. */
static void readers_meet_at_the_door(void **state)
{
    struct devd_folder *world = *state;
    struct worker workers[READERS];
    for (int i = 0; i < READERS; i++) {
        workers[i] = (struct worker){.store = world->store, .number = i};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, look, &workers[i]), 0);
    }
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
        assert_false(workers[i].failed);
    }
}

/* A command in another process writes while the first serves: here, a second store. */
static void another_process_may_write_in_between(void **state)
{
    struct devd_folder *world = *state;
    struct cmaw_store *other = open_store(world->dir);
    for (int i = 0; i < 10; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "a%d", i);
        assert_true(put(world->store, name, true));
        name[0] = 'b';
        assert_true(put(other, name, i % 2 == 0));
        assert_int_equal(count(world->store), i + 1 + i / 2 + 1);
    }
    cmaw_store_close(&other);
}

static void what_was_acknowledged_is_on_the_disk(void **state)
{
    struct devd_folder *world = *state;
    assert_true(put(world->store, "first", true));
    /* another connection sees only what is committed */
    struct cmaw_store *other = open_store(world->dir);
    assert_int_equal(count(other), 1);
    cmaw_store_close(&other);
}

/* A database as the first version made it: what was in it stays, and it has what later versions need. */
static void a_database_of_the_first_version_is_brought_up(void **state)
{
    struct devd_folder *world = *state;
    struct sqlite3 *db = NULL;
    assert_int_equal(cmaw_store_begin(world->store, &db), CMAW_OK);
    assert_int_equal(cmaw_sql_run(db, "DROP TABLE event", ""), CMAW_OK);
    assert_int_equal(cmaw_sql_run(db, "CREATE TABLE event (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, time_ms INTEGER NOT NULL,"
                                      " name TEXT NOT NULL, source TEXT NOT NULL, username TEXT NOT NULL, access_key TEXT NOT NULL,"
                                      " read_only TEXT NOT NULL, resource TEXT NOT NULL, body TEXT NOT NULL)", ""), CMAW_OK);
    assert_int_equal(cmaw_sql_run(db, "CREATE INDEX event_name ON event (name, seq)", ""), CMAW_OK);
    assert_int_equal(cmaw_sql_run(db, "INSERT INTO event VALUES (7, 'old', 1, '', '', '', '', '', '', '')", ""), CMAW_OK);
    assert_int_equal(cmaw_sql_run(db, "PRAGMA user_version = 0", ""), CMAW_OK);
    assert_int_equal(cmaw_store_end(world->store, true), CMAW_OK);
    cmaw_store_close(&world->store);
    world->store = open_store(world->dir);
    assert_int_equal(cmaw_store_begin(world->store, &db), CMAW_OK);
    CMAW_SQL_AUTO(rows);
    assert_int_equal(cmaw_sql_query(db, &rows, "SELECT visible_ms, other, id FROM event WHERE seq = 7", ""), CMAW_OK);
    assert_int_equal(cmaw_sql_next(rows), CMAW_OK);
    assert_int_equal(cmaw_sql_i64(rows, 0), 0);
    assert_string_equal(cmaw_sql_text(rows, 2), "old");
    cmaw_sql_end(&rows);
    assert_int_equal(cmaw_store_end(world->store, false), CMAW_OK);
}

static void a_folder_without_a_database_is_refused(void **state)
{
    (void)state;
    struct cmaw_store *store = NULL;
    struct cmaw_diag diag = {0};
    assert_int_equal(cmaw_store_open("/nonexistent", false, &store, &diag), CMAW_E_NOT_FOUND);
    assert_null(store);
    assert_non_null(strstr(diag.hint, "cmaw-devd init"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_kept_stays_and_what_is_not_goes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_at_once_do_not_mix, set_up, tear_down),
        cmocka_unit_test_setup_teardown(readers_meet_at_the_door, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_process_may_write_in_between, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_acknowledged_is_on_the_disk, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_database_of_the_first_version_is_brought_up, set_up, tear_down),
        cmocka_unit_test(a_folder_without_a_database_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
