#include "lib/crypto/pkcs8.h"

#include <openssl/pem.h>
#include <openssl/x509.h>

enum { PKCS8_MAX = 4096, PEM_MAX = 16384 };

EVP_PKEY *cmaw_pkcs8_read(struct cmaw_slice der)
{
    const uint8_t *next = der.data;
    if (der.size == 0 || der.size > PKCS8_MAX) {
        return NULL;
    }
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &next, (long)der.size);
    EVP_PKEY *pkey = info == NULL ? NULL : EVP_PKCS82PKEY(info);
    PKCS8_PRIV_KEY_INFO_free(info);
    if (pkey == NULL || next != der.data + der.size) {
        EVP_PKEY_free(pkey);
        cmaw_openssl_forget_errors();
        return NULL;
    }
    return pkey;
}

enum cmaw_err cmaw_pkcs8_put(const EVP_PKEY *pkey, struct cmaw_buf *buf)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);
    uint8_t *der = NULL;
    const int size = info == NULL ? -1 : i2d_PKCS8_PRIV_KEY_INFO(info, &der);
    PKCS8_PRIV_KEY_INFO_free(info);
    CMAW_REQUIRE(size > 0, CMAW_E_NO_MEMORY);
    cmaw_buf_put(buf, cmaw_slice_of(der, (size_t)size));
    OPENSSL_clear_free(der, (size_t)size);
    return cmaw_buf_err(buf);
}

EVP_PKEY *cmaw_private_pem_read(struct cmaw_slice pem)
{
    if (pem.size == 0 || pem.size > PEM_MAX) {
        return NULL;
    }
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.size);
    EVP_PKEY *pkey = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, cmaw_openssl_no_passphrase, NULL);
    BIO_free(bio);
    if (pkey == NULL) {
        cmaw_openssl_forget_errors();
    }
    return pkey;
}
