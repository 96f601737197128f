/* What init, access-key and role write into the database. */
#ifndef CMAW_DEV_SETUP_H
#define CMAW_DEV_SETUP_H

#include "dev/store.h"

/* Makes DIR and what is missing in it: the database with its authorities and standard identity policies, and the public
 * files attestation-root.der and tls-ca.pem. region or account NULL: as they are, or the defaults. EXISTS if they are given
 * and the database has others. */
enum cmaw_err cmaw_setup_init(const char *dir, const char *region, const char *account, struct cmaw_diag *diag);

/* Makes an access key for a principal and prints it as JSON on standard output. policy (an identity policy, or NULL)
 * replaces the one that the principal has. A temporary key has a session token; it is valid for lifetime_s, 0: it has expired
 * already, negative: for ever. */
enum cmaw_err cmaw_setup_access_key(const char *dir, const char *arn, const char *policy, bool temporary, int64_t lifetime_s,
                                    struct cmaw_diag *diag);
/* Sets the trust policy of a role, by which AssumeRole finds it, and the identity policy of it or of any principal; NULL: as
 * it is. */
enum cmaw_err cmaw_setup_role(const char *dir, const char *arn, const char *trust, const char *policy, struct cmaw_diag *diag);

#endif
