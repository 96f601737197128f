/* Nitro Secure Module client (facts/NITRO.md section 2): requests out, answers in, both CBOR. The device is the platform's,
 * but its answers are read as strictly as any: bounded, every key known. */
#ifndef CMAW_NSM_NSM_H
#define CMAW_NSM_NSM_H

#include "lib/base/bytes.h"

enum {
    CMAW_NSM_REQUEST_MAX = 0x1000,
    CMAW_NSM_RESPONSE_MAX = 0x3000,
    CMAW_NSM_PCR_SIZE = 48,
    CMAW_NSM_FIELD_MAX = 512, /* user_data and nonce; what every platform takes */
};

/* The way to the device. call sends one request and appends the answer to response, at most CMAW_NSM_RESPONSE_MAX bytes.
 * UNAVAILABLE or CLOSED: nobody answers now, and asking again may help; IO: the device refused. One call at a time. */
struct cmaw_nsm {
    enum cmaw_err (*call)(void *context, struct cmaw_slice request, struct cmaw_buf *response);
    void *context;
};

struct cmaw_nsm_pcr {
    bool locked;
    uint8_t value[CMAW_NSM_PCR_SIZE];
};

/* All: DENIED where the device answers with an error, PEER where the answer has another form. Everything but extend is
 * tried again for some seconds while nobody answers. */
/* Appends 1..CMAW_NSM_RESPONSE_MAX random bytes, as many as the device gives at once. */
enum cmaw_err cmaw_nsm_random(const struct cmaw_nsm *nsm, struct cmaw_buf *buf);
enum cmaw_err cmaw_nsm_describe_pcr(const struct cmaw_nsm *nsm, uint32_t index, struct cmaw_nsm_pcr *ret_pcr);
enum cmaw_err cmaw_nsm_extend_pcr(const struct cmaw_nsm *nsm, uint32_t index, struct cmaw_slice data);
enum cmaw_err cmaw_nsm_lock_pcr(const struct cmaw_nsm *nsm, uint32_t index);
/* Appends an attestation document. An empty field is sent as null. */
enum cmaw_err cmaw_nsm_attest(const struct cmaw_nsm *nsm, struct cmaw_slice user_data, struct cmaw_slice nonce,
                              struct cmaw_slice public_key, struct cmaw_buf *document);

#endif
