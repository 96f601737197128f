#include "tests/unit/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/store/store_private.h"
#include "lib/base/text.h"

/* Every passphrase that a test sets costs an eighth of what it costs people. */
enum cmaw_err __wrap_cmaw_store_kdf_new(struct cmaw_buf *kdf);
enum cmaw_err __wrap_cmaw_store_kdf_new(struct cmaw_buf *kdf)
{
    CMAW_TRY(__real_cmaw_store_kdf_new(kdf));
    kdf->data[kdf->size - CMAW_STORE_KDF_SIZE + 3] -= 3;
    return CMAW_OK;
}

int store_fixture_open(void **state)
{
    static struct store_fixture fixture;
    fixture = (struct store_fixture){.folder = "/tmp/cmaw-store-XXXXXX"};
    assert_non_null(mkdtemp(fixture.folder));
    assert_int_equal(cmaw_path(fixture.path, "%s/deep/er/store.db", fixture.folder), CMAW_OK);
    assert_int_equal(cmaw_store_open(fixture.path, &fixture.store, &fixture.diag), CMAW_OK);
    *state = &fixture;
    return 0;
}

int store_fixture_close(void **state)
{
    struct store_fixture *fixture = *state;
    cmaw_store_close(&fixture->store);
    static const char *const names[] = {"deep/er/store.db", "deep/er", "deep"};
    for (size_t i = 0; i < 3; i++) {
        char path[CMAW_PATH_MAX];
        assert_int_equal(cmaw_path(path, "%s/%s", fixture->folder, names[i]), CMAW_OK);
        assert_int_equal(remove(path), 0);
    }
    return rmdir(fixture->folder);
}

struct cmaw_store *store_fixture_reopen(struct store_fixture *fixture, const char *passphrase)
{
    struct cmaw_store *store = NULL;
    assert_int_equal(cmaw_store_open(fixture->path, &store, &fixture->diag), CMAW_OK);
    if (passphrase != NULL) {
        assert_int_equal(cmaw_store_unlock(store, cmaw_slice_of_cstr(passphrase), &fixture->diag), CMAW_OK);
    }
    return store;
}

void store_fixture_use_v1(struct store_fixture *fixture)
{
    CMAW_BUF_AUTO(file, 1024 * 1024);
    cmaw_store_close(&fixture->store);
    assert_int_equal(cmaw_file_read(CMAW_SOURCE_ROOT "/tests/data/stores/v1.db", &file, &fixture->diag), CMAW_OK);
    assert_int_equal(cmaw_file_write(fixture->path, cmaw_buf_slice(&file), 0600, &fixture->diag), CMAW_OK);
}

struct cmaw_run_record store_record(uint8_t first, const char *workflow_id)
{
    struct cmaw_run_record record = {.status = CMAW_RUN_PREPARED, .created_ms = 1000u + first};
    record.run_id.bytes[0] = first;
    record.run_id.bytes[1] = 0xcd;
    record.mh.bytes[0] = 7;
    (void)snprintf(record.workflow_id, sizeof record.workflow_id, "%s", workflow_id);
    (void)snprintf(record.name, sizeof record.name, "claim");
    record.plan = CMAW_BUF(100);
    record.ticket = CMAW_BUF(100);
    record.inputs = CMAW_BUF(100);
    record.result = CMAW_BUF(100);
    cmaw_buf_put_cstr(&record.plan, "plan");
    cmaw_buf_put_cstr(&record.ticket, "ticket");
    cmaw_buf_put_cstr(&record.inputs, "inputs");
    return record;
}

struct cmaw_run_record store_record_ended(uint8_t first)
{
    struct cmaw_run_record record = store_record(first, "");
    cmaw_workflow_id(&record.run_id, record.workflow_id);
    record.status = CMAW_RUN_COMPLETED;
    record.ended_ms = 5000;
    cmaw_buf_put_cstr(&record.result, "result");
    return record;
}

void store_put_secret(struct cmaw_edge_secrets *secrets, uint32_t edge, uint8_t fill)
{
    uint8_t bytes[CMAW_KEY_SIZE];
    memset(bytes, fill, sizeof bytes);
    assert_int_equal(cmaw_edge_secrets_put(secrets, edge, CMAW_SLICE_ARRAY(bytes)), CMAW_OK);
}

void store_add(struct store_fixture *fixture, struct cmaw_store *store, uint8_t first, uint8_t fill)
{
    CMAW_RUN_RECORD_AUTO(record);
    CMAW_EDGE_SECRETS_AUTO(secrets);
    record = store_record_ended(first);
    store_put_secret(&secrets, 1, fill);
    assert_int_equal(cmaw_store_add_run(store, &record, &secrets, &fixture->diag), CMAW_OK);
}

enum cmaw_err store_read(struct store_fixture *fixture, struct cmaw_store *store, uint8_t first, uint8_t *ret_fill)
{
    char id[8];
    (void)snprintf(id, sizeof id, "%02xcd", first);
    CMAW_RUN_RECORD_AUTO(record);
    CMAW_EDGE_SECRETS_AUTO(secrets);
    CMAW_TRY(cmaw_store_find_run(store, id, &record, &fixture->diag));
    CMAW_TRY(cmaw_store_secrets(store, &record.run_id, &secrets, &fixture->diag));
    *ret_fill = cmaw_edge_secrets_of(&secrets, 1).data[0];
    return CMAW_OK;
}
