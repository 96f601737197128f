/* Export and import: what arrives, what is refused, and that a refusal changes nothing. */
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
#include "client/store/transfer.h"
#include "tests/unit/dying_vfs.h"
#include "tests/unit/store_fixture.h"

static enum cmaw_err gather_id(void *context, const struct cmaw_run_record *record)
{
    cmaw_buf_put(context, cmaw_bytes32_slice(&record->run_id));
    return ((struct cmaw_buf *)context)->err;
}

static void export_all(struct store_fixture *fixture, struct cmaw_store *store, struct cmaw_buf *file)
{
    CMAW_BUF_AUTO(ids, 4096);
    *file = CMAW_BUF(CMAW_TRANSFER_MAX);
    assert_int_equal(cmaw_store_each_run(store, 100, gather_id, &ids, &fixture->diag), CMAW_OK);
    const struct cmaw_export request = {.run_ids = cmaw_buf_slice(&ids), .all = true, .passphrase = CMAW_SLICE_LIT("for the road")};
    assert_int_equal(cmaw_store_export(store, &request, file, &fixture->diag), CMAW_OK);
}

static enum cmaw_err import_file(struct store_fixture *fixture, struct cmaw_store *store, struct cmaw_slice file, struct cmaw_slice trusted,
                                 struct cmaw_import_result *ret_result)
{
    const struct cmaw_import request = {.file = file, .passphrase = CMAW_SLICE_LIT("for the road"), .trusted = trusted};
    return cmaw_store_import(store, &request, ret_result, &fixture->diag);
}

/* Imports, and compares what was done. */
static void check_import(struct store_fixture *fixture, struct cmaw_store *store, const struct cmaw_buf *file, const struct cmaw_import_result *expected)
{
    struct cmaw_import_result result = {0};
    assert_int_equal(import_file(fixture, store, cmaw_buf_slice(file), CMAW_SLICE_EMPTY, &result), CMAW_OK);
    assert_int_equal(result.added, expected->added);
    assert_int_equal(result.known, expected->known);
    assert_int_equal(result.completed, expected->completed);
    assert_int_equal(result.shredded, expected->shredded);
    cmaw_buf_free(&result.untrusted);
}

/* A second store in the fixture's folder, which is removed with it. */
struct second {
    char path[CMAW_PATH_MAX];
    struct cmaw_store *store;
};

static void second_close(struct second *second)
{
    cmaw_store_close(&second->store);
    assert_int_equal(unlink(second->path), 0);
}
#define SECOND_AUTO(name) [[gnu::cleanup(second_close)]] struct second name = {0}

static void second_open(struct store_fixture *fixture, struct second *second)
{
    assert_int_equal(cmaw_path(second->path, "%s/second.db", fixture->folder), CMAW_OK);
    assert_int_equal(cmaw_store_open(second->path, &second->store, &fixture->diag), CMAW_OK);
    assert_int_equal(cmaw_store_unlock(second->store, CMAW_SLICE_LIT("another"), &fixture->diag), CMAW_OK);
}

static void fill_store(struct store_fixture *fixture)
{
    assert_int_equal(cmaw_store_unlock(fixture->store, CMAW_SLICE_LIT("right"), &fixture->diag), CMAW_OK);
    store_add(fixture, fixture->store, 1, 0x11);
    store_add(fixture, fixture->store, 2, 0x22);
}

static void runs_arrive_and_arrive_once(void **state)
{
    struct store_fixture *fixture = *state;
    uint8_t fill = 0;
    CMAW_BUF_AUTO(file, 0);
    SECOND_AUTO(second);
    fill_store(fixture);
    export_all(fixture, fixture->store, &file);
    assert_null(memmem(file.data, file.size, "claim", 5)); /* nothing of a run is in clear, not even its name */
    second_open(fixture, &second);
    check_import(fixture, second.store, &file, &(struct cmaw_import_result){.added = 2});
    check_import(fixture, second.store, &file, &(struct cmaw_import_result){.known = 2});
    assert_int_equal(store_read(fixture, second.store, 2, &fill), CMAW_OK);
    assert_int_equal(fill, 0x22);
    CMAW_RUN_RECORD_AUTO(found);
    assert_int_equal(cmaw_store_find_run(second.store, "01cd", &found, &fixture->diag), CMAW_OK);
    assert_true(cmaw_slice_eq_cstr(cmaw_buf_slice(&found.result), "result") && found.ended_ms == 5000 && found.created_ms == 1001);
}

