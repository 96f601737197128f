/* COSE_Sign1 (RFC 9052 section 4.2): the frame only. Signatures are made and verified by the caller with lib/crypto over
 * the parts that cmaw_cose_tbs_of gives. external_aad is always empty. */
#ifndef CMAW_CBOR_COSE_H
#define CMAW_CBOR_COSE_H

#include "lib/cbor/read.h"

/* Borrowed from the parsed bytes, or from the caller of the writer. */
struct cmaw_cose_sign1 {
    struct cmaw_slice protected_header; /* the encoded map inside its byte string */
    struct cmaw_slice payload;
    struct cmaw_slice signature;
};

/* An array of 4 with an empty unprotected map, an attached payload and nothing behind it; MALFORMED otherwise. Under
 * CMAW_CBOR_PLATFORM tag 18 is accepted too. The protected header and the payload are not looked into, and the
 * signature is not verified. Hostile input. */
enum cmaw_err cmaw_cose_sign1_parse(struct cmaw_slice bytes, enum cmaw_cbor_rules rules,
                                    struct cmaw_cose_sign1 *ret_sign1);
/* Appends the untagged, deterministic form. */
void cmaw_cose_put_sign1(struct cmaw_buf *buf, const struct cmaw_cose_sign1 *sign1);

/* The signed bytes (Sig_structure) as parts to hash one after the other; nothing is copied. The struct must not be moved
 * and lives no longer than what it was made from. */
enum { CMAW_COSE_TBS_PARTS = 4 };
struct cmaw_cose_tbs {
    struct cmaw_slice parts[CMAW_COSE_TBS_PARTS];
    uint8_t heads[32];
};
void cmaw_cose_tbs_of(struct cmaw_slice protected_header, struct cmaw_slice payload, struct cmaw_cose_tbs *ret_tbs);

#endif
