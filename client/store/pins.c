#include "client/store/store_private.h"

static enum cmaw_err put_pin(struct cmaw_store *store, const char *statement, const struct cmaw_deployment *deployment, uint64_t pinned_ms,
                             struct cmaw_slice bundle, struct cmaw_diag *diag)
{
    char tenant[CMAW_NAME_MAX + 1];
    CMAW_TRY(cmaw_slice_to_cstr(deployment->manifest.tenant, tenant, sizeof tenant));
    CMAW_SQL_AUTO(sql, store->db, statement);
    cmaw_sql_bind_blob(&sql, cmaw_bytes32_slice(&deployment->manifest.mh));
    cmaw_sql_bind_text(&sql, tenant);
    cmaw_sql_bind_u64(&sql, deployment->manifest.serial);
    cmaw_sql_bind_u64(&sql, deployment->manifest.epoch);
    cmaw_sql_bind_u64(&sql, pinned_ms);
    cmaw_sql_bind_blob(&sql, bundle);
    return cmaw_sql_run(&sql, diag);
}

enum cmaw_err cmaw_store_pin(struct cmaw_store *store, const struct cmaw_deployment *deployment, struct cmaw_slice bundle,
                             struct cmaw_diag *diag)
{
    return put_pin(store, "INSERT OR REPLACE INTO bundles(mh, tenant, serial, epoch, pinned_ms, bundle) VALUES(?, ?, ?, ?, ?, ?)", deployment,
                   cmaw_wall_clock_ms(), bundle, diag);
}

enum cmaw_err cmaw_store_pin_behind(struct cmaw_store *store, const struct cmaw_deployment *deployment, struct cmaw_slice bundle,
                                    struct cmaw_diag *diag)
{
    return put_pin(store, "INSERT OR IGNORE INTO bundles(mh, tenant, serial, epoch, pinned_ms, bundle) VALUES(?, ?, ?, ?, ?, ?)", deployment, 0,
                   bundle, diag);
}

enum cmaw_err cmaw_store_pins(struct cmaw_store *store, struct cmaw_slice tenant, struct cmaw_pin ret_pins[static CMAW_PINS_MAX],
                              size_t *ret_count, struct cmaw_diag *diag)
{
    char text[CMAW_NAME_MAX + 1];
    CMAW_TRY(cmaw_slice_to_cstr(tenant, text, sizeof text));
    /* those that refuse most come first, so that a limit cannot hide one */
    CMAW_SQL_AUTO(sql, store->db, "SELECT mh, serial, epoch FROM bundles WHERE tenant = ? ORDER BY serial DESC, epoch DESC");
    cmaw_sql_bind_text(&sql, text);
    size_t count = 0;
    enum cmaw_err err = cmaw_sql_row(&sql, diag);
    for (; err == CMAW_OK && count < CMAW_PINS_MAX; err = cmaw_sql_row(&sql, diag)) {
        struct cmaw_pin *pin = &ret_pins[count++];
        pin->tenant = tenant;
        CMAW_TRY(cmaw_bytes32_of(cmaw_sql_blob(&sql, 0), &pin->mh));
        pin->serial = cmaw_sql_u64(&sql, 1);
        pin->epoch = cmaw_sql_u64(&sql, 2);
    }
    CMAW_REQUIRE(err == CMAW_OK || err == CMAW_E_NOT_FOUND, err);
    *ret_count = count;
    return CMAW_OK;
}

enum cmaw_err cmaw_store_bundle(struct cmaw_store *store, const struct cmaw_bytes32 *mh, struct cmaw_buf *bundle,
                                struct cmaw_diag *diag)
{
    CMAW_SQL_AUTO(sql, store->db, mh == NULL ? "SELECT bundle FROM bundles ORDER BY pinned_ms DESC, rowid DESC LIMIT 1"
                                             : "SELECT bundle FROM bundles WHERE mh = ?");
    if (mh != NULL) {
        cmaw_sql_bind_blob(&sql, cmaw_bytes32_slice(mh));
    }
    const enum cmaw_err err = cmaw_sql_row(&sql, diag);
    if (err == CMAW_E_NOT_FOUND) {
        cmaw_diag_hint(diag, "cmaw trust BUNDLE verifies a deployment and pins it");
        return cmaw_diag_set(diag, err, mh == NULL ? "no deployment is trusted yet" : "the deployment of this run is not pinned here");
    }
    CMAW_TRY(err);
    cmaw_buf_put(bundle, cmaw_sql_blob(&sql, 0));
    return bundle->err;
}
