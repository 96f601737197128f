/* A KMS that answers as a test has written down, over TLS, and a client of it. The attestation document of this world is the recipient's
 * public key itself. */
#ifndef CMAW_TESTS_KMS_PEER_H
#define CMAW_TESTS_KMS_PEER_H

#include "enclave/kms/kms.h"
#include "tests/unit/tls_peer.h"

#define KMS_ARN "arn:aws:kms:eu-central-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef"

enum { KMS_STEPS_MAX = 8 };

/* What is sent for one request, in this order. NULL and 0: nothing. */
struct kms_step {
    const char *raw;     /* the whole answer, as it is */
    unsigned status;     /* else an answer with this status … */
    const char *headers; /* … these header lines, each with CR LF … */
    const char *body;    /* … and this body; NULL: what KMS would answer to the request */
    bool foreign;        /* the envelope is for another key */
    bool secret;         /* tsk is made anew, when the request is there */
    bool replay;         /* the answer given before, again */
    bool close;          /* then the connection is closed */
    uint32_t trickle_ms; /* between the bytes */
    bool endless;        /* then bytes until the client has gone */
};

struct kms_peer {
    struct tls_identity identity;
    struct kms_step steps[KMS_STEPS_MAX];
    size_t count;                 /* of steps */
    struct cmaw_kms kms;          /* the client */
    struct cmaw_nsm nsm;
    struct cmaw_kms_key key;
    uint8_t tsk[32];              /* what the envelopes hold */
    /* what was seen */
    size_t requests, connections, joined;
    size_t sent;                  /* bytes of the last step */
    struct cmaw_buf heads[KMS_STEPS_MAX];
    struct cmaw_buf spkis[KMS_STEPS_MAX]; /* of the recipients; empty: none */
    struct cmaw_buf last_answer;
    struct tls_peer connection[KMS_STEPS_MAX];
};

/* One at a time: the client's dial has no argument. */
void kms_peer_open(struct kms_peer *peer);
/* What dialling does, on a connection that is there. */
void kms_peer_serve(struct kms_peer *peer, int fd);
/* Ends the connections; call when the client has closed its own. */
void kms_peer_join(struct kms_peer *peer);
void kms_peer_close(struct kms_peer *peer);
/* New steps, and nothing seen. */
void kms_peer_script(struct kms_peer *peer, const struct kms_step *steps, size_t count);

#endif
