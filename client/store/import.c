#include <stdlib.h>
#include <string.h>

#include "client/store/store_private.h"
#include "client/store/transfer.h"
#include "client/unsigned.h"
#include "lib/base/text.h"

/* The file being read, and where it goes. */
struct reading {
    struct cmaw_store *store;
    const struct cmaw_import *request;
    struct cmaw_transfer transfer;
    struct cmaw_secret key;
    uint32_t bundles, runs;
    struct cmaw_import_result *result;
    struct cmaw_diag *diag;
};

static enum cmaw_err damaged(struct cmaw_diag *diag)
{
    return cmaw_diag_set(diag, CMAW_E_MALFORMED, "this is no export of a run store, or it was damaged");
}

static enum cmaw_err open_next(struct reading *reading, const char *label, uint32_t index, struct cmaw_buf *plain)
{
    struct cmaw_slice sealed;
    CMAW_BUF_AUTO(id, 4);
    cmaw_buf_put_u32be(&id, index);
    CMAW_TRY(id.err);
    CMAW_REQUIRE(cmaw_transfer_next(&reading->transfer, &sealed) == CMAW_OK, damaged(reading->diag));
    return cmaw_store_unseal(&reading->key, label, cmaw_buf_slice(&id), sealed, plain) == CMAW_OK ? CMAW_OK : damaged(reading->diag);
}

static enum cmaw_err open_head(struct reading *reading)
{
    const enum cmaw_err err = cmaw_transfer_parse(reading->request->file, &reading->transfer);
    if (err == CMAW_E_UNSUPPORTED) {
        cmaw_diag_hint(reading->diag, "use the newer cmaw");
        return cmaw_diag_set(reading->diag, err, "a newer cmaw has made this export");
    }
    CMAW_REQUIRE(err == CMAW_OK, damaged(reading->diag));
    CMAW_BUF_AUTO(head, 64);
    CMAW_TRY(cmaw_store_kdf_derive(reading->transfer.kdf, reading->request->passphrase, &reading->key));
    if (cmaw_store_unseal(&reading->key, "export-head", CMAW_SLICE_EMPTY, reading->transfer.head, &head) != CMAW_OK) {
        cmaw_diag_hint(reading->diag, "--export-passphrase-file names the file with the one that was given for the export");
        return cmaw_diag_set(reading->diag, CMAW_E_AUTH, "wrong passphrase for the export, or it was changed");
    }
    struct cmaw_reader reader = cmaw_reader_of(cmaw_buf_slice(&head));
    reading->bundles = cmaw_read_u32be(&reader);
    reading->runs = cmaw_read_u32be(&reader);
    return cmaw_reader_end(&reader);
}

static enum cmaw_err pin(struct reading *reading, const struct cmaw_bytes32 *mh, struct cmaw_slice bundle)
{
    struct cmaw_finding finding = {0};
    struct cmaw_deployment *deployment = calloc(1, sizeof *deployment);
    CMAW_REQUIRE(deployment != NULL, CMAW_E_NO_MEMORY);
    enum cmaw_err err = cmaw_bundle_verify(bundle, mh, cmaw_store_trust(reading->store), deployment, &finding);
    if (err != CMAW_OK) {
        cmaw_unsigned_hint(&finding, reading->diag);
        err = cmaw_diag_set(reading->diag, err, "a deployment in the export does not verify: %s", finding.text[0] == '\0' ? cmaw_err_text(err) : finding.text);
    } else {
        err = cmaw_store_pin_behind(reading->store, deployment, bundle, reading->diag);
    }
    const uint32_t unsigned_count = deployment->unsigned_count;
    free(deployment);
    reading->result->pinned += err == CMAW_OK;
    reading->result->unsigned_documents += err == CMAW_OK ? unsigned_count : 0;
    return err;
}

/* The hash of the manifest in a bundle, of which nothing else is checked yet. */
static enum cmaw_err hash_of(struct cmaw_slice bytes, struct cmaw_bytes32 *ret_mh)
{
    struct cmaw_deployment *parts = calloc(1, sizeof *parts);
    CMAW_REQUIRE(parts != NULL, CMAW_E_NO_MEMORY);
    enum cmaw_err err = cmaw_bundle_parse(bytes, &parts->bundle);
    err = err != CMAW_OK ? err : cmaw_manifest_parse(parts->bundle.manifest, &parts->manifest);
    if (err == CMAW_OK) {
        *ret_mh = parts->manifest.mh;
    }
    free(parts);
    return err;
}

