#include <stdio.h>
#include <string.h>

#include "lib/crypto/hmac.h"
#include "lib/crypto/seal.h"
#include "lib/sst/keys.h"
#include "lib/sst/lock.h"
#include "lib/sst/ticket.h"
#include "tests/sst1/vec.h"

enum { FIELDS_MAX = 128, PLAINTEXT_MAX = 64 * 1024 * 1024 };

static struct cmaw_fields read_fields(struct vec *v, const json_t *item)
{
    struct cmaw_field *list = vec_alloc(v, FIELDS_MAX * sizeof *list);
    const json_t *fields = json_object_get(item, "fields");
    size_t index;
    json_t *field;
    (void)vec_check(v, json_is_array(fields) && json_array_size(fields) <= FIELDS_MAX, "fields");
    json_array_foreach(fields, index, field) {
        if (vec_has(field, "u64")) {
            list[index] = CMAW_F_U64(vec_u64(v, field, "u64"));
        } else {
            list[index] = CMAW_F(vec_has(field, "text") ? vec_text(v, field, "text") : vec_bytes(v, field, "bytes"));
        }
    }
    return (struct cmaw_fields){list, json_array_size(fields)};
}

static enum cmaw_label read_label(struct vec *v, const json_t *item)
{
    static const char *const texts[] = {
#define X(name, text) text,
        CMAW_LABELS(X)
#undef X
    };
    const struct cmaw_slice text = vec_text(v, item, "label");
    size_t label = 0;
    while (label < CMAW_LABEL_COUNT && !cmaw_slice_eq_cstr(text, texts[label])) {
        label++;
    }
    return vec_check(v, label < CMAW_LABEL_COUNT, "label") ? (enum cmaw_label)label : CMAW_LABEL_MANIFEST;
}

void vec_ctx(struct vec *v, const json_t *item)
{
    const enum cmaw_label label = read_label(v, item);
    const struct cmaw_fields fields = read_fields(v, item);
    struct cmaw_buf *ctx = vec_buf(v, PLAINTEXT_MAX);
    struct cmaw_bytes32 hash = {0};
    cmaw_ctx_put(ctx, label, fields);
    vec_equal(v, item, "ctx", cmaw_buf_slice(ctx));
    (void)vec_ok(v, cmaw_ctx_hash(label, fields, &hash), "hash");
    vec_equal(v, item, "sha256", cmaw_bytes32_slice(&hash));
}

void vec_kdf(struct vec *v, const json_t *item)
{
    CMAW_SECRET_AUTO(okm);
    const struct cmaw_slice secret = vec_bytes(v, item, "secret");
    const uint64_t length = vec_u64(v, item, "length");
    (void)vec_ok(v, cmaw_kdf(secret, read_label(v, item), read_fields(v, item), (size_t)length, &okm), "kdf");
    vec_equal(v, item, "okm", cmaw_secret_slice(&okm));
}

/* The keys of section 3, worked out here once more beside lib/crypto. */
static void check_seal_keys(struct vec *v, const json_t *item, struct cmaw_slice key, struct cmaw_slice salt,
    struct cmaw_slice context)
{
    uint8_t okm[76];
    const struct cmaw_slice info[] = {
        CMAW_SLICE_LIT("c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM"), cmaw_slice_of("", 1), salt, context};
    (void)vec_ok(v, cmaw_hkdf_expand(CMAW_SHA512, key, info, 4, okm, sizeof okm), "okm");
    vec_equal(v, item, "aead_key", cmaw_slice_of(okm, 32));
    vec_equal(v, item, "base_nonce", cmaw_slice_of(okm + 32, 12));
    vec_equal(v, item, "commitment", cmaw_slice_of(okm + 44, 32));
}

