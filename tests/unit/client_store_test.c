#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/store_fixture.h"

static void a_run_comes_back_with_its_secrets(void **state)
{
    struct store_fixture *fixture = *state;
    assert_int_equal(cmaw_store_unlock(fixture->store, CMAW_SLICE_LIT("right"), &fixture->diag), CMAW_OK);
    CMAW_RUN_RECORD_AUTO(record);
    record = store_record(0xab, "cmaw-abcd00");
    CMAW_EDGE_SECRETS_AUTO(secrets);
    store_put_secret(&secrets, 1, 0x11);
    store_put_secret(&secrets, 256, 0x22);
    assert_int_equal(cmaw_store_add_run(fixture->store, &record, &secrets, &fixture->diag), CMAW_OK);

    CMAW_STORE_AUTO(other);
    other = store_fixture_reopen(fixture, "right");
    CMAW_RUN_RECORD_AUTO(found);
    assert_int_equal(cmaw_store_find_run(other, "last", &found, &fixture->diag), CMAW_OK);
    assert_string_equal(found.workflow_id, "cmaw-abcd00");
    assert_true(cmaw_slice_eq_cstr(cmaw_buf_slice(&found.ticket), "ticket"));
    CMAW_EDGE_SECRETS_AUTO(opened);
    assert_int_equal(cmaw_store_secrets(other, &found.run_id, &opened, &fixture->diag), CMAW_OK);
    assert_int_equal(cmaw_edge_secrets_of(&opened, 256).data[31], 0x22);
    assert_int_equal(cmaw_edge_secrets_of(&opened, 2).size, 0);
}

static void the_wrong_passphrase_is_told(void **state)
{
    struct store_fixture *fixture = *state;
    assert_int_equal(cmaw_store_unlock(fixture->store, CMAW_SLICE_LIT("right"), &fixture->diag), CMAW_OK);
    CMAW_STORE_AUTO(other);
    other = store_fixture_reopen(fixture, NULL);
    assert_int_equal(cmaw_store_unlock(other, CMAW_SLICE_LIT("wrong"), &fixture->diag), CMAW_E_AUTH);
    assert_non_null(strstr(fixture->diag.text, "wrong passphrase"));
    bool has = false;
    assert_int_equal(cmaw_store_has_passphrase(other, &has, &fixture->diag), CMAW_OK);
    assert_true(has);
}

static void a_locked_store_gives_no_secret(void **state)
{
    struct store_fixture *fixture = *state;
    CMAW_RUN_RECORD_AUTO(record);
    record = store_record(1, "cmaw-01");
    CMAW_EDGE_SECRETS_AUTO(secrets);
    store_put_secret(&secrets, 1, 0x11);
    assert_int_equal(cmaw_store_add_run(fixture->store, &record, &secrets, &fixture->diag), CMAW_E_BUG);
}

