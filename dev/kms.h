/* The KMS emulator's inside: what one call carries, and the steps all operations share. The order is that of facts/KMS.md
 * section 2.1: arguments, recipient, key, authorisation, key state, cryptography. */
#ifndef CMAW_DEV_KMS_H
#define CMAW_DEV_KMS_H

#include <jansson.h>

#include "dev/arn.h"
#include "dev/clock.h"
#include "dev/fault.h"
#include "dev/kms_blob.h"
#include "dev/nsm_server.h"
#include "dev/policy.h"
#include "dev/rate.h"
#include "dev/uuid.h"
#include "lib/attest/doc.h"
#include "lib/crypto/rsa.h"

struct sqlite3;

enum {
    CMAW_KMS_ARN_MAX = 128,
    CMAW_KMS_OTHER_ARN_MAX = 384,
    CMAW_KMS_RECIPIENT_AGE_MS = 300 * 1000, /* of a document that is accepted, in either direction */
};

struct cmaw_trail_settings {
    int64_t delay_min_ms, delay_max_ms; /* from a call to its event's delivery */
    struct cmaw_rate lookups;           /* used inside the store only */
};

struct cmaw_kms {
    char region[32];
    char account[CMAW_ACCOUNT_SIZE + 1];
    uint8_t attestation_root[CMAW_SHA256_SIZE];
    enum cmaw_alternation cms_form; /* FIRST is A, SECOND is B */
    unsigned envelopes;             /* made so far */
    bool accept_unsigned;           /* documents of QEMU's machine, which nobody signs */
    struct cmaw_trail_settings trail;
    int64_t grant_delay_ms;         /* until a grant is known without its token */
    int64_t sts_min_duration_s;     /* of a session */
    int64_t clock_offset_ms;        /* by which the service's clock is ahead of the machine's */
};

/* The service's clock: signatures, documents, states and events go by it. */
static inline int64_t cmaw_kms_now_ms(const struct cmaw_kms *kms)
{
    return cmaw_wall_clock_ms() + kms->clock_offset_ms;
}

struct cmaw_kms_key {
    char id[CMAW_UUID_SIZE + 1];
    char arn[CMAW_KMS_ARN_MAX];
    uint8_t material_id[CMAW_KMS_MATERIAL_SIZE];
    struct cmaw_secret material;
    char state[24]; /* Enabled, Disabled, PendingDeletion */
    char *description;
    char *policy;
    int64_t created_ms;
    int64_t deletion_ms; /* 0: none */
};
void cmaw_kms_key_free(struct cmaw_kms_key *key);
#define CMAW_KMS_KEY_AUTO(name) [[gnu::cleanup(cmaw_kms_key_free)]] struct cmaw_kms_key name = {0}

/* A verified attestation document and the key inside it. */
struct cmaw_kms_recipient {
    bool present;
    bool is_unsigned; /* QEMU's: all of it is only claimed */
    struct cmaw_buf bytes;
    struct cmaw_doc doc; /* borrows from bytes */
    struct cmaw_rsa_key *key;
};

struct cmaw_kms_call {
    struct cmaw_kms *kms;
    const struct cmaw_principal *who;
    const char *session_policy; /* of the caller's session, or NULL */
    const char *address;        /* of the caller, or NULL */
    const char *operation;      /* "Decrypt" */
    json_t *request;            /* an object */
    int64_t now_ms;
    struct sqlite3 *db;         /* from run on: inside the store */
    /* arguments; pointers are the request's */
    const char *key_id;         /* as sent, or NULL */
    json_t *context;            /* encryption context, or NULL */
    struct cmaw_buf blob;       /* CiphertextBlob */
    struct cmaw_buf plaintext;  /* Plaintext */
    size_t size;                /* bytes of what is to be generated */
    struct cmaw_kms_recipient recipient;
    /* results */
    char key_arn[CMAW_KMS_ARN_MAX]; /* of the key that the call was about; empty: none */
    char other_arn[CMAW_KMS_OTHER_ARN_MAX]; /* of what it was about besides: the source of a ReEncrypt, an alias; empty: none */
    uint8_t material_id[CMAW_KMS_MATERIAL_SIZE]; /* of the key's material that was used, for the event; zero: none was */
    struct cmaw_fault fault;
    json_t *response;
};

struct cmaw_kms_operation {
    const char *name;
    enum cmaw_err (*check)(struct cmaw_kms_call *call); /* arguments only */
    enum cmaw_err (*run)(struct cmaw_kms_call *call);   /* inside the store; writes nothing before its last refusal */
    bool recipient;      /* takes one */
    bool read_only;      /* as CloudTrail says */
    const char *logged;  /* members of the request that the event shows, separated by spaces; NULL: none at all */
};


/* kms_args.c: members of the request. Each sets a fault and returns DENIED where the argument is not right. */
enum cmaw_err cmaw_kms_arg_text(struct cmaw_kms_call *call, const char *name, size_t min, size_t max, bool required,
                                const char **ret_text);
enum cmaw_err cmaw_kms_arg_number(struct cmaw_kms_call *call, const char *name, int64_t min, int64_t max,
                                  bool required, int64_t *ret_number);
