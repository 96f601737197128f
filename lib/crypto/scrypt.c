#include "lib/crypto/scrypt.h"

#include <openssl/evp.h>

enum cmaw_err cmaw_scrypt(struct cmaw_slice passphrase, struct cmaw_slice salt, struct cmaw_scrypt_cost cost, size_t size,
                          struct cmaw_secret *ret_secret)
{
    CMAW_REQUIRE(cost.log_n >= 10 && cost.log_n <= CMAW_SCRYPT_LOG_N_MAX, CMAW_E_MALFORMED);
    CMAW_REQUIRE(cost.r >= 1 && cost.r <= 32 && cost.p >= 1 && cost.p <= 16, CMAW_E_MALFORMED);
    CMAW_SECRET_AUTO(secret);
    CMAW_TRY(cmaw_secret_new(size, &secret));
    const uint64_t n = (uint64_t)1 << cost.log_n;
    const uint64_t memory = 128 * (n + cost.p + 2) * cost.r + 4096; /* what OpenSSL counts, and some slack */
    const int done = EVP_PBE_scrypt((const char *)passphrase.data, passphrase.size, salt.data, salt.size, n, cost.r, cost.p,
                                    memory, secret.bytes, secret.size);
    CMAW_REQUIRE(done == 1, CMAW_E_NO_MEMORY);
    *ret_secret = cmaw_secret_take(&secret);
    return CMAW_OK;
}
