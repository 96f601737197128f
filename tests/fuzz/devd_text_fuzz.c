/* Any text as a policy, an ARN, an enclave's description or an Authorization header, and any bytes as a ciphertext blob. */
#include <stdlib.h>
#include <string.h>

#include "dev/kms_blob.h"
#include "dev/nsm_store.h"
#include "dev/policy.h"
#include "dev/sigv4.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_policy(const char *text)
{
    json_t *policy = NULL, *keys = json_pack("{s:[s,s]}", "a", "x", "y");
    char reason[256];
    struct cmaw_principal who;
    if (cmaw_principal_parse("arn:aws:iam::111122223333:role/a", &who) != CMAW_OK) {
        abort();
    }
    for (enum cmaw_policy_kind kind = CMAW_POLICY_KEY; kind <= CMAW_POLICY_IDENTITY; kind++) {
        if (cmaw_policy_parse(text, kind, &policy, reason) == CMAW_OK) {
            const struct cmaw_policy_request request = {&who, "kms:Decrypt", "arn:aws:kms:r:111122223333:key/1", keys};
            (void)cmaw_policy_eval(policy, kind, &request);
            json_decref(policy);
        }
    }
    json_decref(keys);
}

static void try_authorization(const char *text)
{
    struct cmaw_http_request request = {.method = "POST", .path = "/", .header_count = 3,
                                        .headers = {{"Authorization", text}, {"X-Amz-Date", "20260102T030405Z"}, {"Host", text}}};
    struct cmaw_sigv4 auth;
    struct cmaw_fault fault = {0};
    if (cmaw_sigv4_parse(&request, &auth, &fault) == CMAW_OK
        && cmaw_sigv4_verify(&request, &auth, "secret", "", "eu-central-1", "kms", 1767323045, &fault) == CMAW_OK) {
        abort(); /* nobody forges an HMAC */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[4096];
    struct cmaw_principal who;
    struct cmaw_nsm_instance instance;
    struct cmaw_slice material_id;
    if (cmaw_kms_blob_material_id(cmaw_slice_of(data, size), &material_id) == CMAW_OK && material_id.data != data + 5) {
        abort();
    }
    if (cmaw_slice_to_cstr(cmaw_slice_of(data, size), text, sizeof text) != CMAW_OK) {
        return 0;
    }
    try_policy(text);
    try_authorization(text);
    if (cmaw_principal_parse(text, &who) == CMAW_OK && strcmp(who.arn, text) != 0) {
        abort();
    }
    if (cmaw_nsm_parse_new(text, &instance) == CMAW_OK && instance.locked != 0xffff) {
        abort();
    }
    return 0;
}