/* The file holds no secret in clear, and the sealed ones of one run do not open as those of another. */
static void secrets_are_sealed_to_their_run(void **state)
{
    struct store_fixture *fixture = *state;
    assert_int_equal(cmaw_store_unlock(fixture->store, CMAW_SLICE_LIT("right"), &fixture->diag), CMAW_OK);
    for (uint8_t i = 1; i <= 2; i++) {
        CMAW_RUN_RECORD_AUTO(record);
        record = store_record(i, i == 1 ? "cmaw-01" : "cmaw-02");
        CMAW_EDGE_SECRETS_AUTO(secrets);
        store_put_secret(&secrets, 1, (uint8_t)(0x40 + i));
        assert_int_equal(cmaw_store_add_run(fixture->store, &record, &secrets, &fixture->diag), CMAW_OK);
    }
    CMAW_BUF_AUTO(file, 1024 * 1024);
    assert_int_equal(cmaw_file_read(fixture->path, &file, &fixture->diag), CMAW_OK);
    assert_null(memmem(file.data, file.size, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 32));
    struct stat info;
    assert_int_equal(stat(fixture->path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    CMAW_RUN_RECORD_AUTO(found);
    assert_int_equal(cmaw_store_find_run(fixture->store, "01cd", &found, &fixture->diag), CMAW_OK);
    CMAW_EDGE_SECRETS_AUTO(opened);
    assert_int_equal(cmaw_store_secrets(fixture->store, &found.run_id, &opened, &fixture->diag), CMAW_OK);
    assert_int_equal(cmaw_edge_secrets_of(&opened, 1).data[0], 0x41);
}

static void runs_are_found_by_the_start_of_their_id(void **state)
{
    struct store_fixture *fixture = *state;
    assert_int_equal(cmaw_store_unlock(fixture->store, CMAW_SLICE_LIT("right"), &fixture->diag), CMAW_OK);
    CMAW_EDGE_SECRETS_AUTO(secrets);
    for (uint8_t i = 0; i < 2; i++) {
        CMAW_RUN_RECORD_AUTO(record);
        record = store_record(0xab, i == 0 ? "cmaw-1" : "cmaw-2");
        record.run_id.bytes[4] = i;
        assert_int_equal(cmaw_store_add_run(fixture->store, &record, &secrets, &fixture->diag), CMAW_OK);
    }
    CMAW_RUN_RECORD_AUTO(found);
    assert_int_equal(cmaw_store_find_run(fixture->store, "abcd", &found, &fixture->diag), CMAW_E_MALFORMED);
    assert_int_equal(cmaw_store_find_run(fixture->store, "cmaw-abcd000001", &found, &fixture->diag), CMAW_OK);
    assert_string_equal(found.workflow_id, "cmaw-2");
    static const char *const unknown[] = {"feedfacefeedface", "abc", "", "ABCD", "*", "ab%d", "abcd' OR 1"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        struct cmaw_run_record none = {0};
        assert_int_equal(cmaw_store_find_run(fixture->store, unknown[i], &none, &fixture->diag), CMAW_E_NOT_FOUND);
    }
}

static void an_end_is_kept(void **state)
{
    struct store_fixture *fixture = *state;
    assert_int_equal(cmaw_store_unlock(fixture->store, CMAW_SLICE_LIT("right"), &fixture->diag), CMAW_OK);
    CMAW_RUN_RECORD_AUTO(record);
    record = store_record(3, "cmaw-3");
    CMAW_EDGE_SECRETS_AUTO(secrets);
    assert_int_equal(cmaw_store_add_run(fixture->store, &record, &secrets, &fixture->diag), CMAW_OK);
    assert_int_equal(cmaw_store_finish_run(fixture->store, &record.run_id, CMAW_RUN_FAILED, "DENIED", CMAW_SLICE_LIT("why"), &fixture->diag), CMAW_OK);
    CMAW_RUN_RECORD_AUTO(found);
    assert_int_equal(cmaw_store_find_run(fixture->store, "last", &found, &fixture->diag), CMAW_OK);
    assert_int_equal(found.status, CMAW_RUN_FAILED);
    assert_string_equal(found.code, "DENIED");
    assert_true(cmaw_slice_eq_cstr(cmaw_buf_slice(&found.result), "why"));
}

/* Two processes set a passphrase and add runs at the same time: one passphrase holds, and no run is lost. */
static void two_processes_share_a_store(void **state)
{
    enum { PROCESSES = 4, RUNS = 10 };
    struct store_fixture *fixture = *state;
    pid_t children[PROCESSES];
    for (uint8_t p = 0; p < PROCESSES; p++) {
        children[p] = fork();
        if (children[p] == 0) {
            struct cmaw_diag diag = {0};
            struct cmaw_store *store = NULL;
            struct cmaw_edge_secrets secrets = {0};
            bool good = cmaw_store_open(fixture->path, &store, &diag) == CMAW_OK && cmaw_store_unlock(store, CMAW_SLICE_LIT("same"), &diag) == CMAW_OK;
            for (uint8_t i = 0; good && i < RUNS; i++) {
                char id[32];
                (void)snprintf(id, sizeof id, "cmaw-%u-%u", p, i);
                struct cmaw_run_record record = store_record(p, id);
                record.run_id.bytes[5] = i;
                good = cmaw_store_add_run(store, &record, &secrets, &diag) == CMAW_OK;
            }
            _exit(good ? 0 : 1);
        }
    }
    for (size_t p = 0; p < PROCESSES; p++) {
        int status = -1;
        assert_int_equal(waitpid(children[p], &status, 0), children[p]);
        assert_int_equal(status, 0);
    }
    CMAW_STORE_AUTO(other);
    other = store_fixture_reopen(fixture, "same");
    for (uint8_t p = 0; p < PROCESSES; p++) {
        for (uint8_t i = 0; i < RUNS; i++) {
            char id[80];
            (void)snprintf(id, sizeof id, "%02xcd0000" "00%02x", p, i);
            CMAW_RUN_RECORD_AUTO(found);
            assert_int_equal(cmaw_store_find_run(other, id, &found, &fixture->diag), CMAW_OK);
            CMAW_EDGE_SECRETS_AUTO(opened);
            assert_int_equal(cmaw_store_secrets(other, &found.run_id, &opened, &fixture->diag), CMAW_OK);
        }
    }
}

static void what_is_no_store_is_refused(void **state)
{
    struct store_fixture *fixture = *state;
    char path[CMAW_PATH_MAX];
    assert_int_equal(cmaw_path(path, "%s/other.db", fixture->folder), CMAW_OK);
    assert_int_equal(cmaw_file_write(path, CMAW_SLICE_LIT("this is a text and no database, and it is long enough"), 0600, &fixture->diag), CMAW_OK);
    struct cmaw_store *store = NULL;
    assert_int_equal(cmaw_store_open(path, &store, &fixture->diag), CMAW_E_MALFORMED);
    assert_int_equal(unlink(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(a_run_comes_back_with_its_secrets), WITH_STORE(the_wrong_passphrase_is_told), WITH_STORE(a_locked_store_gives_no_secret),
        WITH_STORE(secrets_are_sealed_to_their_run),   WITH_STORE(runs_are_found_by_the_start_of_their_id), WITH_STORE(an_end_is_kept),
        WITH_STORE(two_processes_share_a_store),       WITH_STORE(what_is_no_store_is_refused),
    };
    return cmocka_run_group_tests_name("client_store", tests, NULL, NULL);
}
