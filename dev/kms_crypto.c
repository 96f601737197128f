#include <stdio.h>
#include <string.h>

#include "dev/kms.h"
#include "lib/base/text.h"
#include "lib/crypto/random.h"

enum { GENERATED_MAX = 1024, CONTEXT_FORM_MAX = 16384 };

const char *cmaw_kms_key_usage(const struct cmaw_kms_key *key)
{
    return key->spec == NULL ? "ENCRYPT_DECRYPT" : "SIGN_VERIFY";
}

const char *cmaw_kms_key_spec(const struct cmaw_kms_key *key)
{
    return key->spec == NULL ? cmaw_kms_key_specs[0] : key->spec->name;
}

static enum cmaw_err answer_material_as(struct cmaw_kms_call *call, const char *member, const struct cmaw_kms_key *key)
{
    char hex[2 * CMAW_KMS_MATERIAL_SIZE + 1];
    CMAW_TRY(cmaw_hex_to_cstr(CMAW_SLICE_ARRAY(key->material_id), hex, sizeof hex));
    return cmaw_kms_answer(call, member, json_string(hex));
}

/* Omitted when a recipient was sent (facts/KMS.md section 1.4). */
enum cmaw_err cmaw_kms_answer_material(struct cmaw_kms_call *call, const struct cmaw_kms_key *key)
{
    memcpy(call->material_id, key->material_id, sizeof call->material_id);
    return call->recipient.present ? CMAW_OK : answer_material_as(call, "KeyMaterialId", key);
}

enum cmaw_err cmaw_kms_refuse_dry_run(struct cmaw_kms_call *call)
{
    bool dry = false;
    CMAW_TRY(cmaw_kms_arg_flag(call, "DryRun", &dry));
    return dry ? cmaw_fault_set(&call->fault, CMAW_FAULT_DRY_RUN) : CMAW_OK;
}

enum cmaw_err cmaw_kms_wrong_usage(struct cmaw_kms_call *call, const struct cmaw_kms_key *key, const char *operation)
{
    return cmaw_fault_say(&call->fault, CMAW_FAULT_INVALID_KEY_USAGE, "%s key usage is %s which is not valid for %s.",
                          key->arn, cmaw_kms_key_usage(key), operation);
}

enum cmaw_err cmaw_kms_wrong_algorithm(struct cmaw_kms_call *call, const struct cmaw_kms_key *key, const char *algorithm)
{
    return cmaw_fault_say(&call->fault, CMAW_FAULT_INVALID_KEY_USAGE, "Algorithm %s is incompatible with key spec %s.",
                          algorithm, cmaw_kms_key_spec(key));
}

/* Symmetric keys know one algorithm only; the member may name the others that KMS has. */
static enum cmaw_err require_algorithm(struct cmaw_kms_call *call, const struct cmaw_kms_key *key, const char *member)
{
    const char *algorithm = NULL;
    CMAW_TRY(cmaw_kms_arg_choice(call, member, cmaw_kms_encryption_algorithms, &algorithm));
    return algorithm == cmaw_kms_encryption_algorithms[0] ? CMAW_OK : cmaw_kms_wrong_algorithm(call, key, algorithm);
}

static enum cmaw_err check_algorithm(struct cmaw_kms_call *call, const char *member)
{
    const char *algorithm = NULL;
    return cmaw_kms_arg_choice(call, member, cmaw_kms_encryption_algorithms, &algorithm);
}

static enum cmaw_err answer_algorithm(struct cmaw_kms_call *call, const char *member)
{
    return cmaw_kms_answer(call, member, json_string(cmaw_kms_encryption_algorithms[0]));
}

enum cmaw_err cmaw_kms_open_for_encryption(struct cmaw_kms_call *call, struct cmaw_kms_key *ret_key)
{
    CMAW_KMS_KEY_AUTO(key);
    CMAW_TRY(cmaw_kms_open_key(call, &key));
    CMAW_TRY(cmaw_kms_require_enabled(call, &key));
    CMAW_REQUIRE(key.spec == NULL, cmaw_kms_wrong_usage(call, &key, call->operation));
    *ret_key = key;
    key = (struct cmaw_kms_key){0};
    return CMAW_OK;
}

