/* What kms_grants.c rests on: the arguments of its operations, and grants in the database. */
#ifndef CMAW_DEV_KMS_GRANTS_H
#define CMAW_DEV_KMS_GRANTS_H

#include "dev/kms.h"

enum {
    CMAW_GRANT_ID_SIZE = 64,     /* hex digits */
    CMAW_GRANT_PER_KEY_MAX = 50000,
    CMAW_GRANT_TOKEN_SIZE = 128, /* characters of one that is made */
    CMAW_GRANT_TOKEN_MAX = 8192, /* and of one that may be sent */
    CMAW_GRANT_TOKENS_MAX = 10,  /* of a request */
};

/* kms_grant_args.c: CreateGrant's arguments; the ARN of a principal as a member (InvalidArnException); a ValidationException with
 * this text, returned as DENIED. */
enum cmaw_err cmaw_kms_grant_check(struct cmaw_kms_call *call);
enum cmaw_err cmaw_kms_grant_check_principal(struct cmaw_kms_call *call, const char *name, bool required);
[[gnu::format(printf, 2, 3)]] enum cmaw_err cmaw_kms_grant_invalid(struct cmaw_kms_call *call, const char *format, ...);

/* kms_grant_store.c, inside the store. A new grant on the key; body is what ListGrants shows of it. LimitExceededException. */
enum cmaw_err cmaw_kms_grant_insert(struct cmaw_kms_call *call, const struct cmaw_kms_key *key, const char *id, json_t *body);
/* The grant of the key that has this name and otherwise says the same as body, whose GrantId and CreationDate do not count;
 * NOT_FOUND. */
enum cmaw_err cmaw_kms_grant_find_same(struct cmaw_kms_call *call, const struct cmaw_kms_key *key, json_t *body,
                                       char ret_id[static CMAW_GRANT_ID_SIZE + 1]);
/* A new token for the grant. */
enum cmaw_err cmaw_kms_grant_new_token(struct cmaw_kms_call *call, const char *id,
                                       char ret_token[static CMAW_GRANT_TOKEN_SIZE + 1]);
/* NOT_FOUND. The key is the bare id. */
enum cmaw_err cmaw_kms_grant_load(struct cmaw_kms_call *call, const char *key_id, const char *id, json_t **ret_body);
/* By a token: its grant's id and key. NOT_FOUND. */
enum cmaw_err cmaw_kms_grant_by_token(struct cmaw_kms_call *call, const char *token,
                                      char ret_id[static CMAW_GRANT_ID_SIZE + 1],
                                      char ret_key_id[static CMAW_UUID_SIZE + 1]);
/* With its tokens. */
enum cmaw_err cmaw_kms_grant_delete(struct cmaw_kms_call *call, const char *id);

#endif
