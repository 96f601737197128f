/* Births: one enclave of each role makes its key, and the result is a bundle. */
#ifndef CMAW_CLIENT_DEPLOY_PROVISION_H
#define CMAW_CLIENT_DEPLOY_PROVISION_H

#include "lib/rpc/message.h"
#include "lib/base/diag.h"
#include "lib/sst/bundle.h"

struct cmaw_enclave_at {
    char role[CMAW_NAME_MAX + 1];
    const char *addr; /* "uds:PATH:PORT" or "vsock:CID:PORT" */
};

/* Asks each enclave for a birth under the manifest and appends the Bundle, verified as a client with that trust would. credentials are the
 * instance role's. UNAVAILABLE, with the role, where an enclave is not ready to answer. */
enum cmaw_err cmaw_provision(struct cmaw_slice manifest, const struct cmaw_enclave_at *enclaves, size_t count,
                             const struct cmaw_credentials *credentials, enum cmaw_doc_trust trust, struct cmaw_buf *bundle,
                             struct cmaw_diag *diag);

#endif