void vec_seal(struct vec *v, const json_t *item)
{
    CMAW_SECRET_AUTO(key);
    const struct cmaw_slice context = vec_bytes(v, item, "context");
    const struct cmaw_bytes32 random32 = vec_bytes32(v, item, "random32");
    const struct cmaw_slice plaintext =
        vec_repeat(v, vec_bytes(v, item, "plaintext_unit"), vec_u64(v, item, "plaintext_length"));
    struct cmaw_bytes32 h;
    struct cmaw_bytes32 salt = {0};
    struct cmaw_buf *sealed = vec_buf(v, PLAINTEXT_MAX);
    struct cmaw_buf *opened = vec_buf(v, PLAINTEXT_MAX);
    (void)vec_ok(v, cmaw_secret_copy(vec_bytes(v, item, "key"), &key), "key");
    cmaw_sha256(plaintext, h.bytes);
    (void)vec_ok(v,
        cmaw_hedged_salt(cmaw_secret_slice(&key), CMAW_LABEL_SALT, CMAW_NO_FIELDS, &random32, &h, context, &salt), "salt");
    const struct cmaw_slice salt24 = cmaw_slice_of(salt.bytes, CMAW_SEAL_SALT_SIZE);
    vec_equal(v, item, "salt", salt24);
    check_seal_keys(v, item, cmaw_secret_slice(&key), salt24, context);
    (void)vec_ok(v, cmaw_seal(&key, context, salt.bytes, plaintext, sealed), "seal");
    vec_equal_u64(v, item, "sealed_length", sealed->size);
    (void)vec_check(v, cmaw_sealed_size(plaintext.size) == sealed->size, "cmaw_sealed_size");
    vec_equal_sha256(v, item, "sealed_sha256", cmaw_buf_slice(sealed));
    if (json_is_string(json_object_get(item, "sealed"))) {
        vec_equal(v, item, "sealed", cmaw_buf_slice(sealed));
    }
    (void)vec_check(v, cmaw_slice_eq(cmaw_slice_sub(cmaw_buf_slice(sealed), CMAW_SEAL_SALT_SIZE, CMAW_SEAL_COMMITMENT_SIZE),
        vec_bytes(v, item, "commitment")), "commitment in the sealed form");
    (void)vec_ok(v, cmaw_seal_open(&key, context, cmaw_buf_slice(sealed), opened), "open");
    (void)vec_check(v, cmaw_slice_eq(cmaw_buf_slice(opened), plaintext), "opened plaintext");
}

void vec_role_keys(struct vec *v, const json_t *item)
{
    const struct cmaw_bytes32 mh = vec_bytes32(v, v->root, "mh");
    const uint32_t role = vec_u32(v, item, "role");
    const struct cmaw_slice tsk = vec_bytes(v, item, "tsk");
    struct cmaw_role_keys keys = {0};
    struct cmaw_pcr pcr16 = {0};
    struct cmaw_bytes32 user_data = {0};
    struct cmaw_buf *lock = vec_buf(v, 1024);
    CMAW_SECRET_AUTO(ikm);
    (void)vec_ok(v, cmaw_role_keys_derive(tsk, &mh, role, &keys), "derive");
    vec_equal(v, item, "tsk_commit", cmaw_bytes32_slice(&keys.tsk_commit));
    vec_equal(v, item, "sk", cmaw_secret_slice(&keys.kem.private_key));
    vec_equal(v, item, "pk", cmaw_bytes32_slice(&keys.pk));
    (void)vec_check(v, cmaw_slice_eq(cmaw_bytes32_slice(&keys.pk), CMAW_SLICE_ARRAY(keys.kem.public_key)), "kem.public_key");
    (void)vec_ok(v, cmaw_kdf(tsk, CMAW_LABEL_ROLE_KEM, CMAW_FIELDS(CMAW_F(cmaw_bytes32_slice(&mh)), CMAW_F_U64(role)), 32, &ikm),
        "kem_ikm");
    vec_equal(v, item, "kem_ikm", cmaw_secret_slice(&ikm));
    cmaw_role_lock_data(&mh, role, lock);
    vec_equal(v, item, "role_lock_data", cmaw_buf_slice(lock));
    (void)vec_ok(v, cmaw_role_lock_pcr(&mh, role, &pcr16), "pcr16");
    vec_equal(v, item, "pcr16", cmaw_pcr_slice(&pcr16));
    (void)vec_ok(v, cmaw_ak_user_data(&mh, role, &user_data), "user_data");
    vec_equal(v, item, "ak_user_data", cmaw_bytes32_slice(&user_data));
    cmaw_role_keys_release(&keys);
}

