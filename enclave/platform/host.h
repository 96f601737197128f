/* Whose virtual machine this is: the one thing in which the release /init and the one for QEMU differ. Each has a source file
 * of its own for it, chosen when it is linked; neither program has the other's. */
#ifndef CMAW_PLATFORM_HOST_H
#define CMAW_PLATFORM_HOST_H

#include <stdint.h>

/* Where the host answers: 3, the parent instance of a Nitro enclave; 2, the host of any other virtual machine. */
extern const uint32_t cmaw_host_cid;

#endif