enum cmaw_err cmaw_kms_check_key_and_context(struct cmaw_kms_call *call)
{
    call->naming = CMAW_KMS_NAMED_IN_CRYPTO;
    CMAW_TRY(cmaw_kms_check_key(call));
    return cmaw_kms_arg_context(call, "EncryptionContext", &call->context);
}

enum cmaw_err cmaw_kms_seal(const struct cmaw_kms_key *key, json_t *context, struct cmaw_slice plaintext, struct cmaw_buf *blob)
{
    CMAW_BUF_AUTO(form, CONTEXT_FORM_MAX);
    cmaw_kms_context_put(&form, context);
    CMAW_TRY(cmaw_buf_err(&form));
    return cmaw_kms_blob_seal(&key->material, CMAW_SLICE_ARRAY(key->material_id), cmaw_buf_slice(&form), plaintext, blob);
}

static enum cmaw_err check_encrypt(struct cmaw_kms_call *call)
{
    CMAW_TRY(cmaw_kms_check_key_and_context(call));
    CMAW_TRY(check_algorithm(call, "EncryptionAlgorithm"));
    return cmaw_kms_arg_bytes(call, "Plaintext", CMAW_KMS_PLAINTEXT_MAX, true, &call->plaintext);
}

static enum cmaw_err encrypt(struct cmaw_kms_call *call)
{
    CMAW_KMS_KEY_AUTO(key);
    CMAW_BUF_AUTO(blob, CMAW_KMS_BLOB_MAX);
    CMAW_TRY(cmaw_kms_open_for_encryption(call, &key));
    CMAW_TRY(require_algorithm(call, &key, "EncryptionAlgorithm"));
    CMAW_TRY(cmaw_kms_refuse_dry_run(call));
    CMAW_TRY(cmaw_kms_seal(&key, call->context, cmaw_buf_slice(&call->plaintext), &blob));
    memcpy(call->material_id, key.material_id, sizeof call->material_id); /* for the event; the answer has none */
    CMAW_TRY(cmaw_kms_answer_bytes(call, "CiphertextBlob", cmaw_buf_slice(&blob)));
    CMAW_TRY(cmaw_kms_answer(call, "KeyId", json_string(key.arn)));
    return answer_algorithm(call, "EncryptionAlgorithm");
}

/* A rehearsal without a ciphertext, which asks about permissions only. */
static bool ignores_ciphertext(const struct cmaw_kms_call *call)
{
    json_t *modifiers = json_object_get(call->request, "DryRunModifiers");
    return json_is_true(json_object_get(call->request, "DryRun")) && json_array_size(modifiers) > 0;
}

/* The key must be named where no ciphertext does it. */
static enum cmaw_err check_blob(struct cmaw_kms_call *call, const char *key_member, const char **ret_key_id)
{
    const bool ignored = ignores_ciphertext(call);
    CMAW_TRY(cmaw_kms_arg_key(call, key_member, ignored, ret_key_id));
    return ignored ? CMAW_OK : cmaw_kms_arg_bytes(call, "CiphertextBlob", CMAW_KMS_BLOB_MAX, true, &call->blob);
}

static enum cmaw_err check_decrypt(struct cmaw_kms_call *call)
{
    call->naming = CMAW_KMS_NAMED_IN_CRYPTO;
    CMAW_TRY(cmaw_kms_arg_context(call, "EncryptionContext", &call->context));
    CMAW_TRY(check_algorithm(call, "EncryptionAlgorithm"));
    return check_blob(call, "KeyId", &call->key_id);
}

static enum cmaw_err named_key(struct cmaw_kms_call *call, const char *key_id, struct cmaw_kms_key *ret_key)
{
    CMAW_TRY(cmaw_kms_key_load(call, key_id, ret_key));
    (void)snprintf(call->key_arn, sizeof call->key_arn, "%s", ret_key->arn);
    return CMAW_OK;
}