void vec_edge_keys(struct vec *v, const json_t *item)
{
    const struct cmaw_slice secret = vec_bytes(v, item, "secret");
    const struct cmaw_bytes32 run_id = vec_bytes32(v, v->root, "run_id");
    const uint32_t edge = vec_u32(v, item, "edge");
    struct cmaw_bytes32 commit = {0};
    CMAW_SECRET_AUTO(key);
    (void)vec_ok(v, cmaw_edge_commit(secret, vec_bytes(v, item, "nonce"), edge, &commit), "edge commit");
    vec_equal(v, item, "commit", cmaw_bytes32_slice(&commit));
    (void)vec_ok(v, cmaw_edge_state_key(secret, &run_id, edge, &key), "state key");
    vec_equal(v, item, "state_key", cmaw_secret_slice(&key));
}

/* The file gives PCR0 only: the other own PCRs are what the measurement with this PCR0 lists, and zero where it lists none. */
static void own_pcrs(struct vec *v, const struct cmaw_manifest *manifest, uint32_t role_id, struct cmaw_lock_self *self)
{
    static const uint8_t zeros[CMAW_PCR_SIZE];
    const struct cmaw_role *role = cmaw_manifest_role(manifest, role_id);
    for (size_t p = 1; p < CMAW_MEASURED_PCRS; p++) {
        self->pcrs[p] = CMAW_SLICE_ARRAY(zeros);
        for (uint32_t m = 0; role != NULL && m < role->measurement_count; m++) {
            const struct cmaw_measurement *listed = &role->measurements[m];
            if (cmaw_slice_eq(listed->pcrs[0], self->pcrs[0]) && listed->pcrs[p].size > 0) {
                self->pcrs[p] = listed->pcrs[p];
            }
        }
    }
    (void)v;
}

static enum cmaw_code code_of_check(const json_t *item)
{
    static const struct {
        const char *check;
        enum cmaw_code code;
    } codes[] = {{"lock.time", CMAW_CODE_EXPIRED}, {"lock.pcr0", CMAW_CODE_DENIED}, {"lock.role", CMAW_CODE_DENIED},
        {"lock.root", CMAW_CODE_DENIED}, {"protobuf.canonical", CMAW_CODE_BAD_REQUEST}, {"manifest.valid", CMAW_CODE_BAD_REQUEST}};
    const char *check = json_string_value(json_object_get(item, "check"));
    for (size_t i = 0; check != NULL && i < sizeof codes / sizeof codes[0]; i++) {
        if (strcmp(codes[i].check, check) == 0) {
            return codes[i].code;
        }
    }
    return (enum cmaw_code)0;
}

void vec_lock(struct vec *v, const json_t *item)
{
    const struct cmaw_slice bytes = vec_bytes(v, item, "manifest");
    const uint32_t role_id = vec_u32(v, item, "role");
    struct cmaw_manifest *manifest = vec_alloc(v, sizeof *manifest);
    struct cmaw_lock_self self = {
        .pcrs = {vec_bytes(v, item, "pcr0")},
        .attestation_root = vec_bytes32(v, item, "root_sha256"),
        .now_ms = vec_u64(v, item, "now_ms"),
    };
    const struct cmaw_role *role = NULL;
    if (cmaw_manifest_decode(bytes, manifest) != CMAW_OK) {
        manifest->role_count = 0;
    }
    own_pcrs(v, manifest, role_id, &self);
    const enum cmaw_code code = cmaw_lock_check(&self, bytes, role_id, manifest, &role);
    if (!vec_expects_accept(v, item)) {
        const enum cmaw_code due = code_of_check(item);
        (void)vec_check(v, code != CMAW_CODE_OK, "accepted");
        (void)vec_check(v, (uint32_t)due == 0 || code == due, cmaw_code_name(code));
        return;
    }
    if (!vec_check(v, code == CMAW_CODE_OK && role != NULL && role->id == role_id, cmaw_code_name(code))) {
        return;
    }
    struct cmaw_buf *extend = vec_buf(v, 1024);
    struct cmaw_pcr pcr16 = {0};
    cmaw_role_lock_data(&manifest->mh, role_id, extend);
    vec_equal(v, item, "extend", cmaw_buf_slice(extend));
    (void)vec_ok(v, cmaw_role_lock_pcr(&manifest->mh, role_id, &pcr16), "pcr16");
    vec_equal(v, item, "pcr16", cmaw_pcr_slice(&pcr16));
}
