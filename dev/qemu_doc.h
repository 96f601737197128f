/* What QEMU's nitro-enclave machine gives for attestation documents (facts/NITRO.md section 1.7): the right form, and nobody's
 * signature. Whoever can write bytes can write one. */
#ifndef CMAW_DEV_QEMU_DOC_H
#define CMAW_DEV_QEMU_DOC_H

#include "lib/attest/doc.h"

/* MALFORMED unless bytes are such a document: algorithm -1, a signature of 64 zero bytes, a certificate and a bundle of one
 * that are 64 zero bytes each. Everything in ret_doc is only claimed. Hostile input. */
enum cmaw_err cmaw_qemu_doc_parse(struct cmaw_slice bytes, struct cmaw_doc *ret_doc);

#endif
