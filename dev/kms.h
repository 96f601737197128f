/* The KMS emulator's inside: what one call carries, and the steps all operations share. The order is that of facts/KMS.md
 * section 2.1: arguments, recipient, key, authorisation, key state, cryptography. */
#ifndef CMAW_DEV_KMS_H
#define CMAW_DEV_KMS_H

#include <jansson.h>
#include <stdatomic.h>

#include "dev/arn.h"
#include "dev/clock.h"
#include "dev/fault.h"
#include "dev/kms_blob.h"
#include "dev/kms_spec.h"
#include "dev/nsm_server.h"
#include "dev/policy.h"
#include "dev/rate.h"
#include "dev/uuid.h"
#include "lib/attest/doc.h"
#include "lib/crypto/rsa.h"

struct sqlite3;
struct sqlite3_stmt;

enum {
    CMAW_KMS_ARN_MAX = 128,
    CMAW_KMS_OTHER_ARN_MAX = 384,
    CMAW_KMS_DESCRIPTION_MAX = 8192, /* characters */
    CMAW_KMS_ALIAS_MAX = 256,  /* characters */
    CMAW_KMS_MARKER_MAX = 640, /* bytes of what the last row of a page is known by */
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
    enum cmaw_fault_type fail_type; /* what the next fail_left calls with a recipient end with */
    atomic_int fail_left;
    bool accept_unsigned;           /* documents of QEMU's machine, which nobody signs */
    struct cmaw_trail_settings trail;
    int64_t grant_delay_ms;         /* until a grant is known without its token */
    int64_t sts_min_duration_s;     /* of a session */
    int64_t clock_offset_ms;        /* by which the service's clock is ahead of the machine's */
    _Atomic int64_t latest_ms;      /* of the service's clock */
};

/* The service's clock, which is never set back: signatures, documents, states and events go by it. */
static inline int64_t cmaw_kms_now_ms(struct cmaw_kms *kms)
{
    return cmaw_clock_forward(&kms->latest_ms, cmaw_wall_clock_ms() + kms->clock_offset_ms);
}

