#include <string.h>

#include "client/store/store_private.h"
#include "client/store/transfer.h"
#include "lib/base/text.h"
#include "lib/crypto/seal.h"

enum { RUN_MAX = CMAW_PLAN_MAX + CMAW_TICKET_MAX + CMAW_STORE_INPUTS_MAX + CMAW_STORE_RESULT_MAX + CMAW_STORE_SECRETS_MAX + 4096 };

/* The file in the making. */
struct writer {
    struct cmaw_secret key;
    struct cmaw_buf *file;
};

static enum cmaw_err put_sealed(const struct writer *writer, const char *label, struct cmaw_slice id, struct cmaw_slice plain)
{
    cmaw_buf_put_u32be(writer->file, (uint32_t)cmaw_sealed_size(plain.size));
    CMAW_TRY(writer->file->err);
    return cmaw_store_seal(&writer->key, label, id, plain, writer->file);
}

static enum cmaw_err put_numbered(const struct writer *writer, const char *label, uint32_t index, struct cmaw_slice plain)
{
    CMAW_BUF_AUTO(id, 4);
    cmaw_buf_put_u32be(&id, index);
    CMAW_TRY(id.err);
    return put_sealed(writer, label, cmaw_buf_slice(&id), plain);
}

static enum cmaw_err load_run(struct cmaw_store *store, struct cmaw_slice run_id, struct cmaw_transfer_run *run, struct cmaw_diag *diag)
{
    char hex[2 * CMAW_HASH_SIZE + 1];
    CMAW_TRY(cmaw_hex_to_cstr(run_id, hex, sizeof hex));
    CMAW_TRY(cmaw_store_find_run(store, hex, &run->record, diag));
    CMAW_TRY(cmaw_store_shredded_ms(store, &run->record.run_id, &run->shredded_ms, diag));
    run->secrets = CMAW_BUF(CMAW_STORE_SECRETS_MAX);
    CMAW_REQUIRE(run->shredded_ms == 0, CMAW_OK);
    CMAW_EDGE_SECRETS_AUTO(secrets);
    CMAW_TRY(cmaw_store_secrets(store, &run->record.run_id, &secrets, diag));
    CMAW_TRY(cmaw_buf_reserve(&run->secrets, CMAW_STORE_SECRETS_MAX));
    return cmaw_store_pack_secrets(&secrets, &run->secrets);
}

static enum cmaw_err put_run(struct cmaw_store *store, const struct writer *writer, uint32_t index, struct cmaw_slice run_id, struct cmaw_diag *diag)
{
    CMAW_TRANSFER_RUN_AUTO(run);
    CMAW_BUF_AUTO(plain, RUN_MAX);
    CMAW_TRY(load_run(store, run_id, &run, diag));
    CMAW_TRY(cmaw_buf_reserve(&plain, run.record.result.size + run.record.inputs.size)); /* most of it, at once */
    cmaw_transfer_run_encode(&run, &plain);
    CMAW_TRY(plain.err);
    return put_numbered(writer, "export-run", index, cmaw_buf_slice(&plain));
}

static bool is_listed(struct cmaw_slice ids, struct cmaw_slice id)
{
    for (size_t at = 0; at < ids.size; at += CMAW_HASH_SIZE) {
        if (cmaw_slice_eq(cmaw_slice_sub(ids, at, CMAW_HASH_SIZE), id)) {
            return true;
        }
    }
    return false;
}

/* Whether one of the runs asked for is of the deployment of this row. */
static enum cmaw_err is_wanted(struct cmaw_store *store, const struct cmaw_export *request, struct cmaw_slice mh, bool *ret_wanted, struct cmaw_diag *diag)
{
    CMAW_SQL_AUTO(sql, store->db, "SELECT run_id FROM runs WHERE mh = ?");
    cmaw_sql_bind_blob(&sql, mh);
    bool wanted = request->all;
    enum cmaw_err err = CMAW_OK;
    while (!wanted && (err = cmaw_sql_row(&sql, diag)) == CMAW_OK) {
        wanted = is_listed(request->run_ids, cmaw_sql_blob(&sql, 0));
    }
    CMAW_REQUIRE(err == CMAW_OK || err == CMAW_E_NOT_FOUND, err);
    *ret_wanted = wanted;
    return CMAW_OK;
}

/* Counts the deployments to export; with a writer, puts them. */
static enum cmaw_err each_bundle(struct cmaw_store *store, const struct cmaw_export *request, const struct writer *writer, uint32_t *ret_count,
                                 struct cmaw_diag *diag)
{
    CMAW_SQL_AUTO(sql, store->db, "SELECT mh, bundle FROM bundles ORDER BY pinned_ms, rowid");
    uint32_t count = 0;
    enum cmaw_err err = cmaw_sql_row(&sql, diag);
    for (; err == CMAW_OK; err = cmaw_sql_row(&sql, diag)) {
        bool wanted = false;
        CMAW_TRY(is_wanted(store, request, cmaw_sql_blob(&sql, 0), &wanted, diag));
        if (wanted && writer != NULL) {
            CMAW_TRY(put_numbered(writer, "export-bundle", count, cmaw_sql_blob(&sql, 1)));
        }
        count += wanted;
    }
    CMAW_REQUIRE(err == CMAW_E_NOT_FOUND, err);
    *ret_count = count;
    return CMAW_OK;
}

static enum cmaw_err put_all(struct cmaw_store *store, const struct cmaw_export *request, const struct writer *writer, struct cmaw_diag *diag)
{
    const uint32_t runs = (uint32_t)(request->run_ids.size / CMAW_HASH_SIZE);
    uint32_t bundles = 0;
    CMAW_BUF_AUTO(head, 8);
    CMAW_TRANSACTION_AUTO(transaction); /* what is written belongs together */
    CMAW_TRY(cmaw_sql_begin(store->db, &transaction, diag));
    CMAW_TRY(each_bundle(store, request, NULL, &bundles, diag));
    cmaw_buf_put_u32be(&head, bundles);
    cmaw_buf_put_u32be(&head, runs);
    CMAW_TRY(put_sealed(writer, "export-head", CMAW_SLICE_EMPTY, cmaw_buf_slice(&head)));
    CMAW_TRY(each_bundle(store, request, writer, &bundles, diag));
    for (uint32_t i = 0; i < runs; i++) {
        CMAW_TRY(put_run(store, writer, i, cmaw_slice_sub(request->run_ids, (size_t)i * CMAW_HASH_SIZE, CMAW_HASH_SIZE), diag));
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_store_export(struct cmaw_store *store, const struct cmaw_export *request, struct cmaw_buf *file, struct cmaw_diag *diag)
{
    struct writer writer = {.file = file};
    CMAW_BUF_AUTO(kdf, CMAW_STORE_KDF_SIZE);
    CMAW_TRY(cmaw_store_kdf_new(&kdf));
    CMAW_TRY(cmaw_store_kdf_derive(cmaw_buf_slice(&kdf), request->passphrase, &writer.key));
    cmaw_transfer_begin(cmaw_buf_slice(&kdf), file);
    const enum cmaw_err err = put_all(store, request, &writer, diag);
    cmaw_secret_release(&writer.key);
    if (err == CMAW_E_TOO_LARGE) {
        cmaw_diag_hint(diag, "export the runs in several files");
        return cmaw_diag_set(diag, err, "an export has at most %d bytes", CMAW_TRANSFER_MAX);
    }
    return err;
}
