/* What CloudTrail says about one key of a manifest, judged event by event. */
#ifndef CMAW_CLIENT_PROOF_AUDIT_H
#define CMAW_CLIENT_PROOF_AUDIT_H

#include "client/json.h"
#include "lib/sst/verify.h"

enum { CMAW_AUDIT_LINES_MAX = 20, CMAW_AUDIT_CHANGES_MAX = 64 };

/* A granted use that must be in CloudTrail: without it the list is not complete. */
struct cmaw_expected_use {
    struct cmaw_slice module_id; /* of the enclave that a receipt names; it got the role's key with Decrypt */
    bool seen;
};

/* A granted PutKeyPolicy, or CreateKey: what the key's policy was from then on. */
struct cmaw_policy_change {
    char time[32]; /* RFC 3339, as CloudTrail writes it: the order of texts is the order of times */
    uint8_t hash[CMAW_HASH_SIZE];
};

/* Points into the run. About 6 KiB and the text. */
struct cmaw_audit {
    const struct cmaw_manifest *manifest;
    const struct cmaw_role *role;
    enum cmaw_doc_trust trust;
    bool acts;                /* the role acts in the run: its key has a birth, too */
    char run_ended[32];       /* the end of the run's last step, as above */
    struct cmaw_expected_use expected[CMAW_STEPS_MAX];
    size_t expected_count;
    size_t events, decrypts, generates, refused, other;
    size_t bad;
    size_t elsewhere;         /* of decrypts and generates that are not bad: for another role or manifest */
    size_t unsigned_uses;     /* of decrypts and generates that are not bad: to a recipient that nobody vouches for */
    char born[32];            /* the first granted GenerateDataKey for this manifest; empty: none seen */
    char newest[32], oldest[32];
    struct cmaw_policy_change changes[CMAW_AUDIT_CHANGES_MAX]; /* newest first */
    size_t change_count;
    struct cmaw_buf text;     /* lines about what is bad or notable, at most CMAW_AUDIT_LINES_MAX */
    size_t lines;
};
void cmaw_audit_free(struct cmaw_audit *audit);

/* What the run lets one expect of the role's key; trust says whether a recipient with an unsigned document is one. */
enum cmaw_err cmaw_audit_begin(const struct cmaw_verified_run *run, const struct cmaw_role *role, enum cmaw_doc_trust trust,
                                struct cmaw_audit *ret_audit);
/* An event about the key, newest first. Bad are: a Decrypt or GenerateDataKey that was granted without recipient, for measurements that the manifest does not
 * list, under an encryption context of no role and manifest of the tenant, or to another account or a service; every other granted operation that gives out key material, makes or moves
 * ciphertext, or lets somebody else do so; an event that cannot be read. Events are hostile text. */
void cmaw_audit_event(struct cmaw_audit *audit, const json_t *event);
/* After the last event: bad is also a policy that was set between birth and the end of the run, unless it is the one in force at birth. Later ones are told. */
void cmaw_audit_end(struct cmaw_audit *audit);
/* How many uses are not seen that must be there, birth included. */
size_t cmaw_audit_missing(const struct cmaw_audit *audit);

#endif
