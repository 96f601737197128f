#include "lib/crypto/openssl.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <pthread.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_CIPHER *aes256gcm;
static EVP_CIPHER *aes256cbc;

/* OpenSSL would read a configuration file, and load what it names, at its first use. */
[[gnu::constructor]] static void start(void)
{
    (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
}

static void fetch(void)
{
    aes256gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    aes256cbc = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
}

const EVP_CIPHER *cmaw_openssl_aes256gcm(void)
{
    (void)pthread_once(&once, fetch);
    return aes256gcm;
}

const EVP_CIPHER *cmaw_openssl_aes256cbc(void)
{
    (void)pthread_once(&once, fetch);
    return aes256cbc;
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
