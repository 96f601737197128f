/* What an attestation document says, and whether it holds under a policy: for people who look at one by hand. */
#ifndef CMAW_CLIENT_ATTEST_DOCUMENT_H
#define CMAW_CLIENT_ATTEST_DOCUMENT_H

#include "client/json.h"
#include "lib/attest/doc.h"

enum { CMAW_DOCUMENT_FILE_MAX = 64 * 1024 }; /* bytes, base64 included */

/* SHA-256 of the DER of AWS's root certificate, facts: aws-nitro-enclaves root G1. */
#define CMAW_AWS_ROOT_SHA256 "641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b"

struct cmaw_document_policy {
    uint8_t root_sha256[CMAW_SHA256_SIZE];
    bool pinned[CMAW_PCR_COUNT];
    uint8_t pcrs[CMAW_PCR_COUNT][CMAW_PCR_SIZE];
    struct cmaw_slice nonce;  /* empty: any or none */
    bool at_its_time;         /* it held when it was made; else it holds at time_ms and is at most max_age_ms old */
    uint64_t time_ms;
    uint64_t max_age_ms;
    bool allow_debug;
    enum cmaw_doc_trust trust;
    bool any_pcr;             /* no PCR is pinned, on purpose */
};

/* A document's bytes from a file's: as they are, or in base64 with any white space. MALFORMED. */
enum cmaw_err cmaw_document_bytes(struct cmaw_slice file, struct cmaw_buf *bytes);

/* {"holds", "root", "checks": [{"check", "holds", "text"}], "insecure": [texts], "document": {…}}; document is missing where the form is wrong.
 * The caller owns it. Hostile input; what the document says is worth nothing unless it holds. */
enum cmaw_err cmaw_document_judge(struct cmaw_slice bytes, const struct cmaw_document_policy *policy, json_t **ret_json);
/* The same for people, on standard output. */
void cmaw_document_print(const json_t *judgement);

#endif
