/* QEMU's nitro-enclave machine (facts/NITRO.md section 6): the same devices, and no isolation from the host. Development only;
 * release images are linked without this file. */
#include "enclave/platform/host.h"
#include "enclave/platform/platform.h"

const uint32_t cmaw_host_cid = 2;
const uint32_t cmaw_platform_clock_renew_s = 60; /* without KVM the kernel counts its ticks, and a busy host loses some */

enum cmaw_tier cmaw_platform_tier(void)
{
    return CMAW_TIER_VM;
}

enum cmaw_doc_trust cmaw_platform_doc_trust(void)
{
    return CMAW_DOC_UNSIGNED_QEMU_TOO;
}