/* The key that the blob names; if the request names one too, it must be that (key_id NULL: it does not). */
static enum cmaw_err key_of_blob(struct cmaw_kms_call *call, const char *key_id, struct cmaw_kms_key *ret_key)
{
    struct cmaw_slice material_id;
    CMAW_KMS_KEY_AUTO(named);
    CMAW_KMS_KEY_AUTO(key);
    if (ignores_ciphertext(call)) {
        return named_key(call, key_id, ret_key);
    }
    if (cmaw_kms_blob_material_id(cmaw_buf_slice(&call->blob), &material_id) != CMAW_OK) {
        return cmaw_fault_set(&call->fault, CMAW_FAULT_INVALID_CIPHERTEXT);
    }
    if (key_id != NULL) {
        CMAW_TRY(named_key(call, key_id, &named));
    }
    const enum cmaw_err err = cmaw_kms_key_load_material(call, material_id, &key);
    if (err == CMAW_E_NOT_FOUND) {
        return cmaw_fault_say(&call->fault, CMAW_FAULT_ACCESS_DENIED,
                              "The ciphertext refers to a customer master key that does not exist, does not exist in "
                              "this region, or you are not allowed to access.");
    }
    CMAW_TRY(err);
    if (key_id != NULL && strcmp(named.id, key.id) != 0) {
        return cmaw_fault_set(&call->fault, CMAW_FAULT_INCORRECT_KEY);
    }
    (void)snprintf(call->key_arn, sizeof call->key_arn, "%s", key.arn);
    *ret_key = key;
    key = (struct cmaw_kms_key){0};
    return CMAW_OK;
}

static enum cmaw_err open_blob(struct cmaw_kms_call *call, const struct cmaw_kms_key *key, json_t *context,
                               struct cmaw_buf *plaintext)
{
    CMAW_BUF_AUTO(form, CONTEXT_FORM_MAX);
    if (ignores_ciphertext(call)) {
        return CMAW_OK; /* the refusal of a dry run comes next */
    }
    cmaw_kms_context_put(&form, context);
    CMAW_TRY(cmaw_buf_err(&form));
    const enum cmaw_err err = cmaw_kms_blob_open(&key->material, cmaw_buf_slice(&form), cmaw_buf_slice(&call->blob), plaintext);
    return err == CMAW_E_AUTH ? cmaw_fault_set(&call->fault, CMAW_FAULT_INVALID_CIPHERTEXT) : err;
}

static enum cmaw_err decrypt(struct cmaw_kms_call *call)
{
    CMAW_KMS_KEY_AUTO(key);
    CMAW_BUF_AUTO(plaintext, CMAW_KMS_PLAINTEXT_MAX);
    CMAW_TRY(key_of_blob(call, call->key_id, &key));
    CMAW_TRY(cmaw_kms_authorise(call, "kms:Decrypt", &key, call->context));
    CMAW_TRY(cmaw_kms_require_enabled(call, &key));
    CMAW_REQUIRE(key.spec == NULL, cmaw_kms_wrong_usage(call, &key, call->operation));
    CMAW_TRY(require_algorithm(call, &key, "EncryptionAlgorithm"));
    CMAW_TRY(open_blob(call, &key, call->context, &plaintext));
    CMAW_TRY(cmaw_kms_refuse_dry_run(call));
    CMAW_TRY(cmaw_kms_put_plaintext(call, "Plaintext", cmaw_buf_slice(&plaintext)));
    CMAW_TRY(cmaw_kms_answer(call, "KeyId", json_string(key.arn)));
    CMAW_TRY(answer_algorithm(call, "EncryptionAlgorithm"));
    return cmaw_kms_answer_material(call, &key);
}