static void a_changed_file_changes_nothing(void **state)
{
    struct store_fixture *fixture = *state;
    CMAW_BUF_AUTO(file, 0);
    SECOND_AUTO(second);
    struct cmaw_import_result result = {0};
    fill_store(fixture);
    export_all(fixture, fixture->store, &file);
    second_open(fixture, &second);
    const struct cmaw_import wrong = {.file = cmaw_buf_slice(&file), .passphrase = CMAW_SLICE_LIT("for the toad")};
    assert_int_equal(cmaw_store_import(second.store, &wrong, &result, &fixture->diag), CMAW_E_AUTH);
    for (size_t i = 0; i < 40; i++) { /* in every part, the cost aside, which would cost */
        const size_t at = i < 8 ? i : 24 + (file.size - 25) * (i - 8) / 31;
        file.data[at] ^= 1;
        assert_int_not_equal(import_file(fixture, second.store, cmaw_buf_slice(&file), CMAW_SLICE_EMPTY, &result), CMAW_OK);
        file.data[at] ^= 1;
    }
    const size_t sizes[] = {0, 11, 40, 44, file.size / 2, file.size - 1};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_int_not_equal(import_file(fixture, second.store, cmaw_slice_of(file.data, sizes[i]), CMAW_SLICE_EMPTY, &result), CMAW_OK);
    }
    cmaw_buf_put_u8(&file, 0);
    assert_int_equal(import_file(fixture, second.store, cmaw_buf_slice(&file), CMAW_SLICE_EMPTY, &result), CMAW_E_MALFORMED);
    CMAW_RUN_RECORD_AUTO(none);
    assert_int_equal(cmaw_store_find_run(second.store, "last", &none, &fixture->diag), CMAW_E_NOT_FOUND);
}

static void a_cost_without_end_is_refused(void **state)
{
    (void)state;
    static const uint32_t costs[][4] = {{15, 8, 1, 1}, {17, 8, 4, 1}, {18, 8, 1, 0}, {9, 8, 1, 0}, {15, 9, 1, 0}, {15, 8, 5, 0}, {15, 8, 0, 0}};
    for (size_t i = 0; i < sizeof costs / sizeof costs[0]; i++) {
        struct cmaw_transfer transfer;
        CMAW_BUF_AUTO(file, 200);
        cmaw_buf_put_cstr(&file, "cmaw-runs/1\n");
        for (size_t k = 0; k < 3; k++) {
            cmaw_buf_put_u32be(&file, costs[i][k]);
        }
        cmaw_buf_put(&file, cmaw_slice_of_cstr("sixteen of bytes"));
        cmaw_buf_put_u32be(&file, 0);
        assert_int_equal(cmaw_transfer_parse(cmaw_buf_slice(&file), &transfer), costs[i][3] != 0 ? CMAW_OK : CMAW_E_MALFORMED);
        file.data[10] = '2';
        assert_int_equal(cmaw_transfer_parse(cmaw_buf_slice(&file), &transfer), CMAW_E_UNSUPPORTED);
    }
}

enum flaw { FLAW_NONE, FLAW_WORKFLOW_ID, FLAW_CONTROL, FLAW_STATUS, FLAW_TIME, FLAW_SHREDDED, FLAW_SECRET_SIZE, FLAW_SECRET_ORDER, FLAW_SECRET_EDGE, FLAWS };

