/* The simulation's module signs, under a root of its own. */
#include "enclave/platform/platform.h"

enum cmaw_doc_trust cmaw_platform_doc_trust(void)
{
    return CMAW_DOC_SIGNED;
}
