/* CreateKey, and what is said of a key. */
#include <stdio.h>
#include <string.h>

#include "dev/kms.h"
#include "lib/base/text.h"

static json_t *algorithms(const struct cmaw_kms_spec *spec)
{
    json_t *list = json_array();
    for (size_t i = 0; spec->algorithms[i] != NULL; i++) {
        (void)json_array_append_new(list, json_string(spec->algorithms[i]));
    }
    return list;
}

enum cmaw_err cmaw_kms_put_kind(const struct cmaw_kms_key *key, json_t *object)
{
    const char *spec = cmaw_kms_key_spec(key);
    json_t *kind = json_pack("{s:s, s:s, s:s}", "KeyUsage", cmaw_kms_key_usage(key), "KeySpec", spec,
                             "CustomerMasterKeySpec", spec);
    const int failed = key->spec == NULL
                           ? json_object_set_new(kind, "EncryptionAlgorithms", json_pack("[s]", cmaw_kms_encryption_algorithms[0]))
                           : json_object_set_new(kind, "SigningAlgorithms", algorithms(key->spec));
    return failed == 0 && json_object_update_new(object, kind) == 0 ? CMAW_OK : CMAW_E_NO_MEMORY;
}

static enum cmaw_err answer_metadata(struct cmaw_kms_call *call, const struct cmaw_kms_key *key)
{
    char material[2 * CMAW_KMS_MATERIAL_SIZE + 1];
    json_t *data = json_pack("{s:s, s:s, s:s, s:o, s:b, s:s, s:s, s:s, s:s, s:b}", "AWSAccountId", call->kms->account,
                             "KeyId", key->id, "Arn", key->arn, "CreationDate", cmaw_kms_seconds(key->created_ms),
                             "Enabled", strcmp(key->state, "Enabled") == 0, "Description", key->description, "KeyState",
                             key->state, "Origin", "AWS_KMS", "KeyManager", "CUSTOMER", "MultiRegion", 0);
    CMAW_TRY(cmaw_kms_answer(call, "KeyMetadata", data));
    CMAW_TRY(cmaw_kms_put_kind(key, data));
    if (key->deletion_ms != 0) {
        (void)json_object_set_new(data, "DeletionDate", cmaw_kms_seconds(key->deletion_ms));
    }
    if (key->spec == NULL) {
        CMAW_TRY(cmaw_hex_to_cstr(CMAW_SLICE_ARRAY(key->material_id), material, sizeof material));
        (void)json_object_set_new(data, "CurrentKeyMaterialId", json_string(material));
    }
    return CMAW_OK;
}

static bool has(const struct cmaw_kms_call *call, const char *member)
{
    json_t *value = json_object_get(call->request, member);
    return value != NULL && !json_is_null(value);
}

/* KeySpec or, as it was called, CustomerMasterKeySpec. */
static enum cmaw_err read_spec(struct cmaw_kms_call *call, const char **ret_spec)
{
    CMAW_REQUIRE(!has(call, "KeySpec") || !has(call, "CustomerMasterKeySpec"),
                 cmaw_fault_say(&call->fault, CMAW_FAULT_VALIDATION,
                                "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. "
                                "CustomerMasterKeySpec is deprecated."));
    return cmaw_kms_arg_choice(call, has(call, "KeySpec") ? "KeySpec" : "CustomerMasterKeySpec", cmaw_kms_key_specs, ret_spec);
}

