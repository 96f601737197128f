/* Attestation documents of the simulation, in the platform's exact shape (facts/NITRO.md sections 1.1 and 1.2). */
#ifndef CMAW_DEV_NSM_DOC_H
#define CMAW_DEV_NSM_DOC_H

#include "dev/nsm_sim.h"
#include "dev/pki.h"

/* How the payload map is written: the platform changed from the first to the second in 2025. */
enum cmaw_nsm_map_form { CMAW_NSM_MAP_DEFINITE, CMAW_NSM_MAP_INDEFINITE };

/* Appends a document that is signed by the attester's leaf. PCRs that are not locked are left out. */
enum cmaw_err cmaw_nsm_doc_sign(const struct cmaw_attester *attester, enum cmaw_nsm_map_form form,
                                const struct cmaw_nsm_instance *instance, const struct cmaw_nsm_attestation *fields,
                                uint64_t now_ms, struct cmaw_buf *document);
/* Appends what QEMU's nitro-enclave machine gives instead (facts/NITRO.md section 1.7): whole seconds, a definite map, and 64 zero bytes for
 * each of signature, certificate and the one entry of its bundle. */
enum cmaw_err cmaw_nsm_doc_unsigned(const struct cmaw_nsm_instance *instance, const struct cmaw_nsm_attestation *fields, uint64_t now_ms,
                                    struct cmaw_buf *document);

#endif