struct cmaw_kms_key {
    char id[CMAW_UUID_SIZE + 1];
    char arn[CMAW_KMS_ARN_MAX];
    const struct cmaw_kms_spec *spec; /* NULL: SYMMETRIC_DEFAULT */
    uint8_t material_id[CMAW_KMS_MATERIAL_SIZE];
    struct cmaw_secret material; /* of a symmetric key */
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

/* What KeyId may be besides an id or the ARN of a key. */
enum cmaw_kms_naming {
    CMAW_KMS_NAMED_BY_KEY,    /* nothing */
    CMAW_KMS_NAMED_BY_ALIAS,  /* an alias or its ARN */
    CMAW_KMS_NAMED_IN_CRYPTO, /* the same; these operations have no InvalidArnException */
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
    enum cmaw_kms_naming naming;
    json_t *context;            /* encryption context, or NULL */
    struct cmaw_buf blob;       /* CiphertextBlob */
    struct cmaw_buf plaintext;  /* Plaintext */
    size_t size;                /* bytes of what is to be generated */
    const struct cmaw_kms_spec *spec; /* of the pair that is to be generated, or NULL */
    struct cmaw_buf private_der, public_der; /* a pair that was generated outside the store: it takes long */
    struct cmaw_kms_recipient recipient;
    /* results */
    char alias[CMAW_KMS_ALIAS_MAX + 1]; /* by which the request named the key that was loaded last; empty: none */
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


/* kms_shape.c: SerializationException, then ValidationException, unless every member is of the type and within the limits that
 * it has in the service model. What a member says is left to its operation. */
enum cmaw_err cmaw_kms_check_shapes(struct cmaw_kms_call *call);

/* kms_args.c: members of the request. Each sets a fault and returns DENIED where the argument is not right. */
enum cmaw_err cmaw_kms_arg_text(struct cmaw_kms_call *call, const char *name, size_t min, size_t max, bool required,
                                const char **ret_text);
enum cmaw_err cmaw_kms_arg_number(struct cmaw_kms_call *call, const char *name, int64_t min, int64_t max,
                                  bool required, int64_t *ret_number);
enum cmaw_err cmaw_kms_arg_flag(struct cmaw_kms_call *call, const char *name, bool *ret_flag);
enum cmaw_err cmaw_kms_arg_bytes(struct cmaw_kms_call *call, const char *name, size_t max, bool required,
                                 struct cmaw_buf *bytes);
/* text as one of a list that ends with NULL; ret_choice is the list's. */
enum cmaw_err cmaw_kms_check_choice(struct cmaw_kms_call *call, const char *at, const char *text, const char *const *choices,
                                    const char **ret_choice);
/* The member as one of a list that ends with NULL; the first is the default. */
enum cmaw_err cmaw_kms_arg_choice(struct cmaw_kms_call *call, const char *name, const char *const *choices,
                                  const char **ret_choice);
/* KeyId into call->key_id, EncryptionContext into *ret_context. */
enum cmaw_err cmaw_kms_arg_key(struct cmaw_kms_call *call, const char *name, bool required, const char **ret_key_id);
enum cmaw_err cmaw_kms_arg_context(struct cmaw_kms_call *call, const char *name, json_t **ret_context);
/* KeyId of an operation on a key, nothing else: what most checks begin with. */
enum cmaw_err cmaw_kms_check_key(struct cmaw_kms_call *call);
/* The same where KeyId may also be an alias. */
enum cmaw_err cmaw_kms_check_alias(struct cmaw_kms_call *call);
/* Bytes of text in UTF-8 are not characters: the service counts these. */
size_t cmaw_kms_characters(const char *text);
/* Refusals in KMS's words; at names the member, value is NULL where none is shown. */
enum cmaw_err cmaw_kms_invalid(struct cmaw_kms_call *call, const char *at, const char *value, const char *constraint);
enum cmaw_err cmaw_kms_absent(struct cmaw_kms_call *call, const char *at);
enum cmaw_err cmaw_kms_wrong_type(struct cmaw_kms_call *call, const char *at);
enum cmaw_err cmaw_kms_check_size(struct cmaw_kms_call *call, const char *at, const char *value, size_t size, size_t min,
                                  size_t max);

/* kms_answer.c: members of the response. Takes the reference of value; NULL is NO_MEMORY. */
enum cmaw_err cmaw_kms_answer(struct cmaw_kms_call *call, const char *member, json_t *value);
enum cmaw_err cmaw_kms_answer_bytes(struct cmaw_kms_call *call, const char *member, struct cmaw_slice bytes);
/* A time on the wire. */
json_t *cmaw_kms_seconds(int64_t ms);

/* kms_page.c: lists in pages. Markers are opaque to clients, and good for the operation that gave them. */
struct cmaw_kms_page {
    int64_t limit;
    char marker[CMAW_KMS_MARKER_MAX]; /* column 0 of the row before the page; empty: the first page */
};
/* Limit and Marker; InvalidMarkerException. */
enum cmaw_err cmaw_kms_arg_page(struct cmaw_kms_call *call, int64_t max, int64_t usual, struct cmaw_kms_page *ret_page);
/* rows are ordered by column 0, begin after the marker, and are at most limit + 1. */
enum cmaw_err cmaw_kms_answer_page(struct cmaw_kms_call *call, const char *member, const struct cmaw_kms_page *page,
                                   struct sqlite3_stmt *rows,
                                   json_t *(*item)(struct cmaw_kms_call *call, struct sqlite3_stmt *rows));

/* kms_recipient.c: verifies Recipient, if there is one; ValidationException for whatever is wrong with it. Outside the store. */
enum cmaw_err cmaw_kms_recipient_check(struct cmaw_kms_call *call);
/* Adds the plaintext to the response, as member, or as CiphertextForRecipient when a recipient is there. */
enum cmaw_err cmaw_kms_put_plaintext(struct cmaw_kms_call *call, const char *member, struct cmaw_slice plaintext);

/* kms_name.c: the id that key_id stands for, which need not be one of an existing key; sets call->alias. NotFoundException,
 * InvalidArnException. */
enum cmaw_err cmaw_kms_resolve(struct cmaw_kms_call *call, const char *key_id, char ret_id[static CMAW_UUID_SIZE + 1]);
/* The id of the key of "alias/…"; NotFoundException. */
enum cmaw_err cmaw_kms_alias_find(struct cmaw_kms_call *call, const char *name, char ret_id[static CMAW_UUID_SIZE + 1]);

/* kms_store.c. spec is NULL for a symmetric key; else the pair is the one that the call carries. */
enum cmaw_err cmaw_kms_key_insert(struct cmaw_kms_call *call, const char *description, const char *policy,
                                  const struct cmaw_kms_spec *spec, struct cmaw_kms_key *ret_key);
/* Of an asymmetric key: appends PKCS#8 (private) and SubjectPublicKeyInfo, each unless its buffer is NULL. */
enum cmaw_err cmaw_kms_key_pair(struct cmaw_kms_call *call, const struct cmaw_kms_key *key, struct cmaw_buf *private_der,
                                struct cmaw_buf *public_der);
/* By id, ARN or alias as sent; NotFoundException as KMS words it. */
enum cmaw_err cmaw_kms_key_load(struct cmaw_kms_call *call, const char *key_id, struct cmaw_kms_key *ret_key);
/* By the material that a blob names; NOT_FOUND without a fault. */
enum cmaw_err cmaw_kms_key_load_material(struct cmaw_kms_call *call, struct cmaw_slice material_id,
                                         struct cmaw_kms_key *ret_key);

/* kms_conditions.c: the condition keys of the call (policy.h), for the caller to release; NULL without memory. key: what it is
 * about, or NULL. The other has only those that a call of any service has. */
json_t *cmaw_kms_conditions(const struct cmaw_kms_call *call, const struct cmaw_kms_key *key, json_t *context);
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
/* On something that has no policy of its own, as an alias: identity policies decide. */
enum cmaw_err cmaw_kms_authorise_arn(struct cmaw_kms_call *call, const char *action, const char *arn);
/* As cmaw_kms_authorise for the call's own operation, after loading call->key_id. */
enum cmaw_err cmaw_kms_open_key(struct cmaw_kms_call *call, struct cmaw_kms_key *ret_key);
/* Whether a key with this policy would let the caller do action: for the lockout check. */
bool cmaw_kms_policy_allows(struct cmaw_kms_call *call, const char *policy, const char *action, const char *arn);
/* KMSInvalidStateException if the key is pending deletion. */
enum cmaw_err cmaw_kms_require_kept(struct cmaw_kms_call *call, const struct cmaw_kms_key *key);
/* DisabledException or KMSInvalidStateException unless the key is enabled. */
enum cmaw_err cmaw_kms_require_enabled(struct cmaw_kms_call *call, const struct cmaw_kms_key *key);

/* kms_crypto.c: what cryptographic operations share. DryRunOperationException, the last refusal before anything is done. */
enum cmaw_err cmaw_kms_refuse_dry_run(struct cmaw_kms_call *call);
/* InvalidKeyUsageException: of an operation, of an algorithm. */
enum cmaw_err cmaw_kms_wrong_usage(struct cmaw_kms_call *call, const struct cmaw_kms_key *key, const char *operation);
enum cmaw_err cmaw_kms_wrong_algorithm(struct cmaw_kms_call *call, const struct cmaw_kms_key *key, const char *algorithm);
/* KeyId and EncryptionContext. */
enum cmaw_err cmaw_kms_check_key_and_context(struct cmaw_kms_call *call);
/* cmaw_kms_open_key for a key that has to be enabled and symmetric. */
enum cmaw_err cmaw_kms_open_for_encryption(struct cmaw_kms_call *call, struct cmaw_kms_key *ret_key);
/* Appends the ciphertext blob of plaintext under this context. */
enum cmaw_err cmaw_kms_seal(const struct cmaw_kms_key *key, json_t *context, struct cmaw_slice plaintext, struct cmaw_buf *blob);
/* KeyMaterialId, unless a recipient was sent. */
enum cmaw_err cmaw_kms_answer_material(struct cmaw_kms_call *call, const struct cmaw_kms_key *key);
/* ENCRYPT_DECRYPT or SIGN_VERIFY; SYMMETRIC_DEFAULT or the name of its spec. */
const char *cmaw_kms_key_usage(const struct cmaw_kms_key *key);
const char *cmaw_kms_key_spec(const struct cmaw_kms_key *key);
/* KeySpec and its old name, KeyUsage and the algorithms: what DescribeKey and GetPublicKey both say. */
enum cmaw_err cmaw_kms_put_kind(const struct cmaw_kms_key *key, json_t *object);

/* kms_tags.c: Tags of a request, whose form KMS checks before all else; and stores them with a key. */
enum cmaw_err cmaw_kms_check_tags(struct cmaw_kms_call *call, bool required);
enum cmaw_err cmaw_kms_put_tags(struct cmaw_kms_call *call, const struct cmaw_kms_key *key);

/* kms_policy.c: the member Policy: LimitExceededException over CMAW_POLICY_SIZE_MAX. */
enum cmaw_err cmaw_kms_arg_policy(struct cmaw_kms_call *call, bool required);
/* Appends, with its NUL, what KMS gives a key that is made without a policy: the account decides by its identity
 * policies. MalformedPolicyDocumentException unless text can be the policy of the call's key. */
enum cmaw_err cmaw_kms_policy_default(const struct cmaw_kms *kms, struct cmaw_buf *policy);
enum cmaw_err cmaw_kms_policy_check(struct cmaw_kms_call *call, const char *text);

/* kms_grant_store.c: how far the grants on the key allow this to the caller. InvalidGrantTokenException for a token in the
 * request that is none. */
enum cmaw_err cmaw_kms_granted(struct cmaw_kms_call *call, const struct cmaw_kms_key *key, const char *action,
                               json_t *context, enum cmaw_scope *ret_scope);

/* The operations, by subject; each list ends with an entry without a name. */
extern const struct cmaw_kms_operation cmaw_kms_create_operations[], cmaw_kms_key_operations[], cmaw_kms_policy_operations[],
    cmaw_kms_crypto_operations[], cmaw_kms_pair_operations[], cmaw_kms_sign_operations[], cmaw_kms_alias_operations[],
    cmaw_kms_tag_operations[], cmaw_kms_grant_operations[];
/* Every operation of KMS that the emulator does not have: UnsupportedOperationException. */
extern const struct cmaw_kms_operation cmaw_kms_unsupported_operations[];

#endif
