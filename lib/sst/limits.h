/* Every limit of PROTOCOL.md, named. Sizes in bytes. */
#ifndef CMAW_SST_LIMITS_H
#define CMAW_SST_LIMITS_H

enum {
    CMAW_HASH_SIZE = 32,
    CMAW_KEY_SIZE = 32,

    CMAW_MANIFEST_MAX = 16 * 1024,
    CMAW_PLAN_MAX = 16 * 1024,
    CMAW_TICKET_HEADER_MAX = 32 * 1024,
    CMAW_TICKET_MAX = 64 * 1024,
    CMAW_STATE_HEADER_MAX = 16 * 1024,
    CMAW_BUNDLE_MAX = 4 * 1024 * 1024,
    CMAW_BIRTH_CERT_MAX = 64 * 1024,
    CMAW_RECEIPT_MAX = 64 * 1024,
    CMAW_AK_DOC_MAX = 24 * 1024,
    CMAW_KMS_BLOB_MAX = 6 * 1024,
    CMAW_EVIDENCE_MAX = 256 * 1024 * 1024,

    CMAW_NAME_MAX = 64,
    CMAW_ARN_MAX = 128,
    CMAW_ROLES_MAX = 32,
    CMAW_MEASUREMENTS_MAX = 16,
    CMAW_STEPS_MAX = 64,
    CMAW_EDGES_MAX = 256,
    CMAW_TIMEOUT_MAX_S = 86400,
    CMAW_ATTEMPTS_MAX = 100,
    CMAW_SIZE_CLASSES = 7,

    CMAW_CONTENT_TYPE_MAX = 128,
    CMAW_ANNOTATIONS_MAX = 32,
    CMAW_ANNOTATION_KEY_MAX = 64,
    CMAW_ANNOTATION_VALUE_MAX = 1024,
    CMAW_FAILURE_TEXT_MAX = 2048,

    CMAW_CLASS_MAX_SIZE = 1835008, /* of the last class */
    CMAW_SUM_MAX = 1900000,        /* ciphertexts that enter or leave one step or the client */
    CMAW_DOC_LEAD_MS = 60 * 1000,  /* a receipt's document may be this much younger than the start of the step */
    CMAW_NONCE_MAX = 512,          /* what a caller may have put into an attestation document */
    CMAW_WORKFLOW_ID_SIZE = 46,    /* "cmaw-", 40 hex characters and a NUL */
};

#endif
