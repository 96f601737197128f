/* HMAC (RFC 2104) and HKDF (RFC 5869) with SHA-2. Nothing here allocates; state is wiped. */
#ifndef CMAW_CRYPTO_HMAC_H
#define CMAW_CRYPTO_HMAC_H

#include "lib/crypto/hash.h"

struct cmaw_hmac {
    struct cmaw_hash inner;
    struct cmaw_hash outer;
};
void cmaw_hmac_init(enum cmaw_hash_alg alg, struct cmaw_slice key, struct cmaw_hmac *ret_hmac);
void cmaw_hmac_update(struct cmaw_hmac *hmac, struct cmaw_slice bytes);
/* Writes the full tag, cmaw_hash_size(alg) bytes. Compare tags with cmaw_ct_eq. */
void cmaw_hmac_finish(struct cmaw_hmac *hmac, uint8_t *ret_tag);

void cmaw_hmac_sha256(struct cmaw_slice key, const struct cmaw_slice *parts, size_t count,
                      uint8_t ret_tag[CMAW_SHA256_SIZE]);

/* info is the concatenation of count parts. BUG unless size is 0..255 * cmaw_hash_size(alg). */
enum cmaw_err cmaw_hkdf_expand(enum cmaw_hash_alg alg, struct cmaw_slice prk, const struct cmaw_slice *info,
                               size_t count, uint8_t *ret_okm, size_t size);
/* Extract with this salt, then expand. */
enum cmaw_err cmaw_hkdf(enum cmaw_hash_alg alg, struct cmaw_slice salt, struct cmaw_slice ikm,
                        const struct cmaw_slice *info, size_t count, uint8_t *ret_okm, size_t size);

#endif
