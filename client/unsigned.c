#include "client/unsigned.h"

#include <stdio.h>
#include <string.h>

#include "lib/sst/attest.h"

enum cmaw_doc_trust cmaw_unsigned_trust(bool accept)
{
    return accept ? CMAW_DOC_UNSIGNED_QEMU_TOO : CMAW_DOC_SIGNED;
}

void cmaw_unsigned_warn(bool accept)
{
    if (accept) {
        (void)fprintf(stderr, "WARNING: " CMAW_UNSIGNED_SWITCH " takes attestation documents that anybody can write: for trying things out only\n");
    }
}

void cmaw_unsigned_hint(const struct cmaw_finding *finding, struct cmaw_diag *diag)
{
    if (finding->check != NULL && strcmp(finding->check, CMAW_CHECK_UNSIGNED) == 0) {
        cmaw_diag_hint(diag, "of a stack in QEMU, to try things out: " CMAW_UNSIGNED_SWITCH " takes them, and then nothing is attested");
    }
}
