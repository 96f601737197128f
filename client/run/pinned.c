#include <stdlib.h>

#include "client/run/prepare.h"
#include "client/unsigned.h"

void cmaw_pinned_free(struct cmaw_pinned *pinned)
{
    cmaw_buf_free(&pinned->bytes);
    free(pinned->deployment);
    pinned->deployment = NULL;
}

enum cmaw_err cmaw_pinned_load(struct cmaw_store *store, const struct cmaw_bytes32 *mh, struct cmaw_pinned *ret_pinned, struct cmaw_diag *diag)
{
    CMAW_PINNED_AUTO(pinned);
    pinned.bytes = CMAW_BUF(CMAW_BUNDLE_MAX);
    CMAW_TRY(cmaw_store_bundle(store, mh, &pinned.bytes, diag));
    pinned.deployment = calloc(1, sizeof *pinned.deployment);
    CMAW_REQUIRE(pinned.deployment != NULL, CMAW_E_NO_MEMORY);
    struct cmaw_finding finding = {0};
    const enum cmaw_err err = cmaw_bundle_verify(cmaw_buf_slice(&pinned.bytes), mh, cmaw_store_trust(store), pinned.deployment, &finding);
    if (err != CMAW_OK) {
        cmaw_unsigned_hint(&finding, diag);
        return cmaw_diag_set(diag, err, "the pinned deployment does not verify: %s", finding.text);
    }
    *ret_pinned = pinned;
    pinned = (struct cmaw_pinned){0};
    return CMAW_OK;
}