/* KeySpec or NumberOfBytes, one of them. */
static enum cmaw_err check_generate(struct cmaw_kms_call *call)
{
    static const char *const specs[] = {"", "AES_256", "AES_128", NULL};
    const char *spec = NULL;
    int64_t number = 0;
    CMAW_TRY(cmaw_kms_check_key_and_context(call));
    CMAW_TRY(cmaw_kms_arg_choice(call, "KeySpec", specs, &spec));
    CMAW_TRY(cmaw_kms_arg_number(call, "NumberOfBytes", 1, GENERATED_MAX, false, &number));
    if ((spec[0] != '\0') == (number != 0)) {
        return cmaw_fault_say(&call->fault, CMAW_FAULT_VALIDATION, "Please specify either number of bytes or key spec.");
    }
    call->size = spec[0] == '\0' ? (size_t)number : strcmp(spec, "AES_256") == 0 ? 32 : 16;
    return CMAW_OK;
}

static enum cmaw_err generate(struct cmaw_kms_call *call, bool with_plaintext)
{
    CMAW_KMS_KEY_AUTO(key);
    CMAW_BUF_AUTO(blob, CMAW_KMS_BLOB_MAX);
    CMAW_BUF_AUTO(data_key, GENERATED_MAX);
    CMAW_TRY(cmaw_kms_open_for_encryption(call, &key));
    CMAW_TRY(cmaw_kms_refuse_dry_run(call));
    uint8_t *bytes = cmaw_buf_extend(&data_key, call->size);
    CMAW_REQUIRE(bytes != NULL, CMAW_E_NO_MEMORY);
    CMAW_TRY(cmaw_random(bytes, call->size));
    CMAW_TRY(cmaw_kms_seal(&key, call->context, cmaw_buf_slice(&data_key), &blob));
    CMAW_TRY(cmaw_kms_answer_bytes(call, "CiphertextBlob", cmaw_buf_slice(&blob)));
    CMAW_TRY(cmaw_kms_answer(call, "KeyId", json_string(key.arn)));
    if (with_plaintext) {
        CMAW_TRY(cmaw_kms_put_plaintext(call, "Plaintext", cmaw_buf_slice(&data_key)));
    }
    return cmaw_kms_answer_material(call, &key);
}

static enum cmaw_err generate_data_key(struct cmaw_kms_call *call)
{
    return generate(call, true);
}

static enum cmaw_err generate_without_plaintext(struct cmaw_kms_call *call)
{
    return generate(call, false);
}

static enum cmaw_err check_random(struct cmaw_kms_call *call)
{
    int64_t number = 0;
    const char *store = NULL;
    CMAW_TRY(cmaw_kms_arg_text(call, "CustomKeyStoreId", 1, 64, false, &store));
    CMAW_REQUIRE(store == NULL, cmaw_fault_set(&call->fault, CMAW_FAULT_UNSUPPORTED));
    CMAW_TRY(cmaw_kms_arg_number(call, "NumberOfBytes", 1, GENERATED_MAX, false, &number));
    CMAW_REQUIRE(number != 0, cmaw_fault_say(&call->fault, CMAW_FAULT_VALIDATION, "NumberOfBytes is required."));
    call->size = (size_t)number;
    return CMAW_OK;
}

static enum cmaw_err generate_random(struct cmaw_kms_call *call)
{
    CMAW_BUF_AUTO(random, GENERATED_MAX);
    CMAW_TRY(cmaw_kms_authorise(call, "kms:GenerateRandom", NULL, NULL));
    uint8_t *bytes = cmaw_buf_extend(&random, call->size);
    CMAW_REQUIRE(bytes != NULL, CMAW_E_NO_MEMORY);
    CMAW_TRY(cmaw_random(bytes, call->size));
    return cmaw_kms_put_plaintext(call, "Plaintext", cmaw_buf_slice(&random));
}

static enum cmaw_err check_reencrypt(struct cmaw_kms_call *call)
{
    call->naming = CMAW_KMS_NAMED_IN_CRYPTO;
    json_t *context = NULL;
    const char *source = NULL;
    CMAW_TRY(cmaw_kms_arg_context(call, "SourceEncryptionContext", &context));
    CMAW_TRY(cmaw_kms_arg_key(call, "DestinationKeyId", true, &call->key_id));
    CMAW_TRY(cmaw_kms_arg_context(call, "DestinationEncryptionContext", &call->context));
    CMAW_TRY(check_algorithm(call, "SourceEncryptionAlgorithm"));
    CMAW_TRY(check_algorithm(call, "DestinationEncryptionAlgorithm"));
    return check_blob(call, "SourceKeyId", &source);
}

