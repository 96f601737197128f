/* COSE_Sign1 of our own kind: birth certificates and receipts (PROTOCOL.md sections 6 and 7). Private to lib/sst. */
#ifndef CMAW_SST_SIGNED_H
#define CMAW_SST_SIGNED_H

#include "lib/cbor/cose.h"
#include "lib/crypto/ecdsa.h"
#include "lib/sst/check.h"
#include "lib/sst/ctx.h"

/* The texts of the checks of one kind of object: "receipt.alg" and so on. */
struct cmaw_signed_kind {
    const char *content_type;
    bool has_names; /* parameter 15: iss and sub */
    const char *check_cbor;
    const char *check_protected;
    const char *check_alg;
    const char *check_type;
    const char *check_kid;
    const char *check_signature;
};
struct cmaw_signed {
    struct cmaw_cose_sign1 sign1;
    struct cmaw_slice kid;
    struct cmaw_slice iss;
    struct cmaw_slice sub;
};

/* Appends the COSE_Sign1 by ak over payload. iss and sub are used where the kind has names. */
enum cmaw_err cmaw_signed_make(const struct cmaw_signed_kind *kind, struct cmaw_slice iss, struct cmaw_slice sub,
    struct cmaw_slice payload, const struct cmaw_ec_key *ak, struct cmaw_buf *buf);
/* Frame and protected header: deterministic CBOR, exactly the parameters listed. The payload is not looked into. MALFORMED. */
enum cmaw_err cmaw_signed_parse(const struct cmaw_signed_kind *kind, struct cmaw_slice bytes, struct cmaw_signed *ret_signed,
    struct cmaw_finding *finding);
/* kid is that of ak, and the signature verifies. AUTH. */
enum cmaw_err cmaw_signed_verify(const struct cmaw_signed_kind *kind, const struct cmaw_cose_sign1 *sign1, struct cmaw_slice kid,
    const struct cmaw_ec_key *ak, const struct cmaw_bytes32 *ak_kid, struct cmaw_finding *finding);

#endif
