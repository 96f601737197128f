/* Gives up what a verifier of a file does not need: network, threads, other programs, writing files. The libraries that it links could do all that. */
#ifndef CMAW_CLIENT_VERIFY_CONFINE_H
#define CMAW_CLIENT_VERIFY_CONFINE_H

#include "lib/base/error.h"

/* From here on the kernel refuses every call that is not on a short list, for the rest of this process. */
enum cmaw_err cmaw_verify_confine(void);

#endif