static enum cmaw_err reencrypt(struct cmaw_kms_call *call)
{
    CMAW_KMS_KEY_AUTO(source);
    CMAW_KMS_KEY_AUTO(destination);
    CMAW_BUF_AUTO(plaintext, CMAW_KMS_PLAINTEXT_MAX);
    CMAW_BUF_AUTO(blob, CMAW_KMS_BLOB_MAX);
    json_t *context = json_object_get(call->request, "SourceEncryptionContext");
    CMAW_TRY(key_of_blob(call, json_string_value(json_object_get(call->request, "SourceKeyId")), &source));
    CMAW_TRY(cmaw_kms_authorise(call, "kms:ReEncryptFrom", &source, context));
    CMAW_TRY(cmaw_kms_key_load(call, call->key_id, &destination));
    (void)snprintf(call->other_arn, sizeof call->other_arn, "%s", source.arn);
    (void)snprintf(call->key_arn, sizeof call->key_arn, "%s", destination.arn);
    CMAW_TRY(cmaw_kms_authorise(call, "kms:ReEncryptTo", &destination, call->context));
    CMAW_TRY(cmaw_kms_require_enabled(call, &source));
    CMAW_TRY(cmaw_kms_require_enabled(call, &destination));
    CMAW_REQUIRE(source.spec == NULL, cmaw_kms_wrong_usage(call, &source, "ReEncryptFrom"));
    CMAW_REQUIRE(destination.spec == NULL, cmaw_kms_wrong_usage(call, &destination, "ReEncryptTo"));
    CMAW_TRY(require_algorithm(call, &source, "SourceEncryptionAlgorithm"));
    CMAW_TRY(require_algorithm(call, &destination, "DestinationEncryptionAlgorithm"));
    CMAW_TRY(open_blob(call, &source, context, &plaintext));
    CMAW_TRY(cmaw_kms_refuse_dry_run(call));
    CMAW_TRY(cmaw_kms_seal(&destination, call->context, cmaw_buf_slice(&plaintext), &blob));
    CMAW_TRY(cmaw_kms_answer_bytes(call, "CiphertextBlob", cmaw_buf_slice(&blob)));
    CMAW_TRY(cmaw_kms_answer(call, "SourceKeyId", json_string(source.arn)));
    CMAW_TRY(answer_material_as(call, "SourceKeyMaterialId", &source));
    CMAW_TRY(answer_material_as(call, "DestinationKeyMaterialId", &destination));
    CMAW_TRY(cmaw_kms_answer(call, "KeyId", json_string(destination.arn)));
    CMAW_TRY(answer_algorithm(call, "SourceEncryptionAlgorithm"));
    return answer_algorithm(call, "DestinationEncryptionAlgorithm");
}

const struct cmaw_kms_operation cmaw_kms_crypto_operations[] = {
    {"Encrypt", check_encrypt, encrypt, false, true, "KeyId EncryptionAlgorithm EncryptionContext"},
    {"Decrypt", check_decrypt, decrypt, true, true, "KeyId EncryptionAlgorithm EncryptionContext"},
    {"GenerateDataKey", check_generate, generate_data_key, true, true, "KeyId KeySpec NumberOfBytes EncryptionContext"},
    {"GenerateDataKeyWithoutPlaintext", check_generate, generate_without_plaintext, false, true,
     "KeyId KeySpec NumberOfBytes EncryptionContext"},
    {"GenerateRandom", check_random, generate_random, true, true, NULL},
    {"ReEncrypt", check_reencrypt, reencrypt, false, true,
     "SourceKeyId SourceEncryptionContext DestinationKeyId DestinationEncryptionContext"},
    {NULL},
};
