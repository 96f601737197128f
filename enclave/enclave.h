/* What one enclave is, from boot to its end: PROTOCOL.md section 6 as a state that only moves forward. */
#ifndef CMAW_ENCLAVE_ENCLAVE_H
#define CMAW_ENCLAVE_ENCLAVE_H

#include <pthread.h>
#include <stdatomic.h>

#include "enclave/agent/run.h"
#include "enclave/budget.h"
#include "enclave/conf.h"
#include "enclave/kms/kms.h"
#include "enclave/nsm/nsm.h"
#include "lib/rpc/message.h"
#include "lib/sst/birth.h"
#include "lib/sst/lock.h"
#include "lib/sst/step.h"

enum {
    CMAW_ENCLAVE_BYTES = 5 * 1024 * 1024, /* what requests and answers may hold in memory together */
    CMAW_ENCLAVE_CONNECTIONS_MAX = 64,
};

struct cmaw_enclave_stats {
    atomic_uint_fast64_t codes[CMAW_CODE_COUNTS_MAX]; /* of steps, by code */
    atomic_uint_fast64_t connections;                 /* open now */
    atomic_uint_fast64_t bytes_in;
    atomic_uint_fast64_t bytes_out;
    atomic_uint_fast64_t resident_bytes; /* when no step was running last, in whole MiB */
};

struct cmaw_enclave {
    struct cmaw_conf conf;
    struct cmaw_nsm nsm;
    struct cmaw_kms kms;
    struct cmaw_spawner spawner;
    uint64_t started_ms; /* monotonic */
    uint8_t pcrs[CMAW_MEASURED_PCRS][CMAW_NSM_PCR_SIZE]; /* own PCR 0, 1, 2, 8, as documents show them */

    atomic_uint state; /* enum cmaw_enclave_state; moves forward only, under lock */
    pthread_mutex_t lock; /* Provision, Configure: one at a time. What follows is written under it and read once state says so */
    uint8_t manifest_bytes[CMAW_MANIFEST_MAX];
    struct cmaw_manifest manifest; /* from LOCKED on; points into manifest_bytes */
    const struct cmaw_role *role;
    struct cmaw_pcr lock_pcr;
    struct cmaw_ec_key *ak;
    struct cmaw_role_keys keys;        /* from READY on */
    struct cmaw_buf ak_doc;            /* from READY on: what receipts name */
    struct cmaw_step_self self;        /* from READY on */

    pthread_mutex_t failure_lock; /* of what follows: Describe reads it meanwhile */
    struct cmaw_kms_failure failure; /* of the last Provision or Configure; without a type: none */

    struct cmaw_budget bytes;
    struct cmaw_budget agents;
    struct cmaw_enclave_stats stats;
};

/* What a request holds of the budgets. */
struct cmaw_held {
    struct cmaw_share agent;
    struct cmaw_share bytes;
};
void cmaw_held_release(struct cmaw_held *held);

/* A request's answer with the memory that it points into. Zero-initialised; freed by cmaw_reply_free. */
struct cmaw_reply {
    struct cmaw_response response;
    struct cmaw_buf kms_blob;
    struct cmaw_buf birth_cert;
    struct cmaw_buf ak_doc;
    struct cmaw_step_result step;
    struct cmaw_kms_failure kms_failure;
    struct cmaw_share bytes; /* of the budget, until the answer is sent */
};
void cmaw_reply_free(struct cmaw_reply *reply);
static inline void cmaw_reply_code(struct cmaw_reply *reply, enum cmaw_code code)
{
    reply->response = cmaw_response_of_code(code);
}
/* The code, and reply->kms_failure with this enclave's measurements. It is kept for Describe. */
void cmaw_reply_kms_failure(struct cmaw_enclave *enclave, struct cmaw_reply *reply, enum cmaw_code code);
/* What is kept is over. */
void cmaw_enclave_clear_failure(struct cmaw_enclave *enclave);

/* entropy.c */
/* Credits random bytes of the NSM to the kernel's generator. An error: there must be no key. */
enum cmaw_err cmaw_enclave_add_entropy(const struct cmaw_nsm *nsm);

/* identity.c */
/* Once, at boot: own PCRs and the time, from a fresh document. */
enum cmaw_err cmaw_enclave_read_identity(struct cmaw_enclave *enclave);
/* The time alone, from a fresh document. */
enum cmaw_err cmaw_enclave_renew_time(const struct cmaw_enclave *enclave);
/* Role lock and AK (section 6, points 1 and 2); repeats are compared. Ends the enclave where a lock fails or cannot be
 * confirmed. Called under lock. OK, or the code to answer. */
enum cmaw_code cmaw_enclave_lock_role(struct cmaw_enclave *enclave, struct cmaw_slice manifest, uint32_t role);
/* Appends a new document for AK with this nonce (may be empty). State LOCKED or later. */
enum cmaw_err cmaw_enclave_attest(struct cmaw_enclave *enclave, struct cmaw_slice nonce, struct cmaw_buf *document);

/* Handlers: fill reply. The dispatcher has checked the state. */
void cmaw_handle_describe(struct cmaw_enclave *enclave, const struct cmaw_request *request, struct cmaw_reply *reply);
void cmaw_handle_stats(struct cmaw_enclave *enclave, const struct cmaw_request *request, struct cmaw_reply *reply);
void cmaw_handle_attest(struct cmaw_enclave *enclave, const struct cmaw_request *request, struct cmaw_reply *reply);
void cmaw_handle_provision(struct cmaw_enclave *enclave, const struct cmaw_request *request, struct cmaw_reply *reply);
void cmaw_handle_configure(struct cmaw_enclave *enclave, const struct cmaw_request *request, struct cmaw_reply *reply);
/* Takes the frame that request points into (empties it); its bytes in held are given back with it, before the agent runs. */
void cmaw_handle_step(struct cmaw_enclave *enclave, const struct cmaw_request *request, struct cmaw_buf *frame,
                      struct cmaw_held *held, struct cmaw_reply *reply);

#endif
