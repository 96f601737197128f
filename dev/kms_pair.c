/* Data key pairs: made for the caller, kept by the caller, the private one sealed under a symmetric key. */
#include "dev/kms.h"

/* Before the store is entered: an RSA pair may take seconds, and nobody else should wait for it. */
static enum cmaw_err check_pair(struct cmaw_kms_call *call)
{
    const char *spec = NULL;
    CMAW_TRY(cmaw_kms_check_key_and_context(call));
    CMAW_TRY(cmaw_kms_arg_text(call, "KeyPairSpec", 0, SIZE_MAX, true, &spec));
    CMAW_TRY(cmaw_kms_arg_choice(call, "KeyPairSpec", cmaw_kms_pair_specs, &spec));
    call->spec = cmaw_kms_spec_find(spec);
    CMAW_REQUIRE(call->spec != NULL, cmaw_fault_set(&call->fault, CMAW_FAULT_UNSUPPORTED));
    return cmaw_pair_generate(call->spec->kind, &call->private_der, &call->public_der);
}

static enum cmaw_err generate(struct cmaw_kms_call *call, bool with_plaintext)
{
    CMAW_KMS_KEY_AUTO(key);
    CMAW_BUF_AUTO(blob, CMAW_KMS_BLOB_MAX);
    CMAW_TRY(cmaw_kms_open_for_encryption(call, &key));
    CMAW_TRY(cmaw_kms_refuse_dry_run(call));
    CMAW_TRY(cmaw_kms_seal(&key, call->context, cmaw_buf_slice(&call->private_der), &blob));
    CMAW_TRY(cmaw_kms_answer_bytes(call, "PrivateKeyCiphertextBlob", cmaw_buf_slice(&blob)));
    CMAW_TRY(cmaw_kms_answer_bytes(call, "PublicKey", cmaw_buf_slice(&call->public_der)));
    CMAW_TRY(cmaw_kms_answer(call, "KeyPairSpec", json_string(call->spec->name)));
    CMAW_TRY(cmaw_kms_answer(call, "KeyId", json_string(key.arn)));
    if (with_plaintext) {
        CMAW_TRY(cmaw_kms_put_plaintext(call, "PrivateKeyPlaintext", cmaw_buf_slice(&call->private_der)));
    }
    return cmaw_kms_answer_material(call, &key);
}

static enum cmaw_err generate_pair(struct cmaw_kms_call *call)
{
    return generate(call, true);
}

static enum cmaw_err generate_without_plaintext(struct cmaw_kms_call *call)
{
    return generate(call, false);
}

const struct cmaw_kms_operation cmaw_kms_pair_operations[] = {
    {"GenerateDataKeyPair", check_pair, generate_pair, true, true, "KeyId KeyPairSpec EncryptionContext"},
    {"GenerateDataKeyPairWithoutPlaintext", check_pair, generate_without_plaintext, false, true,
     "KeyId KeyPairSpec EncryptionContext"},
    {NULL},
};
