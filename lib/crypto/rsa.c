#include "lib/crypto/rsa.h"

#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crypto/openssl.h"
#include "lib/crypto/pkcs8.h"
#include "lib/crypto/rsa_key.h"

enum { BITS = 2048, MODULUS_SIZE = 256 };

/* SubjectPublicKeyInfo { rsaEncryption NULL, RSAPublicKey { modulus, 65537 } }: everything but the modulus is fixed. */
#define SPKI_PREFIX CMAW_SLICE_LIT( \
    "\x30\x82\x01\x22\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x03\x82\x01\x0f\x00" \
    "\x30\x82\x01\x0a\x02\x82\x01\x01\x00")
#define SPKI_SUFFIX CMAW_SLICE_LIT("\x02\x03\x01\x00\x01")

void cmaw_rsa_key_free(struct cmaw_rsa_key *key)
{
    if (key != NULL) {
        EVP_PKEY_free(key->pkey);
        free(key);
    }
}

static bool spki_is_ours(struct cmaw_slice spki)
{
    struct cmaw_reader reader = cmaw_reader_of(spki);
    const struct cmaw_slice prefix = cmaw_read_bytes(&reader, SPKI_PREFIX.size);
    const struct cmaw_slice modulus = cmaw_read_bytes(&reader, MODULUS_SIZE);
    const struct cmaw_slice suffix = cmaw_read_bytes(&reader, SPKI_SUFFIX.size);
    return cmaw_reader_end(&reader) == CMAW_OK && cmaw_slice_eq(prefix, SPKI_PREFIX) &&
           cmaw_slice_eq(suffix, SPKI_SUFFIX) && modulus.data[0] >= 0x80 && (modulus.data[MODULUS_SIZE - 1] & 1) == 1;
}

/* Takes the reference. AUTH unless it is a key of our size and exponent. */
static enum cmaw_err wrap(EVP_PKEY *pkey, struct cmaw_rsa_key **ret_key)
{
    uint8_t *spki = NULL;
    const int size = i2d_PUBKEY(pkey, &spki);
    struct cmaw_rsa_key *key = NULL;
    enum cmaw_err err = CMAW_E_AUTH;
    if (size > 0 && spki_is_ours(cmaw_slice_of(spki, (size_t)size))) {
        key = calloc(1, sizeof *key);
        err = key == NULL ? CMAW_E_NO_MEMORY : CMAW_OK;
    }
    if (err == CMAW_OK) {
        key->pkey = pkey;
        memcpy(key->spki, spki, sizeof key->spki);
        *ret_key = key;
    } else {
        EVP_PKEY_free(pkey);
    }
    OPENSSL_free(spki);
    return err;
}

enum cmaw_err cmaw_rsa_generate(struct cmaw_rsa_key **ret_key)
{
    EVP_PKEY *pkey = EVP_RSA_gen(BITS);
    CMAW_REQUIRE(pkey != NULL, CMAW_E_NO_MEMORY);
    return wrap(pkey, ret_key);
}

enum cmaw_err cmaw_rsa_from_spki(struct cmaw_slice spki, struct cmaw_rsa_key **ret_key)
{
    CMAW_REQUIRE(spki_is_ours(spki), CMAW_E_AUTH);
    const uint8_t *next = spki.data;
    EVP_PKEY *pkey = d2i_PUBKEY(NULL, &next, (long)spki.size);
    return pkey != NULL ? wrap(pkey, ret_key) : cmaw_openssl_refusal();
}

enum cmaw_err cmaw_rsa_from_private_pem(struct cmaw_slice pem, struct cmaw_rsa_key **ret_key)
{
    EVP_PKEY *pkey = cmaw_private_pem_read(pem);
    CMAW_REQUIRE(pkey != NULL, CMAW_E_MALFORMED);
    const enum cmaw_err err = wrap(pkey, ret_key);
    return err == CMAW_E_AUTH ? CMAW_E_MALFORMED : err;
}

void cmaw_rsa_put_spki(const struct cmaw_rsa_key *key, struct cmaw_buf *buf)
{
    cmaw_buf_put(buf, CMAW_SLICE_ARRAY(key->spki));
}

/* The message does not choose: both hashes are SHA-256 and there is no label. */
static bool set_oaep(EVP_PKEY_CTX *ctx)
{
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()) == 1 && EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) == 1;
}

enum cmaw_err cmaw_rsa_oaep_encrypt(const struct cmaw_rsa_key *key, struct cmaw_slice plaintext, struct cmaw_buf *out)
{
    CMAW_PKEY_CTX_AUTO(ctx) = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    CMAW_REQUIRE(ctx != NULL && EVP_PKEY_encrypt_init(ctx) == 1 && set_oaep(ctx), CMAW_E_NO_MEMORY);
    uint8_t block[CMAW_RSA_BLOCK_SIZE];
    size_t size = sizeof block;
    if (EVP_PKEY_encrypt(ctx, block, &size, plaintext.data, plaintext.size) != 1 || size != sizeof block) {
        cmaw_openssl_forget_errors();
        return CMAW_E_TOO_LARGE;
    }
    cmaw_buf_put(out, CMAW_SLICE_ARRAY(block));
    return cmaw_buf_err(out);
}

enum cmaw_err cmaw_rsa_oaep_decrypt(const struct cmaw_rsa_key *key, struct cmaw_slice ciphertext, size_t size,
                                    struct cmaw_secret *ret_plaintext)
{
    CMAW_REQUIRE(ciphertext.size == CMAW_RSA_BLOCK_SIZE, CMAW_E_AUTH);
    CMAW_PKEY_CTX_AUTO(ctx) = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    CMAW_REQUIRE(ctx != NULL && EVP_PKEY_decrypt_init(ctx) == 1 && set_oaep(ctx), CMAW_E_NO_MEMORY);
    uint8_t block[CMAW_RSA_BLOCK_SIZE];
    size_t got = sizeof block;
    enum cmaw_err err = CMAW_E_AUTH;
    if (EVP_PKEY_decrypt(ctx, block, &got, ciphertext.data, ciphertext.size) != 1) {
        err = cmaw_openssl_refusal();
    } else if (got == size) {
        err = cmaw_secret_copy(cmaw_slice_of(block, got), ret_plaintext);
    }
    cmaw_wipe(block, sizeof block);
    return err;
}
