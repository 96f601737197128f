/* Attestation documents that nobody signed (QEMU's): the switch that takes them, and what is said wherever it was used. The
 * switch stands on the command line only; nothing that is stored carries it. */
#ifndef CMAW_CLIENT_UNSIGNED_H
#define CMAW_CLIENT_UNSIGNED_H

#include "lib/attest/doc.h"
#include "lib/base/diag.h"
#include "lib/sst/check.h"

#define CMAW_UNSIGNED_SWITCH "--accept-unsigned-qemu-documents"
/* What follows from taking one. */
#define CMAW_UNSIGNED_NOTE "unsigned QEMU documents accepted (" CMAW_UNSIGNED_SWITCH "): anybody can write one, so nothing here is attested"
/* The name of the number of documents so taken, in JSON. */
#define CMAW_UNSIGNED_KEY "unsigned_documents"

/* Row of a table of options. */
#define CMAW_OPTION_UNSIGNED(flag)                                                                                     \
    {"accept-unsigned-qemu-documents", NULL, "take attestation documents of QEMU's machine, which nobody signs", NULL, NULL, &(flag)}

/* What the switch means. */
enum cmaw_doc_trust cmaw_unsigned_trust(bool accept);
/* Says on standard error that the switch was given. */
void cmaw_unsigned_warn(bool accept);
/* Sets a hint where an unsigned document is what was refused. */
void cmaw_unsigned_hint(const struct cmaw_finding *finding, struct cmaw_diag *diag);

#endif
