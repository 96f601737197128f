/* Access keys, permanent and of sessions, and who a request comes from by them. */
#ifndef CMAW_DEV_ACCESS_KEY_H
#define CMAW_DEV_ACCESS_KEY_H

#include "dev/arn.h"
#include "dev/sigv4.h"
#include "dev/store.h"

enum { CMAW_SESSION_TOKEN_SIZE = 192, CMAW_SESSION_POLICY_MAX = 2048 };

struct cmaw_access_key {
    char id[21];
    char secret[64];
    char token[CMAW_SESSION_TOKEN_SIZE + 1]; /* empty: a permanent key */
};

/* What a session has beside its key. */
struct cmaw_session {
    const char *name;   /* of a role's session; "": the one that parsing its ARN gives */
    const char *policy; /* "": none */
    int64_t expires_ms; /* 0: never */
};

/* A new random key; temporary: with a session token. */
enum cmaw_err cmaw_access_key_new(bool temporary, struct cmaw_access_key *ret_key);
/* Stores it for the principal arn; session NULL: it has none. */
enum cmaw_err cmaw_access_key_insert(struct sqlite3 *db, const struct cmaw_access_key *key, const char *arn,
                                     const struct cmaw_session *session);
/* Forgets keys whose sessions ended a day ago or earlier. */
enum cmaw_err cmaw_access_key_expire(struct sqlite3 *db, int64_t now_ms);

/* Who sent a request. */
struct cmaw_caller {
    struct cmaw_principal who;
    char session_policy[CMAW_SESSION_POLICY_MAX + 1]; /* "": none */
};
/* By the request's signature for this service. A fault says what is wrong: UnrecognizedClientException, ExpiredTokenException,
 * InvalidSignatureException and so on. Not inside the store. */
enum cmaw_err cmaw_caller_authenticate(struct cmaw_store *store, const struct cmaw_http_request *request, const char *region,
                                       const char *service, int64_t now_ms, struct cmaw_sigv4 *ret_auth,
                                       struct cmaw_caller *ret_caller, struct cmaw_fault *fault);

#endif
