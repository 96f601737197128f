/* ctx(), the labels, hashes over ctx() and key derivation: PROTOCOL.md sections 2 and 10. */
#ifndef CMAW_SST_CTX_H
#define CMAW_SST_CTX_H

#include "lib/base/bytes.h"
#include "lib/base/secret.h"
#include "lib/sst/limits.h"

#define CMAW_LABELS(X)                                                                                                   \
    X(MANIFEST, "manifest") X(PLAN, "plan") X(RUN, "run") X(STATE, "state") X(COMMIT, "commit")                          \
    X(COMMIT_SALT, "commit-salt") X(GRANT, "grant") X(GRANT_AAD, "grant-aad") X(STATE_AAD, "state-aad") X(SALT, "salt")  \
    X(TSK_COMMIT, "tsk-commit") X(ROLE_KEM, "role-kem") X(EDGE_COMMIT, "edge-commit") X(STATE_KEY, "state-key")          \
    X(ROLE_LOCK, "role-lock") X(AK, "ak") X(BLOB, "blob") X(AK_DOC, "ak-doc")

enum cmaw_label {
#define X(name, text) CMAW_LABEL_##name,
    CMAW_LABELS(X)
#undef X
    CMAW_LABEL_COUNT
};

/* A public 32-byte value: a hash, a commitment, a public key of a role. */
struct cmaw_bytes32 {
    uint8_t bytes[CMAW_HASH_SIZE];
};
static inline struct cmaw_slice cmaw_bytes32_slice(const struct cmaw_bytes32 *hash)
{
    return cmaw_slice_of(hash->bytes, sizeof hash->bytes);
}
/* True where bytes are exactly this hash. Public values only. */
static inline bool cmaw_bytes32_eq(const struct cmaw_bytes32 *hash, struct cmaw_slice bytes)
{
    return cmaw_slice_eq(cmaw_bytes32_slice(hash), bytes);
}
/* MALFORMED unless bytes are 32 long. */
enum cmaw_err cmaw_bytes32_of(struct cmaw_slice bytes, struct cmaw_bytes32 *ret_hash);

/* One field of ctx(): bytes, or an integer, which enters as lp(u64(x)). */
struct cmaw_field {
    struct cmaw_slice bytes;
    uint64_t number;
    bool is_number;
};
struct cmaw_fields {
    const struct cmaw_field *list;
    size_t count;
};
#define CMAW_F(slice) ((struct cmaw_field){.bytes = (slice)})
#define CMAW_F_U64(value) ((struct cmaw_field){.number = (value), .is_number = true})
#define CMAW_FIELDS(...)                                                                \
    ((struct cmaw_fields){(const struct cmaw_field[]){__VA_ARGS__},                     \
        sizeof((const struct cmaw_field[]){__VA_ARGS__}) / sizeof(struct cmaw_field)})
#define CMAW_NO_FIELDS ((struct cmaw_fields){NULL, 0})

/* Appends ctx(label, fields). */
void cmaw_ctx_put(struct cmaw_buf *buf, enum cmaw_label label, struct cmaw_fields fields);
/* H(ctx(label, fields)), without a copy of the fields. */
enum cmaw_err cmaw_ctx_hash(enum cmaw_label label, struct cmaw_fields fields, struct cmaw_bytes32 *ret_hash);
/* KDF(secret, label, fields, size), size 1..CMAW_SECRET_MAX. */
enum cmaw_err cmaw_kdf(struct cmaw_slice secret, enum cmaw_label label, struct cmaw_fields fields, size_t size,
    struct cmaw_secret *ret_secret);
/* The same for a value that is made public: a commitment. */
enum cmaw_err cmaw_kdf_public(struct cmaw_slice secret, enum cmaw_label label, struct cmaw_fields fields,
    struct cmaw_bytes32 *ret_hash);
/* A hedged salt (sections 3 and 4): HMAC-SHA-256(KDF(key, label, fields, 32), random32 || h || context). */
enum cmaw_err cmaw_hedged_salt(struct cmaw_slice key, enum cmaw_label label, struct cmaw_fields fields,
    const struct cmaw_bytes32 *random32, const struct cmaw_bytes32 *h, struct cmaw_slice context, struct cmaw_bytes32 *ret_salt);

#endif
