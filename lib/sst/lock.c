#include "lib/sst/lock.h"

enum cmaw_code cmaw_lock_check(const struct cmaw_lock_self *self, struct cmaw_slice manifest, uint32_t role,
    struct cmaw_manifest *ret_manifest, const struct cmaw_role **ret_role)
{
    const enum cmaw_err err = cmaw_manifest_parse(manifest, ret_manifest);
    if (err != CMAW_OK) {
        return cmaw_err_category(err) == CMAW_CAT_INPUT ? CMAW_CODE_BAD_REQUEST : CMAW_CODE_INTERNAL;
    }
    if (!cmaw_manifest_valid_at(ret_manifest, self->now_ms)) {
        return CMAW_CODE_EXPIRED;
    }
    const struct cmaw_role *own = cmaw_manifest_role(ret_manifest, role);
    if (own == NULL || !cmaw_role_measured(own, self->pcrs) ||
        !cmaw_bytes32_eq(&self->attestation_root, ret_manifest->attestation_root)) {
        return CMAW_CODE_DENIED;
    }
    *ret_role = own;
    return CMAW_CODE_OK;
}
