/* scrypt (RFC 7914): a key from a passphrase. For the client's run store only. */
#ifndef CMAW_CRYPTO_SCRYPT_H
#define CMAW_CRYPTO_SCRYPT_H

#include "lib/base/secret.h"

enum { CMAW_SCRYPT_LOG_N_MAX = 20 }; /* with r = 8: 1 GiB of memory */

struct cmaw_scrypt_cost {
    uint32_t log_n; /* N = 2^log_n, 10..CMAW_SCRYPT_LOG_N_MAX; memory is 128 * N * r bytes */
    uint32_t r;     /* 1..32 */
    uint32_t p;     /* 1..16 */
};

/* A secret of size bytes, 1..CMAW_SECRET_MAX. MALFORMED for a cost out of range (a store's cost is hostile), NO_MEMORY. */
enum cmaw_err cmaw_scrypt(struct cmaw_slice passphrase, struct cmaw_slice salt, struct cmaw_scrypt_cost cost, size_t size,
                          struct cmaw_secret *ret_secret);

#endif
