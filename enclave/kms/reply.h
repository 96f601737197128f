/* What KMS said, read from the JSON of a response. Hostile: bounded, typed, and only what is needed is taken. */
#ifndef CMAW_KMS_REPLY_H
#define CMAW_KMS_REPLY_H

#include "enclave/kms/http.h"

/* For the operator of the host: nothing in it comes from content. Texts end in NUL and hold printable ASCII only. */
struct cmaw_kms_failure {
    char type[65];
    char message[513];
    char request_id[65];
    uint32_t http_status;
    bool recipient_sent;
};

/* Whether asking again may help. */
enum cmaw_kms_class { CMAW_KMS_FINAL, CMAW_KMS_RETRY, CMAW_KMS_NEW_CREDENTIALS, CMAW_KMS_SKEW };

/* Fills type, message, request id and status of a response that is no success (facts/KMS.md section 1.3: names in any of
 * their forms); recipient_sent is left alone. Returns how to go on. */
enum cmaw_kms_class cmaw_kms_failure_of(const struct cmaw_http_response *response, struct cmaw_kms_failure *ret_failure);
/* A failure of our own, before or instead of KMS's answer: type is a word like "TlsFailed". */
void cmaw_kms_failure_set(struct cmaw_kms_failure *failure, const char *type, const char *message);

/* The answer of GenerateDataKey or Decrypt with a Recipient. */
struct cmaw_kms_data_reply {
    struct cmaw_buf blob;     /* CiphertextBlob, 1..6144 bytes; empty where the answer had none */
    struct cmaw_buf envelope; /* CiphertextForRecipient, 1..6144 bytes */
};
void cmaw_kms_data_reply_free(struct cmaw_kms_data_reply *reply);
/* PEER unless it is an object whose KeyId is key_arn, with a CiphertextForRecipient and without a plaintext: one that is neither
 * absent, null nor empty is fatal (section 2.2). */
enum cmaw_err cmaw_kms_parse_data(struct cmaw_slice body, struct cmaw_slice key_arn, struct cmaw_kms_data_reply *ret_reply);
/* DENIED unless KeyMetadata says what PROTOCOL.md section 6.3 asks of a role's key; PEER for another form or another ARN. */
enum cmaw_err cmaw_kms_parse_key(struct cmaw_slice body, struct cmaw_slice key_arn);

#endif
