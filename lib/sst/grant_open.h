/* Opens a grant. Its own object: the worker and the proxy must not contain it. */
#ifndef CMAW_SST_GRANT_OPEN_H
#define CMAW_SST_GRANT_OPEN_H

#include "lib/crypto/hpke.h"
#include "lib/sst/grant.h"

/* The secrets of a grant, by edge. AUTH on every refusal: HPKE, tag, form, order. Which edges they must be is the caller's to
 * judge. ret_secrets must hold none; on failure it holds none. */
enum cmaw_err cmaw_grant_open(const struct cmaw_grant *grant, const struct cmaw_bytes32 *run_id, const struct cmaw_hpke_key *role_key,
    struct cmaw_edge_secrets *ret_secrets);

#endif
