/* The Nitro Security Module of one simulated enclave: requests and answers of facts/NITRO.md section 2.2 and the PCR rules
 * of 2.3, without any input or output of its own. */
#ifndef CMAW_DEV_NSM_SIM_H
#define CMAW_DEV_NSM_SIM_H

#include "lib/attest/doc.h"

enum {
    CMAW_NSM_REQUEST_MAX = 0x1000, /* bytes */
    CMAW_NSM_RESPONSE_MAX = 0x3000,
    CMAW_NSM_MODULE_ID_MAX = 64,
    CMAW_NSM_FIELD_MAX = 512, /* bytes of user_data, nonce, and data to extend by */
    CMAW_NSM_PUBLIC_KEY_MAX = 1024,
};

struct cmaw_nsm_instance {
    char module_id[CMAW_NSM_MODULE_ID_MAX + 1];
    uint8_t pcrs[CMAW_PCR_COUNT][CMAW_PCR_SIZE];
    uint32_t locked; /* bit i: PCR i */
};

struct cmaw_nsm_attestation {
    struct cmaw_doc_field user_data;
    struct cmaw_doc_field nonce;
    struct cmaw_doc_field public_key;
};

/* Makes documents: appends one that says what the instance is and carries the fields. */
struct cmaw_nsm_signer {
    enum cmaw_err (*sign)(void *context, const struct cmaw_nsm_instance *instance,
                          const struct cmaw_nsm_attestation *fields, struct cmaw_buf *document);
    void *context;
};

/* A newly booted enclave: PCR 0..15 locked, 16..31 zero and free. */
void cmaw_nsm_boot(struct cmaw_nsm_instance *instance);
/* Answers one request, hostile, of at most CMAW_NSM_REQUEST_MAX bytes; refusals are answers too. An error is returned only
 * if the simulator itself fails; the instance is undefined then. */
enum cmaw_err cmaw_nsm_handle(struct cmaw_nsm_instance *instance, const struct cmaw_nsm_signer *signer,
                              struct cmaw_slice request, struct cmaw_buf *response);

#endif