enum cmaw_err cmaw_kms_arg_flag(struct cmaw_kms_call *call, const char *name, bool *ret_flag);
enum cmaw_err cmaw_kms_arg_bytes(struct cmaw_kms_call *call, const char *name, size_t max, bool required,
                                 struct cmaw_buf *bytes);
/* One of a list that ends with NULL; the first is the default. */
enum cmaw_err cmaw_kms_arg_choice(struct cmaw_kms_call *call, const char *name, const char *const *choices,
                                  const char **ret_choice);
/* KeyId into call->key_id, EncryptionContext into *ret_context. */
enum cmaw_err cmaw_kms_arg_key(struct cmaw_kms_call *call, const char *name, bool required, const char **ret_key_id);
enum cmaw_err cmaw_kms_arg_context(struct cmaw_kms_call *call, const char *name, json_t **ret_context);

/* kms_recipient.c: verifies Recipient, if there is one; ValidationException for whatever is wrong with it. Outside the store. */
enum cmaw_err cmaw_kms_recipient_check(struct cmaw_kms_call *call);
/* Adds the plaintext to the response, as member, or as CiphertextForRecipient when a recipient is there. */
enum cmaw_err cmaw_kms_put_plaintext(struct cmaw_kms_call *call, const char *member, struct cmaw_slice plaintext);

/* kms_store.c */
enum cmaw_err cmaw_kms_key_insert(struct cmaw_kms_call *call, const char *description, const char *policy,
                                  struct cmaw_kms_key *ret_key);
/* By id or ARN as sent; NotFoundException as KMS words it. */
enum cmaw_err cmaw_kms_key_load(struct cmaw_kms_call *call, const char *key_id, struct cmaw_kms_key *ret_key);
/* By the material that a blob names; NOT_FOUND without a fault. */
enum cmaw_err cmaw_kms_key_load_material(struct cmaw_kms_call *call, struct cmaw_slice material_id,
                                         struct cmaw_kms_key *ret_key);

/* kms_conditions.c: the condition keys of the call (policy.h), for the caller to release; NULL without memory. has_key: it is
 * about a key. The other has only those that a call of any service has. */
json_t *cmaw_kms_conditions(const struct cmaw_kms_call *call, bool has_key, json_t *context);
json_t *cmaw_kms_global_conditions(const struct cmaw_kms_call *call);

/* kms_auth.c: AccessDeniedException unless the caller may do action ("kms:Decrypt") on the key (NULL: an action without
 * one), under the call's recipient and this encryption context; InvalidGrantTokenException. */
enum cmaw_err cmaw_kms_authorise(struct cmaw_kms_call *call, const char *action, const struct cmaw_kms_key *key,
                                 json_t *context);
/* What an action is on. */
struct cmaw_kms_subject {
    const char *arn;    /* "*": nothing in particular */
    const char *policy; /* of its own, or NULL */
    enum cmaw_policy_kind kind;
    const char *owner;  /* account */
    enum cmaw_scope granted;
    bool denials_only;  /* something else allows it: all that is asked is that nothing denies it */
};
/* AccessDeniedException unless the caller may do action on subject under these condition keys. */
enum cmaw_err cmaw_kms_judge(struct cmaw_kms_call *call, const char *action, const struct cmaw_kms_subject *subject,
                             json_t *keys);
/* As cmaw_kms_authorise for the call's own operation, after loading call->key_id. */
enum cmaw_err cmaw_kms_open_key(struct cmaw_kms_call *call, struct cmaw_kms_key *ret_key);
/* Whether a key with this policy would let the caller do action: for the lockout check. */
bool cmaw_kms_policy_allows(struct cmaw_kms_call *call, const char *policy, const char *action, const char *arn);
/* DisabledException or KMSInvalidStateException unless the key is enabled. */
enum cmaw_err cmaw_kms_require_enabled(struct cmaw_kms_call *call, const struct cmaw_kms_key *key);

/* kms_policy.c: appends, with its NUL, what KMS gives a key that is made without a policy: the account decides by its identity
 * policies. MalformedPolicyDocumentException unless text can be the policy of the call's key. */
enum cmaw_err cmaw_kms_policy_default(const struct cmaw_kms *kms, struct cmaw_buf *policy);
enum cmaw_err cmaw_kms_policy_check(struct cmaw_kms_call *call, const char *text);

/* kms_grant_store.c: how far the grants on the key allow this to the caller. InvalidGrantTokenException for a token in the
 * request that is none. */
enum cmaw_err cmaw_kms_granted(struct cmaw_kms_call *call, const struct cmaw_kms_key *key, const char *action,
                               json_t *context, enum cmaw_scope *ret_scope);

/* kms_keys.c, kms_policy.c, kms_crypto.c, kms_grants.c: the operations. */
extern const struct cmaw_kms_operation cmaw_kms_key_operations[], cmaw_kms_policy_operations[],
    cmaw_kms_crypto_operations[], cmaw_kms_grant_operations[]; /* each ends with an entry without a name */

#endif
