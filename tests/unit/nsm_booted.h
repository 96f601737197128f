/* A module of the NSM simulator as it is after the boot, for its tests. */
#ifndef CMAW_TESTS_NSM_BOOTED_H
#define CMAW_TESTS_NSM_BOOTED_H

#include <string.h>

#include "dev/nsm_sim.h"

static inline struct cmaw_nsm_instance booted(void)
{
    struct cmaw_nsm_instance instance = {.module_id = "i-0a-enc01"};
    memset(instance.pcrs[0], 0x11, CMAW_PCR_SIZE);
    memset(instance.pcrs[2], 0x22, CMAW_PCR_SIZE);
    cmaw_nsm_boot(&instance);
    return instance;
}

#endif