/* Pins the bundle if its manifest's hash is among those that the caller named; used[i] tells which were. */
static enum cmaw_err import_bundle(struct reading *reading, struct cmaw_slice bytes, bool *used)
{
    struct cmaw_bytes32 mh;
    CMAW_REQUIRE(hash_of(bytes, &mh) == CMAW_OK, damaged(reading->diag));
    const struct cmaw_slice trusted = reading->request->trusted;
    bool named = false;
    for (size_t i = 0; i < trusted.size / CMAW_HASH_SIZE; i++) {
        if (cmaw_bytes32_eq(&mh, cmaw_slice_sub(trusted, i * CMAW_HASH_SIZE, CMAW_HASH_SIZE))) {
            used[i] = named = true;
        }
    }
    return named ? pin(reading, &mh, bytes) : CMAW_OK;
}

static enum cmaw_err import_bundles(struct reading *reading)
{
    const size_t named = reading->request->trusted.size / CMAW_HASH_SIZE;
    bool *used = calloc(named + 1, sizeof *used);
    CMAW_REQUIRE(used != NULL, CMAW_E_NO_MEMORY);
    enum cmaw_err err = CMAW_OK;
    for (uint32_t i = 0; err == CMAW_OK && i < reading->bundles; i++) {
        CMAW_BUF_AUTO(bundle, CMAW_BUNDLE_MAX + 1024);
        err = open_next(reading, "export-bundle", i, &bundle);
        err = err != CMAW_OK ? err : import_bundle(reading, cmaw_buf_slice(&bundle), used);
    }
    for (size_t i = 0; err == CMAW_OK && i < named; i++) {
        err = used[i] ? CMAW_OK : cmaw_diag_set(reading->diag, CMAW_E_NOT_FOUND, "--trust: the export has no deployment of that manifest hash");
    }
    free(used);
    return err;
}

static bool buf_eq(const struct cmaw_buf *a, const struct cmaw_buf *b)
{
    return cmaw_slice_eq(cmaw_buf_slice(a), cmaw_buf_slice(b));
}

/* What never changes in a run's life. */
static bool is_same_run(const struct cmaw_run_record *a, const struct cmaw_run_record *b)
{
    return cmaw_bytes32_eq(&a->mh, cmaw_bytes32_slice(&b->mh)) && strcmp(a->request_id, b->request_id) == 0 && strcmp(a->name, b->name) == 0 &&
           strcmp(a->address, b->address) == 0 && strcmp(a->ns, b->ns) == 0 && a->created_ms == b->created_ms && buf_eq(&a->plan, &b->plan) &&
           buf_eq(&a->ticket, &b->ticket) && buf_eq(&a->inputs, &b->inputs);
}

static bool has_ended(const struct cmaw_run_record *record)
{
    return record->status > CMAW_RUN_RUNNING;
}

static bool is_same_end(const struct cmaw_run_record *a, const struct cmaw_run_record *b)
{
    return a->status == b->status && strcmp(a->code, b->code) == 0 && buf_eq(&a->result, &b->result);
}

static enum cmaw_err compare_secrets(struct reading *reading, const struct cmaw_transfer_run *run, bool *ret_same)
{
    CMAW_EDGE_SECRETS_AUTO(secrets);
    CMAW_BUF_AUTO(packed, CMAW_STORE_SECRETS_MAX);
    CMAW_TRY(cmaw_store_secrets(reading->store, &run->record.run_id, &secrets, reading->diag));
    CMAW_TRY(cmaw_buf_reserve(&packed, CMAW_STORE_SECRETS_MAX));
    CMAW_TRY(cmaw_store_pack_secrets(&secrets, &packed));
    *ret_same = cmaw_ct_eq(cmaw_buf_slice(&packed), cmaw_buf_slice(&run->secrets));
    return CMAW_OK;
}

static enum cmaw_err conflict(const struct reading *reading, const struct cmaw_run_record *record)
{
    cmaw_diag_hint(reading->diag, "nothing was imported; --store names another store to import it into");
    return cmaw_diag_set(reading->diag, CMAW_E_EXISTS, "run %s is here already, with another content", record->workflow_id);
}

static enum cmaw_err merge_run(struct reading *reading, const struct cmaw_run_record *present, const struct cmaw_transfer_run *run)
{
    uint64_t shredded_ms = 0;
    bool same = true;
    CMAW_TRY(cmaw_store_shredded_ms(reading->store, &present->run_id, &shredded_ms, reading->diag));
    if (shredded_ms == 0 && run->shredded_ms == 0) {
        CMAW_TRY(compare_secrets(reading, run, &same));
    }
    if (!same || !is_same_run(present, &run->record) || (has_ended(present) && has_ended(&run->record) && !is_same_end(present, &run->record))) {
        return conflict(reading, present);
    }
    if (shredded_ms != 0) {
        reading->result->shredded++;
        return CMAW_OK;
    }
    /* an end without the run's secrets is anybody's word */
    if (has_ended(present) || !has_ended(&run->record) || run->shredded_ms != 0) {
        reading->result->known++;
        return CMAW_OK;
    }
    reading->result->completed++;
    return cmaw_store_put_end(reading->store, &run->record, reading->diag);
}