static bool usage_fits(const char *spec, const char *usage)
{
    static const struct {
        const char *prefix;
        const char *usages;
    } rules[] = {
        {"SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"},
        {"RSA_", "ENCRYPT_DECRYPT SIGN_VERIFY"},
        {"ECC_NIST_EDWARDS25519", "SIGN_VERIFY"},
        {"ECC_SECG_P256K1", "SIGN_VERIFY"},
        {"ECC_NIST_", "SIGN_VERIFY KEY_AGREEMENT"},
        {"HMAC_", "GENERATE_VERIFY_MAC"},
        {"SM2", "ENCRYPT_DECRYPT SIGN_VERIFY KEY_AGREEMENT"},
        {"ML_DSA_", "SIGN_VERIFY"},
        {"ML_KEM_", "ENCAPSULATE_DECAPSULATE"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (strncmp(spec, rules[i].prefix, strlen(rules[i].prefix)) == 0) {
            return strstr(rules[i].usages, usage) != NULL;
        }
    }
    return false;
}

/* What KMS would refuse is refused in its words; what it would make and the emulator does not, as unsupported. */
static enum cmaw_err check_kind(struct cmaw_kms_call *call)
{
    const char *spec = NULL, *usage = NULL;
    CMAW_TRY(read_spec(call, &spec));
    CMAW_TRY(cmaw_kms_arg_choice(call, "KeyUsage", cmaw_kms_key_usages, &usage));
    const bool symmetric = spec == cmaw_kms_key_specs[0];
    CMAW_REQUIRE(symmetric || has(call, "KeyUsage"),
                 cmaw_fault_say(&call->fault, CMAW_FAULT_VALIDATION,
                                "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys."));
    CMAW_REQUIRE(usage_fits(spec, usage), cmaw_fault_say(&call->fault, CMAW_FAULT_VALIDATION,
                                                         "KeyUsage %s is not compatible with KeySpec %s", usage, spec));
    call->spec = cmaw_kms_spec_find(spec);
    return symmetric || (call->spec != NULL && strcmp(usage, "SIGN_VERIFY") == 0)
               ? CMAW_OK : cmaw_fault_set(&call->fault, CMAW_FAULT_UNSUPPORTED);
}

static enum cmaw_err check_create(struct cmaw_kms_call *call)
{
    static const char *const origins[] = {"AWS_KMS", "EXTERNAL", "AWS_CLOUDHSM", "EXTERNAL_KEY_STORE", NULL};
    const char *origin = NULL, *ignored = NULL;
    bool multi_region = false;
    CMAW_TRY(cmaw_kms_arg_text(call, "Description", 0, CMAW_KMS_DESCRIPTION_MAX, false, &ignored));
    CMAW_TRY(cmaw_kms_arg_policy(call, false));
    CMAW_TRY(cmaw_kms_arg_choice(call, "Origin", origins, &origin));
    CMAW_TRY(cmaw_kms_arg_flag(call, "MultiRegion", &multi_region));
    CMAW_TRY(check_kind(call));
    CMAW_TRY(cmaw_kms_check_tags(call, false));
    CMAW_REQUIRE(!multi_region && origin == origins[0] && !has(call, "CustomKeyStoreId") && !has(call, "XksKeyId"),
                 cmaw_fault_set(&call->fault, CMAW_FAULT_UNSUPPORTED));
    return call->spec == NULL ? CMAW_OK : cmaw_pair_generate(call->spec->kind, &call->private_der, &call->public_der);
}

static enum cmaw_err create_key(struct cmaw_kms_call *call)
{
    CMAW_BUF_AUTO(standard, 1024);
    CMAW_KMS_KEY_AUTO(key);
    CMAW_TRY(cmaw_kms_authorise(call, "kms:CreateKey", NULL, NULL));
    if (json_array_size(json_object_get(call->request, "Tags")) > 0) {
        CMAW_TRY(cmaw_kms_authorise(call, "kms:TagResource", NULL, NULL));
    }
    CMAW_TRY(cmaw_kms_policy_default(call->kms, &standard));
    const char *policy = json_string_value(json_object_get(call->request, "Policy"));
    const char *description = json_string_value(json_object_get(call->request, "Description"));
    if (policy != NULL) {
        CMAW_TRY(cmaw_kms_policy_check(call, policy));
    }
    CMAW_TRY(cmaw_kms_key_insert(call, description == NULL ? "" : description,
                                 policy == NULL ? (const char *)standard.data : policy, call->spec, &key));
    CMAW_TRY(cmaw_kms_put_tags(call, &key));
    (void)snprintf(call->key_arn, sizeof call->key_arn, "%s", key.arn);
    return answer_metadata(call, &key);
}

static enum cmaw_err describe_key(struct cmaw_kms_call *call)
{
    CMAW_KMS_KEY_AUTO(key);
    CMAW_TRY(cmaw_kms_open_key(call, &key));
    return answer_metadata(call, &key);
}

const struct cmaw_kms_operation cmaw_kms_create_operations[] = {
    {"CreateKey", check_create, create_key, false, false,
     "Policy Description KeySpec CustomerMasterKeySpec KeyUsage Origin Tags MultiRegion BypassPolicyLockoutSafetyCheck"},
    {"DescribeKey", cmaw_kms_check_alias, describe_key, false, true, "KeyId"},
    {NULL},
};
