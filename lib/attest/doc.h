/* Nitro attestation documents, facts/NITRO.md section 1: parsed and verified; what they must say is the caller's policy. */
#ifndef CMAW_ATTEST_DOC_H
#define CMAW_ATTEST_DOC_H

#include "lib/cbor/cose.h"
#include "lib/crypto/x509.h"

enum {
    CMAW_DOC_SIZE_MAX = 24 * 1024, /* bytes */
    CMAW_DOC_PAYLOAD_MAX = 16384,
    CMAW_DOC_BUNDLE_MAX = 8, /* certificates */
    CMAW_PCR_COUNT = 32,
    CMAW_PCR_SIZE = 48,
};

/* null differs from an empty byte string. */
struct cmaw_doc_field {
    bool present;
    struct cmaw_slice bytes;
};

/* Which documents a caller takes. QEMU's nitro-enclave machine gives unsigned ones (facts/NITRO.md section 1.7): whoever can
 * write bytes can write one, so they prove nothing, and are taken only where whoever runs the program said so in as many words. */
enum cmaw_doc_trust { CMAW_DOC_SIGNED, CMAW_DOC_UNSIGNED_QEMU_TOO };

/* Everything is borrowed from the document's bytes. */
struct cmaw_doc {
    bool is_unsigned; /* QEMU's form: no signature and no certificate, all of it is only claimed */
    struct cmaw_cose_sign1 sign1;
    struct cmaw_slice module_id;
    uint64_t timestamp_ms; /* since 1970 */
    struct cmaw_slice pcrs[CMAW_PCR_COUNT]; /* CMAW_PCR_SIZE bytes each, or empty: not in the document */
    struct cmaw_slice cabundle[CMAW_DOC_BUNDLE_MAX]; /* [0] is the root */
    size_t cabundle_count;
    struct cmaw_slice certificate; /* the leaf */
    struct cmaw_doc_field public_key; /* 1..1024 bytes, opaque */
    struct cmaw_doc_field user_data;  /* 0..1024 */
    struct cmaw_doc_field nonce;      /* 0..1024 */
};

/* The form only: sections 1.1, 1.2 and 1.7 (refuses other algorithms, QEMU's documents and NitroTPM's). MALFORMED, or
 * TOO_LARGE over CMAW_DOC_SIZE_MAX. Hostile input; nothing in ret_doc is authentic yet. */
enum cmaw_err cmaw_doc_parse(struct cmaw_slice bytes, struct cmaw_doc *ret_doc);
/* The same; with CMAW_DOC_UNSIGNED_QEMU_TOO also exactly the form of QEMU's: untagged, algorithm -1, signature, certificate and a
 * bundle of one of 64 zero bytes each, whole seconds, a map of the nine keys. What is half signed is of neither form. */
enum cmaw_err cmaw_doc_parse_trusting(struct cmaw_slice bytes, enum cmaw_doc_trust trust, struct cmaw_doc *ret_doc);

/* The document held at a time that the caller states: signature, chain up to the root certificate whose DER has this SHA-256, and the validity of each
 * certificate then. Its own timestamp as the time says that it was valid when it was made, and nothing about when that was. Neither age nor nonce is
 * looked at. cache (may be NULL) spares signatures of authorities that it has seen. AUTH, also for an unsigned document: whoever takes one looks at
 * is_unsigned and says so; EXPIRED if a certificate was outside its validity. */
enum cmaw_err cmaw_doc_verify_at(const struct cmaw_doc *doc, const uint8_t root_sha256[CMAW_SHA256_SIZE], uint64_t time_ms,
                                 struct cmaw_x509_cache *cache);

/* The value of a PCR, or the empty slice if the document has none (index out of range included). */
struct cmaw_slice cmaw_doc_pcr(const struct cmaw_doc *doc, uint32_t index);
/* Any of PCR0, PCR1, PCR2 is all zero: an enclave in debug mode, whose memory and console the host can read. Signature and
 * chain of such a document are valid; only this tells. */
bool cmaw_doc_is_debug(const struct cmaw_doc *doc);

#endif
