/* What sealing and opening a grant share. Private to lib/sst. */
#ifndef CMAW_SST_GRANT_FORM_H
#define CMAW_SST_GRANT_FORM_H

#include "lib/sst/ctx.h"

#define CMAW_GRANT_EXPORT "SST/1 grant"
enum {
    CMAW_GRANT_CONTEXT_MAX = 128,
    CMAW_GRANT_SECRETS_MAX = CMAW_EDGES_MAX * (2 + 3 + 2 + CMAW_KEY_SIZE), /* the longest GrantSecrets */
};

/* Appends ctx(label, run_id, role). */
void cmaw_grant_context(enum cmaw_label label, const struct cmaw_bytes32 *run_id, uint32_t role, struct cmaw_buf *buf);

#endif
