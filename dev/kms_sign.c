/* What is done with asymmetric keys. */
#include <string.h>

#include "dev/kms.h"

enum { MESSAGE_MAX = 4096, SIGNATURE_MAX = 6144 };

static const char *const message_types[] = {"RAW", "DIGEST", "EXTERNAL_MU", NULL};

static enum cmaw_err check_message(struct cmaw_kms_call *call)
{
    const char *type = NULL, *algorithm = NULL;
    call->naming = CMAW_KMS_NAMED_IN_CRYPTO;
    CMAW_TRY(cmaw_kms_check_key(call));
    CMAW_TRY(cmaw_kms_arg_bytes(call, "Message", MESSAGE_MAX, true, &call->plaintext));
    CMAW_TRY(cmaw_kms_arg_choice(call, "MessageType", message_types, &type));
    CMAW_TRY(cmaw_kms_arg_text(call, "SigningAlgorithm", 0, SIZE_MAX, true, &algorithm));
    return cmaw_kms_arg_choice(call, "SigningAlgorithm", cmaw_kms_signing_algorithms, &algorithm);
}

static enum cmaw_err check_verify(struct cmaw_kms_call *call)
{
    CMAW_TRY(check_message(call));
    return cmaw_kms_arg_bytes(call, "Signature", SIGNATURE_MAX, true, &call->blob);
}

static const char *algorithm_of(const struct cmaw_kms_call *call)
{
    return json_string_value(json_object_get(call->request, "SigningAlgorithm"));
}

/* Hashes the message, or takes it for the digest that it says it is. */
static enum cmaw_err put_digest(struct cmaw_kms_call *call, const struct cmaw_kms_key *key,
                                const struct cmaw_kms_algorithm *algorithm, struct cmaw_buf *digest)
{
    const char *type = NULL;
    const size_t size = cmaw_hash_size(algorithm->hash);
    CMAW_TRY(cmaw_kms_arg_choice(call, "MessageType", message_types, &type));
    if (type == message_types[2]) {
        return cmaw_fault_say(&call->fault, CMAW_FAULT_VALIDATION, "Message type %s is incompatible with key spec %s.", type,
                              key->spec->name);
    }
    if (type == message_types[1]) {
        CMAW_REQUIRE(call->plaintext.size == size,
                     cmaw_fault_say(&call->fault, CMAW_FAULT_VALIDATION, "Digest is invalid length for algorithm %s.", algorithm->name));
        cmaw_buf_put(digest, cmaw_buf_slice(&call->plaintext));
        return cmaw_buf_err(digest);
    }
    uint8_t *out = cmaw_buf_extend(digest, size);
    CMAW_REQUIRE(out != NULL, CMAW_E_NO_MEMORY);
    struct cmaw_hash hash;
    cmaw_hash_init(algorithm->hash, &hash);
    cmaw_hash_update(&hash, cmaw_buf_slice(&call->plaintext));
    cmaw_hash_finish(&hash, out);
    return CMAW_OK;
}

/* Everything up to the signature itself. */
static enum cmaw_err begin(struct cmaw_kms_call *call, struct cmaw_kms_key *key,
                           const struct cmaw_kms_algorithm **ret_algorithm, struct cmaw_buf *digest)
{
    CMAW_TRY(cmaw_kms_open_key(call, key));
    CMAW_TRY(cmaw_kms_require_enabled(call, key));
    CMAW_REQUIRE(key->spec != NULL, cmaw_kms_wrong_usage(call, key, call->operation));
    const struct cmaw_kms_algorithm *algorithm = cmaw_kms_spec_algorithm(key->spec, algorithm_of(call));
    CMAW_REQUIRE(algorithm != NULL, cmaw_kms_wrong_algorithm(call, key, algorithm_of(call)));
    CMAW_TRY(put_digest(call, key, algorithm, digest));
    CMAW_TRY(cmaw_kms_refuse_dry_run(call));
    *ret_algorithm = algorithm;
    return CMAW_OK;
}