static void encode_flawed(enum flaw flaw, struct cmaw_buf *plain)
{
    CMAW_TRANSFER_RUN_AUTO(run);
    CMAW_EDGE_SECRETS_AUTO(secrets);
    run.record = store_record_ended(1);
    run.secrets = CMAW_BUF(200);
    store_put_secret(&secrets, 2, 0x11);
    assert_int_equal(cmaw_store_pack_secrets(&secrets, &run.secrets), CMAW_OK);
    run.record.workflow_id[9] = flaw == FLAW_WORKFLOW_ID ? 'f' : run.record.workflow_id[9];
    run.record.name[0] = flaw == FLAW_CONTROL ? '\x1b' : run.record.name[0];
    run.record.status = flaw == FLAW_STATUS ? CMAW_RUN_TIMED_OUT + 1 : CMAW_RUN_TIMED_OUT;
    run.record.ended_ms = flaw == FLAW_TIME ? (uint64_t)1 << 63 : 1;
    run.shredded_ms = flaw == FLAW_SHREDDED;
    run.secrets.data[3] = flaw == FLAW_SECRET_EDGE ? 0 : 2;
    if (flaw == FLAW_SECRET_SIZE) {
        cmaw_buf_truncate(&run.secrets, run.secrets.size - 1);
    } else if (flaw == FLAW_SECRET_ORDER) {
        cmaw_buf_put_u32be(&run.secrets, 1);
        cmaw_buf_put(&run.secrets, cmaw_edge_secrets_of(&secrets, 2));
    }
    cmaw_transfer_run_encode(&run, plain);
    assert_int_equal(plain->err, CMAW_OK);
}

static void a_malformed_run_is_refused(void **state)
{
    (void)state;
    for (int flaw = FLAW_NONE; flaw < FLAWS; flaw++) {
        CMAW_BUF_AUTO(plain, 4096);
        CMAW_TRANSFER_RUN_AUTO(run);
        encode_flawed((enum flaw)flaw, &plain);
        assert_int_equal(cmaw_transfer_run_decode(cmaw_buf_slice(&plain), &run), flaw == FLAW_NONE ? CMAW_OK : CMAW_E_MALFORMED);
        for (size_t size = 0; flaw == FLAW_NONE && size < plain.size; size++) {
            CMAW_TRANSFER_RUN_AUTO(none);
            assert_int_not_equal(cmaw_transfer_run_decode(cmaw_slice_of(plain.data, size), &none), CMAW_OK);
        }
        cmaw_buf_put_u8(&plain, 0);
        CMAW_TRANSFER_RUN_AUTO(longer);
        assert_int_equal(cmaw_transfer_run_decode(cmaw_buf_slice(&plain), &longer), CMAW_E_MALFORMED);
    }
}

/* Both stores have both runs; run 1 goes on, as far as the second one knows. */
static void carry_and_forget_end(struct store_fixture *fixture, struct cmaw_buf *file, struct second *second)
{
    fill_store(fixture);
    export_all(fixture, fixture->store, file);
    second_open(fixture, second);
    check_import(fixture, second->store, file, &(struct cmaw_import_result){.added = 2});
    assert_int_equal(cmaw_sql_exec(second->store->db, "UPDATE runs SET status = 1, ended_ms = 0, result = x'' WHERE created_ms = 1001", &fixture->diag), CMAW_OK);
}

static void an_end_that_came_elsewhere_is_taken_over(void **state)
{
    struct store_fixture *fixture = *state;
    CMAW_BUF_AUTO(file, 0);
    SECOND_AUTO(second);
    carry_and_forget_end(fixture, &file, &second);
    check_import(fixture, second.store, &file, &(struct cmaw_import_result){.completed = 1, .known = 1});
    check_import(fixture, second.store, &file, &(struct cmaw_import_result){.known = 2});
}

static void an_end_without_secrets_is_not_taken_over(void **state)
{
    struct store_fixture *fixture = *state;
    CMAW_BUF_AUTO(file, 0);
    CMAW_BUF_AUTO(shredded, 0);
    CMAW_RUN_RECORD_AUTO(run);
    CMAW_RUN_RECORD_AUTO(found);
    SECOND_AUTO(second);
    carry_and_forget_end(fixture, &file, &second);
    assert_int_equal(cmaw_store_find_run(fixture->store, "01cd", &run, &fixture->diag), CMAW_OK);
    assert_int_equal(cmaw_store_shred(fixture->store, &run, &fixture->diag), CMAW_OK);
    export_all(fixture, fixture->store, &shredded);
    check_import(fixture, second.store, &shredded, &(struct cmaw_import_result){.known = 2});
    assert_int_equal(cmaw_store_find_run(second.store, "01cd", &found, &fixture->diag), CMAW_OK);
    assert_int_equal(found.status, CMAW_RUN_RUNNING);
}

