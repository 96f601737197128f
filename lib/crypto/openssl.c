#include "lib/crypto/openssl.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdatomic.h>

/* OpenSSL would read a configuration file, and load what it names, at its first use. */
[[gnu::constructor]] static void start(void)
{
    (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
}

/* Fetched at first use, and again where memory ran out then. */
static const EVP_CIPHER *fetched(EVP_CIPHER *_Atomic *slot, const char *name)
{
    EVP_CIPHER *cipher = atomic_load(slot);
    if (cipher == NULL && (cipher = EVP_CIPHER_fetch(NULL, name, NULL)) != NULL) {
        EVP_CIPHER *other = NULL;
        if (!atomic_compare_exchange_strong(slot, &other, cipher)) {
            EVP_CIPHER_free(cipher);
            cipher = other;
        }
    }
    return cipher;
}

const EVP_CIPHER *cmaw_openssl_aes256gcm(void)
{
    static EVP_CIPHER *_Atomic aes256gcm;
    return fetched(&aes256gcm, "AES-256-GCM");
}

const EVP_CIPHER *cmaw_openssl_aes256cbc(void)
{
    static EVP_CIPHER *_Atomic aes256cbc;
    return fetched(&aes256cbc, "AES-256-CBC");
}

void cmaw_openssl_forget_errors(void)
{
    ERR_clear_error();
}

enum cmaw_err cmaw_openssl_refusal(void)
{
    enum cmaw_err err = ERR_peek_error() == 0 ? CMAW_E_NO_MEMORY : CMAW_E_AUTH;
    for (unsigned long queued = ERR_get_error(); queued != 0; queued = ERR_get_error()) {
        err = ERR_FATAL_ERROR(queued) != 0 ? CMAW_E_NO_MEMORY : err;
    }
    return err;
}

int cmaw_openssl_no_passphrase(char *dst, int capacity, int writing, void *unused)
{
    (void)dst;
    (void)capacity;
    (void)writing;
    (void)unused;
    return -1;
}
