/* Receipts: PROTOCOL.md section 7. */
#ifndef CMAW_SST_RECEIPT_H
#define CMAW_SST_RECEIPT_H

#include "lib/cbor/cose.h"
#include "lib/crypto/ecdsa.h"
#include "lib/sst/check.h"
#include "lib/sst/manifest.h"

struct cmaw_receipt_edge {
    uint32_t edge;
    struct cmaw_bytes32 digest;
    struct cmaw_bytes32 commit;
};
enum { CMAW_RECEIPT_EDGES_MAX = CMAW_EDGES_MAX };

/* Inputs, then outputs, in one list: edges[0 .. input_count + output_count). Each edge enters and leaves at most once and an
 * edge never joins a step to itself, so 256 hold both. About 17 KiB. */
struct cmaw_receipt {
    struct cmaw_bytes32 run;
    uint32_t step;
    uint32_t role;
    uint32_t attempt;
    uint32_t kind; /* enum cmaw_state_kind */
    uint64_t started_ms;
    uint64_t finished_ms;
    struct cmaw_bytes32 ak_doc; /* H(ctx("ak-doc", ak_doc)) */
    uint32_t input_count;
    uint32_t output_count;
    struct cmaw_receipt_edge edges[CMAW_RECEIPT_EDGES_MAX];
};
static inline const struct cmaw_receipt_edge *cmaw_receipt_inputs(const struct cmaw_receipt *receipt)
{
    return receipt->edges;
}
static inline const struct cmaw_receipt_edge *cmaw_receipt_outputs(const struct cmaw_receipt *receipt)
{
    return receipt->edges + receipt->input_count;
}

/* A receipt as it came: parsed, its signature not yet verified. Slices point into bytes. */
struct cmaw_signed_receipt {
    struct cmaw_slice bytes;
    struct cmaw_cose_sign1 sign1;
    struct cmaw_slice kid;
    struct cmaw_slice iss; /* "cmaw:" tenant "/" role name */
    struct cmaw_slice sub; /* hex(run_id) */
    struct cmaw_receipt claims;
};

/* Appends the COSE_Sign1 of AK. tenant and role_name make the claim iss. */
enum cmaw_err cmaw_receipt_make(const struct cmaw_receipt *receipt, struct cmaw_slice tenant, struct cmaw_slice role_name,
    const struct cmaw_ec_key *ak, struct cmaw_buf *buf);
/* Form: size, deterministic CBOR, exactly the parameters and claims listed, lists ascending. MALFORMED, and *finding (may be
 * NULL) says what ("receipt.cbor", "receipt.alg", "receipt.protected", "receipt.payload", …). */
enum cmaw_err cmaw_receipt_parse(struct cmaw_slice bytes, struct cmaw_signed_receipt *ret_receipt, struct cmaw_finding *finding);
/* kid names this key, and the signature is by it, with s <= n/2. AUTH. */
enum cmaw_err cmaw_receipt_verify_signature(const struct cmaw_signed_receipt *receipt, const struct cmaw_ec_key *ak,
    const struct cmaw_bytes32 *kid, struct cmaw_finding *finding);
/* The claims that repeat others: iss is of this tenant and role, sub of the run. AUTH. */
enum cmaw_err cmaw_receipt_check_names(const struct cmaw_signed_receipt *receipt, struct cmaw_slice tenant,
    struct cmaw_slice role_name, struct cmaw_finding *finding);

#endif