static void another_content_is_refused_and_nothing_is_imported(void **state)
{
    static const char *const changes[] = {
        "UPDATE runs SET plan = x'00' WHERE created_ms = 1002", "UPDATE runs SET ticket = x'00' WHERE created_ms = 1002",
        "UPDATE runs SET inputs = x'00' WHERE created_ms = 1002", "UPDATE runs SET result = x'00' WHERE created_ms = 1002",
        "UPDATE runs SET status = 3 WHERE created_ms = 1002", "UPDATE runs SET mh = zeroblob(32) WHERE created_ms = 1002",
        "UPDATE runs SET created_ms = 1003 WHERE created_ms = 1002"};
    struct store_fixture *fixture = *state;
    CMAW_BUF_AUTO(file, 0);
    fill_store(fixture);
    export_all(fixture, fixture->store, &file);
    for (size_t i = 0; i <= sizeof changes / sizeof changes[0]; i++) {
        SECOND_AUTO(second);
        struct cmaw_import_result result = {0};
        second_open(fixture, &second);
        if (i == sizeof changes / sizeof changes[0]) {
            store_add(fixture, second.store, 2, 0x33); /* the same, with another secret */
        } else {
            store_add(fixture, second.store, 2, 0x22);
            assert_int_equal(cmaw_sql_exec(second.store->db, changes[i], &fixture->diag), CMAW_OK);
        }
        assert_int_equal(import_file(fixture, second.store, cmaw_buf_slice(&file), CMAW_SLICE_EMPTY, &result), CMAW_E_EXISTS);
        assert_non_null(strstr(fixture->diag.text, "with another content"));
        CMAW_RUN_RECORD_AUTO(none);
        assert_int_equal(cmaw_store_find_run(second.store, "01cd", &none, &fixture->diag), CMAW_E_NOT_FOUND);
    }
}

static void what_was_shredded_stays_so(void **state)
{
    struct store_fixture *fixture = *state;
    uint8_t fill = 0;
    CMAW_BUF_AUTO(file, 0);
    CMAW_BUF_AUTO(later, 0);
    SECOND_AUTO(second);
    fill_store(fixture);
    export_all(fixture, fixture->store, &file);
    CMAW_RUN_RECORD_AUTO(record);
    assert_int_equal(cmaw_store_find_run(fixture->store, "01cd", &record, &fixture->diag), CMAW_OK);
    assert_int_equal(cmaw_store_shred(fixture->store, &record, &fixture->diag), CMAW_OK);
    check_import(fixture, fixture->store, &file, &(struct cmaw_import_result){.shredded = 1, .known = 1});
    assert_int_equal(store_read(fixture, fixture->store, 1, &fill), CMAW_E_DENIED);

    export_all(fixture, fixture->store, &later);
    second_open(fixture, &second);
    check_import(fixture, second.store, &later, &(struct cmaw_import_result){.added = 2});
    assert_int_equal(store_read(fixture, second.store, 1, &fill), CMAW_E_DENIED);
    check_import(fixture, second.store, &file, &(struct cmaw_import_result){.shredded = 1, .known = 1});
}

