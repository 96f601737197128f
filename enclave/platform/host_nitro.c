/* A Nitro enclave (facts/NITRO.md section 4). */
#include "enclave/platform/host.h"
#include "enclave/platform/platform.h"

const uint32_t cmaw_host_cid = 3;
const uint32_t cmaw_platform_clock_renew_s = 3600;

enum cmaw_tier cmaw_platform_tier(void)
{
    return CMAW_TIER_NITRO;
}

enum cmaw_doc_trust cmaw_platform_doc_trust(void)
{
    return CMAW_DOC_SIGNED;
}
