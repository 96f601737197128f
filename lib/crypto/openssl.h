/* Inside lib/crypto only: algorithms fetched once for the process, and scope-exit cleanup for OpenSSL's objects. */
#ifndef CMAW_CRYPTO_OPENSSL_H
#define CMAW_CRYPTO_OPENSSL_H

#include <openssl/evp.h>

#include "lib/base/bytes.h"

/* NULL if OpenSSL cannot provide it now, for want of memory. Never freed. */
const EVP_CIPHER *cmaw_openssl_aes256gcm(void);
const EVP_CIPHER *cmaw_openssl_aes256cbc(void);

/* For readers of PEM: without one, OpenSSL asks the terminal for the passphrase that a hostile text claims to need. */
int cmaw_openssl_no_passphrase(char *dst, int capacity, int writing, void *unused);

/* OpenSSL queues errors per thread; what failed once must not colour the next call of SSL_get_error. */
void cmaw_openssl_forget_errors(void);
/* Why a call that judges what others sent has failed: AUTH where OpenSSL's errors name a reason, and NO_MEMORY where it ran out of that (it
 * says so, or calls it a fault of its own, or says nothing at all). Forgets the errors. */
enum cmaw_err cmaw_openssl_refusal(void);

static inline void cmaw_openssl_release_cipher_ctx(EVP_CIPHER_CTX **ctx)
{
    EVP_CIPHER_CTX_free(*ctx);
}
static inline void cmaw_openssl_release_pkey(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}
static inline void cmaw_openssl_release_pkey_ctx(EVP_PKEY_CTX **ctx)
{
    EVP_PKEY_CTX_free(*ctx);
}
#define CMAW_CIPHER_CTX_AUTO(name) [[gnu::cleanup(cmaw_openssl_release_cipher_ctx)]] EVP_CIPHER_CTX *name
#define CMAW_PKEY_AUTO(name) [[gnu::cleanup(cmaw_openssl_release_pkey)]] EVP_PKEY *name
#define CMAW_PKEY_CTX_AUTO(name) [[gnu::cleanup(cmaw_openssl_release_pkey_ctx)]] EVP_PKEY_CTX *name

#endif