/* The deployment of the runs in the store of the first format. */
static void no_deployment_is_trusted_unless_it_is_named(void **state)
{
    struct store_fixture *fixture = *state;
    struct cmaw_import_result result = {0};
    CMAW_BUF_AUTO(file, 0);
    CMAW_BUF_AUTO(bundle, CMAW_BUNDLE_MAX);
    SECOND_AUTO(second);
    store_fixture_use_v1(fixture);
    fixture->store = store_fixture_reopen(fixture, STORE_V1_PASSPHRASE);
    export_all(fixture, fixture->store, &file);
    second_open(fixture, &second);
    assert_int_equal(import_file(fixture, second.store, cmaw_buf_slice(&file), CMAW_SLICE_EMPTY, &result), CMAW_OK);
    assert_int_equal(result.added, 3);
    assert_int_equal(result.pinned, 0);
    assert_int_equal(result.untrusted.size, CMAW_HASH_SIZE);
    assert_int_equal(cmaw_store_bundle(second.store, NULL, &bundle, &fixture->diag), CMAW_E_NOT_FOUND);

    struct cmaw_bytes32 other = {{1}};
    struct cmaw_import_result none = {0};
    assert_int_equal(import_file(fixture, second.store, cmaw_buf_slice(&file), cmaw_bytes32_slice(&other), &none), CMAW_E_NOT_FOUND);
    struct cmaw_import_result trusting = {0};
    assert_int_equal(import_file(fixture, second.store, cmaw_buf_slice(&file), cmaw_buf_slice(&result.untrusted), &trusting), CMAW_OK);
    assert_int_equal(trusting.known, 3);
    assert_int_equal(trusting.pinned, 1);
    assert_int_equal(trusting.untrusted.size, 0);
    assert_int_equal(cmaw_store_bundle(second.store, NULL, &bundle, &fixture->diag), CMAW_OK);
    cmaw_buf_free(&result.untrusted);

    /* what was pinned here by hand comes first, whenever it was */
    CMAW_SQL_AUTO(sql, second.store->db, "INSERT INTO bundles(mh, tenant, serial, epoch, pinned_ms, bundle) VALUES(x'00', '', 0, 0, 1, x'aa')");
    assert_int_equal(cmaw_sql_run(&sql, &fixture->diag), CMAW_OK);
    cmaw_buf_reset(&bundle);
    assert_int_equal(cmaw_store_bundle(second.store, NULL, &bundle, &fixture->diag), CMAW_OK);
    assert_int_equal(bundle.size, 1);
}

struct import_context {
    struct store_fixture *fixture;
    struct cmaw_buf file;
    char path[CMAW_PATH_MAX];
};

/* In a child. */
static void import_once(void *context)
{
    struct import_context *import = context;
    struct cmaw_store *store = NULL;
    struct cmaw_import_result result = {0};
    assert_int_equal(cmaw_store_open(import->path, &store, &import->fixture->diag), CMAW_OK);
    assert_int_equal(cmaw_store_unlock(store, CMAW_SLICE_LIT("another"), &import->fixture->diag), CMAW_OK);
    assert_int_equal(import_file(import->fixture, store, cmaw_buf_slice(&import->file), CMAW_SLICE_EMPTY, &result), CMAW_OK);
}

static void check_all_or_none(void *context, int nth)
{
    struct import_context *import = context;
    CMAW_STORE_AUTO(store);
    CMAW_BUF_AUTO(ids, 4096);
    assert_int_equal(cmaw_store_open(import->path, &store, &import->fixture->diag), CMAW_OK);
    assert_int_equal(cmaw_store_each_run(store, 10, gather_id, &ids, &import->fixture->diag), CMAW_OK);
    if (ids.size != 0 && ids.size != (size_t)2 * CMAW_HASH_SIZE) {
        fail_msg("killed at moment %d: %zu of 2 runs were imported", nth, ids.size / CMAW_HASH_SIZE);
    }
    assert_int_equal(cmaw_sql_exec(store->db, "DELETE FROM runs; DELETE FROM run_secrets", &import->fixture->diag), CMAW_OK);
}

static void a_kill_at_any_moment_imports_all_or_none(void **state)
{
    struct store_fixture *fixture = *state;
    static struct import_context import;
    SECOND_AUTO(second);
    import.fixture = fixture;
    fill_store(fixture);
    export_all(fixture, fixture->store, &import.file);
    second_open(fixture, &second);
    cmaw_store_close(&second.store);
    assert_int_equal(cmaw_path(import.path, "%s", second.path), CMAW_OK);
    assert_true(dying_vfs_each(2, import_once, check_all_or_none, &import) > 5);
    cmaw_buf_free(&import.file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(runs_arrive_and_arrive_once), WITH_STORE(a_changed_file_changes_nothing), cmocka_unit_test(a_cost_without_end_is_refused),
        cmocka_unit_test(a_malformed_run_is_refused), WITH_STORE(an_end_that_came_elsewhere_is_taken_over),
        WITH_STORE(an_end_without_secrets_is_not_taken_over), WITH_STORE(another_content_is_refused_and_nothing_is_imported),
        WITH_STORE(what_was_shredded_stays_so), WITH_STORE(no_deployment_is_trusted_unless_it_is_named),
        WITH_STORE(a_kill_at_any_moment_imports_all_or_none),
    };
    return cmocka_run_group_tests_name("client_store_transfer", tests, NULL, NULL);
}
