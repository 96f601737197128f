/* Any JSON as the request of any KMS operation: what is read of it before the store is entered. The first byte chooses the
 * operation. Those that end by generating a key pair are left out: they would do nothing else. */
#include <stdlib.h>
#include <string.h>

#include "dev/kms.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct cmaw_kms_operation *const lists[] = {
    cmaw_kms_crypto_operations, cmaw_kms_key_operations,   cmaw_kms_policy_operations, cmaw_kms_sign_operations,
    cmaw_kms_alias_operations,  cmaw_kms_tag_operations,   cmaw_kms_grant_operations,
};

static const struct cmaw_kms_operation *choose(uint8_t number)
{
    size_t left = number;
    for (;;) {
        for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
            for (const struct cmaw_kms_operation *one = lists[i]; one->name != NULL; one++) {
                if (left-- == 0) {
                    return one;
                }
            }
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cmaw_kms kms = {.region = "eu-central-1", .account = "111122223333"};
    struct cmaw_principal who;
    if (size < 2 || cmaw_principal_parse("arn:aws:iam::111122223333:role/a", &who) != CMAW_OK) {
        return 0;
    }
    const struct cmaw_kms_operation *operation = choose(data[0]);
    struct cmaw_kms_call call = {.kms = &kms, .who = &who, .operation = operation->name, .response = json_object(),
                                 .request = json_loadb((const char *)data + 1, size - 1, JSON_REJECT_DUPLICATES, NULL)};
    if (json_is_object(call.request)) {
        enum cmaw_err err = cmaw_kms_check_shapes(&call);
        err = err == CMAW_OK ? operation->check(&call) : err;
        /* a refusal has a reason for its caller; anything else would be an internal failure */
        if (err != CMAW_OK && call.fault.type == CMAW_FAULT_NONE) {
            abort();
        }
    }
    json_decref(call.request);
    json_decref(call.response);
    cmaw_buf_free(&call.blob);
    cmaw_buf_free(&call.plaintext);
    return 0;
}
