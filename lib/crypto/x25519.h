/* X25519 (RFC 7748). */
#ifndef CMAW_CRYPTO_X25519_H
#define CMAW_CRYPTO_X25519_H

#include "lib/base/secret.h"

enum { CMAW_X25519_SIZE = 32 }; /* bytes of a private key, a public key and a shared secret */

enum cmaw_err cmaw_x25519_generate(struct cmaw_secret *ret_private, uint8_t ret_public[CMAW_X25519_SIZE]);
enum cmaw_err cmaw_x25519_public(const struct cmaw_secret *private_key, uint8_t ret_public[CMAW_X25519_SIZE]);
/* AUTH if the shared secret is all zero (a public key of small order). The public key is hostile input. */
enum cmaw_err cmaw_x25519(const struct cmaw_secret *private_key, const uint8_t public_key[CMAW_X25519_SIZE],
                          struct cmaw_secret *ret_shared);

#endif