static enum cmaw_err add_run(struct reading *reading, const struct cmaw_transfer_run *run)
{
    reading->result->added++;
    CMAW_TRY(cmaw_store_put_record(reading->store, &run->record, reading->diag));
    if (run->shredded_ms != 0) {
        return cmaw_store_put_shredded(reading->store, &run->record.run_id, run->shredded_ms, reading->diag);
    }
    return cmaw_store_put_packed(reading->store, &run->record.run_id, cmaw_buf_slice(&run->secrets), reading->diag);
}

static enum cmaw_err note_untrusted(struct reading *reading, const struct cmaw_bytes32 *mh)
{
    CMAW_SQL_AUTO(sql, reading->store->db, "SELECT 1 FROM bundles WHERE mh = ?");
    cmaw_sql_bind_blob(&sql, cmaw_bytes32_slice(mh));
    const enum cmaw_err err = cmaw_sql_row(&sql, reading->diag);
    CMAW_REQUIRE(err == CMAW_E_NOT_FOUND, err);
    struct cmaw_buf *list = &reading->result->untrusted;
    for (size_t at = 0; at < list->size; at += CMAW_HASH_SIZE) {
        CMAW_REQUIRE(!cmaw_bytes32_eq(mh, cmaw_slice_sub(cmaw_buf_slice(list), at, CMAW_HASH_SIZE)), CMAW_OK);
    }
    cmaw_buf_put(list, cmaw_bytes32_slice(mh));
    return list->err;
}

static enum cmaw_err import_run(struct reading *reading, struct cmaw_slice bytes)
{
    CMAW_TRANSFER_RUN_AUTO(run);
    CMAW_REQUIRE(cmaw_transfer_run_decode(bytes, &run) == CMAW_OK, damaged(reading->diag));
    char hex[2 * CMAW_HASH_SIZE + 1];
    CMAW_TRY(cmaw_hex_to_cstr(cmaw_bytes32_slice(&run.record.run_id), hex, sizeof hex));
    CMAW_RUN_RECORD_AUTO(present);
    struct cmaw_diag none = {0};
    const enum cmaw_err err = cmaw_store_find_run(reading->store, hex, &present, &none);
    if (err != CMAW_OK && err != CMAW_E_NOT_FOUND) {
        *reading->diag = none;
        return err;
    }
    CMAW_TRY(err == CMAW_OK ? merge_run(reading, &present, &run) : add_run(reading, &run));
    return note_untrusted(reading, &run.record.mh);
}

static enum cmaw_err import_all(struct reading *reading)
{
    CMAW_TRY(open_head(reading));
    CMAW_TRANSACTION_AUTO(transaction);
    CMAW_TRY(cmaw_sql_begin(reading->store->db, &transaction, reading->diag));
    CMAW_TRY(import_bundles(reading));
    for (uint32_t i = 0; i < reading->runs; i++) {
        CMAW_BUF_AUTO(plain, CMAW_TRANSFER_MAX);
        CMAW_TRY(open_next(reading, "export-run", i, &plain));
        CMAW_TRY(import_run(reading, cmaw_buf_slice(&plain)));
    }
    CMAW_REQUIRE(cmaw_reader_end(&reading->transfer.rest) == CMAW_OK, damaged(reading->diag));
    return cmaw_sql_commit(&transaction, reading->diag);
}

enum cmaw_err cmaw_store_import(struct cmaw_store *store, const struct cmaw_import *request, struct cmaw_import_result *ret_result,
                                struct cmaw_diag *diag)
{
    CMAW_REQUIRE(store->key.bytes != NULL, CMAW_E_BUG);
    struct cmaw_import_result result = {.untrusted = CMAW_BUF(CMAW_TRANSFER_MAX)};
    struct reading reading = {.store = store, .request = request, .result = &result, .diag = diag};
    const enum cmaw_err err = import_all(&reading);
    cmaw_secret_release(&reading.key);
    if (err != CMAW_OK) {
        cmaw_buf_free(&result.untrusted);
        return err;
    }
    *ret_result = result;
    return CMAW_OK;
}
