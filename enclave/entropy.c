/* Entropy from the NSM, before any key is made. */
#include "enclave/enclave.h"
#include "enclave/platform/platform.h"

enum { ROUNDS = 4, ENOUGH_BYTES = 64 };

/* The kernel's own generator is fed by the device too (hw_random); this does not depend on it. */
enum cmaw_err cmaw_enclave_add_entropy(const struct cmaw_nsm *nsm)
{
    size_t added = 0;
    for (int i = 0; i < ROUNDS; i++) {
        CMAW_BUF_AUTO(random, CMAW_NSM_RESPONSE_MAX);
        CMAW_TRY(cmaw_nsm_random(nsm, &random));
        CMAW_TRY(cmaw_platform_add_entropy(cmaw_buf_slice(&random)));
        added += random.size;
    }
    return added >= ENOUGH_BYTES ? CMAW_OK : CMAW_E_PEER;
}
