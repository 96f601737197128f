/* Any text as an ARN, an enclave's description or an Authorization header, and any bytes as a ciphertext blob. */
#include <stdlib.h>
#include <string.h>

#include "dev/kms_blob.h"
#include "dev/nsm_store.h"
#include "dev/arn.h"
#include "dev/sigv4.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
    try_authorization(text);
    if (cmaw_principal_parse(text, &who) == CMAW_OK && strcmp(who.arn, text) != 0) {
        abort();
    }
    if (cmaw_nsm_parse_new(text, &instance) == CMAW_OK && instance.locked != 0xffff) {
        abort();
    }
    return 0;
}
