/* Callers and their ARNs: arn:aws:iam::ACCOUNT:role/NAME, …:user/NAME, …:root. A role acts through a session. */
#ifndef CMAW_DEV_ARN_H
#define CMAW_DEV_ARN_H

#include <stdbool.h>

#include "lib/base/bytes.h"

enum { CMAW_ARN_MAX = 256, CMAW_ACCOUNT_SIZE = 12, CMAW_SESSION_NAME_MAX = 64 };

struct cmaw_principal {
    char arn[CMAW_ARN_MAX];              /* role, user or root: what policies name */
    char caller[CMAW_ARN_MAX];           /* what messages and events name: the session of a role, else the same as arn */
    char account[CMAW_ACCOUNT_SIZE + 1];
    const char *type;                    /* AssumedRole, IAMUser, Root: as CloudTrail says */
    char name[CMAW_ARN_MAX];             /* of the role or user without its path */
    char session[CMAW_SESSION_NAME_MAX + 1]; /* of a role: the last part of caller; else empty */
};

/* MALFORMED for anything but the three forms above, with names of [A-Za-z0-9+=,.@_/-]. */
enum cmaw_err cmaw_principal_parse(const char *arn, struct cmaw_principal *ret_principal);
/* Gives a role's session another name than cmaw-dev: 2 to 64 of [A-Za-z0-9_+=,.@-], else MALFORMED. */
enum cmaw_err cmaw_principal_set_session(struct cmaw_principal *who, const char *name);
/* True for what a policy or a grant can name: an account's root, a role, a user, or a session of either kind of STS. No
 * wildcards; that the principal exists is not asked, for there is no list of all. */
bool cmaw_principal_arn_valid(const char *arn);
/* IAM's id of a role or user, stable for its ARN: AROA… or AIDA… with 21 characters; of root, its account. */
enum { CMAW_PRINCIPAL_ID_MAX = 21 };
void cmaw_principal_id(const struct cmaw_principal *who, char ret_id[static CMAW_PRINCIPAL_ID_MAX + 1]);
/* How a name ("*", an account's number or root, an ARN) covers a caller. */
enum cmaw_scope {
    CMAW_SCOPE_NONE,
    CMAW_SCOPE_ACCOUNT, /* names the account, which decides by its identity policies */
    CMAW_SCOPE_CALLER,  /* names everyone, the role or the user */
    CMAW_SCOPE_SESSION, /* names this session of a role */
};
enum cmaw_scope cmaw_principal_scope(const char *name, const struct cmaw_principal *who);
/* Twelve digits. */
bool cmaw_account_valid(const char *text);
/* Shell-like match of the whole text with * and ?. fold: letters match in either case (ASCII). The character after
 * CMAW_WILDCARD_LITERAL stands for itself. */
#define CMAW_WILDCARD_LITERAL '\x01'
bool cmaw_wildcard_match(const char *pattern, const char *text, bool fold);
/* The six parts of an ARN each against theirs, so that no wildcard reaches over a colon before the last. False unless both
 * have six parts; with complete, parts that the pattern lacks are *, as in a Resource. */
bool cmaw_arn_match(const char *pattern, const char *text, bool complete);

#endif