static enum cmaw_err answer_key(struct cmaw_kms_call *call, const struct cmaw_kms_key *key)
{
    CMAW_TRY(cmaw_kms_answer(call, "KeyId", json_string(key->arn)));
    return cmaw_kms_answer(call, "SigningAlgorithm", json_string(algorithm_of(call)));
}

static enum cmaw_err sign(struct cmaw_kms_call *call)
{
    CMAW_KMS_KEY_AUTO(key);
    CMAW_BUF_AUTO(digest, CMAW_HASH_SIZE_MAX);
    CMAW_BUF_AUTO(private_der, CMAW_PAIR_PRIVATE_MAX);
    CMAW_BUF_AUTO(signature, CMAW_PAIR_SIGNATURE_MAX);
    const struct cmaw_kms_algorithm *algorithm = NULL;
    CMAW_TRY(begin(call, &key, &algorithm, &digest));
    CMAW_TRY(cmaw_kms_key_pair(call, &key, &private_der, NULL));
    CMAW_TRY(cmaw_pair_sign(algorithm->scheme, algorithm->hash, cmaw_buf_slice(&private_der), cmaw_buf_slice(&digest), &signature));
    CMAW_TRY(cmaw_kms_answer_bytes(call, "Signature", cmaw_buf_slice(&signature)));
    return answer_key(call, &key);
}

static enum cmaw_err verify(struct cmaw_kms_call *call)
{
    CMAW_KMS_KEY_AUTO(key);
    CMAW_BUF_AUTO(digest, CMAW_HASH_SIZE_MAX);
    CMAW_BUF_AUTO(public_der, CMAW_PAIR_PUBLIC_MAX);
    const struct cmaw_kms_algorithm *algorithm = NULL;
    CMAW_TRY(begin(call, &key, &algorithm, &digest));
    CMAW_TRY(cmaw_kms_key_pair(call, &key, NULL, &public_der));
    const enum cmaw_err err = cmaw_pair_verify(algorithm->scheme, algorithm->hash, cmaw_buf_slice(&public_der),
                                               cmaw_buf_slice(&digest), cmaw_buf_slice(&call->blob));
    CMAW_REQUIRE(err != CMAW_E_AUTH, cmaw_fault_set(&call->fault, CMAW_FAULT_KMS_INVALID_SIGNATURE));
    CMAW_TRY(err);
    CMAW_TRY(cmaw_kms_answer(call, "SignatureValid", json_true()));
    return answer_key(call, &key);
}

static enum cmaw_err get_public_key(struct cmaw_kms_call *call)
{
    CMAW_KMS_KEY_AUTO(key);
    CMAW_BUF_AUTO(public_der, CMAW_PAIR_PUBLIC_MAX);
    CMAW_TRY(cmaw_kms_open_key(call, &key));
    CMAW_REQUIRE(key.spec != NULL, cmaw_fault_say(&call->fault, CMAW_FAULT_UNSUPPORTED, "%s is not an asymmetric key.", key.arn));
    CMAW_TRY(cmaw_kms_require_enabled(call, &key));
    CMAW_TRY(cmaw_kms_key_pair(call, &key, NULL, &public_der));
    CMAW_TRY(cmaw_kms_answer(call, "KeyId", json_string(key.arn)));
    CMAW_TRY(cmaw_kms_answer_bytes(call, "PublicKey", cmaw_buf_slice(&public_der)));
    return cmaw_kms_put_kind(&key, call->response);
}

const struct cmaw_kms_operation cmaw_kms_sign_operations[] = {
    {"Sign", check_message, sign, false, true, "KeyId MessageType SigningAlgorithm"},
    {"Verify", check_verify, verify, false, true, "KeyId MessageType SigningAlgorithm"},
    {"GetPublicKey", cmaw_kms_check_alias, get_public_key, false, true, "KeyId"},
    {NULL},
};
