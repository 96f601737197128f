/* Callers and their ARNs: arn:aws:iam::ACCOUNT:role/NAME, …:user/NAME, …:root. A role acts through a session. */
#ifndef CMAW_DEV_ARN_H
#define CMAW_DEV_ARN_H

#include <stdbool.h>

#include "lib/base/bytes.h"

enum { CMAW_ARN_MAX = 256, CMAW_ACCOUNT_SIZE = 12 };

struct cmaw_principal {
    char arn[CMAW_ARN_MAX];              /* role, user or root: what policies name */
    char caller[CMAW_ARN_MAX];           /* what messages and events name: the session of a role, else the same as arn */
    char account[CMAW_ACCOUNT_SIZE + 1];
    const char *type;                    /* AssumedRole, IAMUser, Root: as CloudTrail says */
    char name[CMAW_ARN_MAX];             /* of the role or user without its path */
};

/* MALFORMED for anything but the three forms above, with names of [A-Za-z0-9+=,.@_/-]. */
enum cmaw_err cmaw_principal_parse(const char *arn, struct cmaw_principal *ret_principal);
/* Twelve digits. */
bool cmaw_account_valid(const char *text);
/* Shell-like match of the whole text with * and ?. fold: letters match in either case (ASCII). */
bool cmaw_wildcard_match(const char *pattern, const char *text, bool fold);

#endif
