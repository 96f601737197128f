#include "lib/crypto/x509_facts.h"

#include <openssl/x509.h>
#include <string.h>
#include <time.h>

#include "lib/base/text.h"
#include "lib/crypto/ec_key.h"

enum { DER_MAX = 64 * 1024 };

static void release_x509(X509 **x509)
{
    X509_free(*x509);
}
#define X509_AUTO(name) [[gnu::cleanup(release_x509)]] X509 *name

static X509 *read_der(struct cmaw_slice der)
{
    const uint8_t *next = der.data;
    if (der.size == 0 || der.size > DER_MAX) {
        return NULL;
    }
    X509 *x509 = d2i_X509(NULL, &next, (long)der.size);
    if (x509 == NULL || next != der.data + der.size) {
        X509_free(x509);
        cmaw_openssl_forget_errors();
        return NULL;
    }
    return x509;
}

static enum cmaw_err put_object(const ASN1_OBJECT *object, char *dst, size_t capacity)
{
    const int size = object == NULL ? -1 : OBJ_obj2txt(dst, (int)capacity, object, 0);
    CMAW_REQUIRE(size > 0, CMAW_E_MALFORMED);
    CMAW_REQUIRE((size_t)size < capacity, CMAW_E_TOO_LARGE);
    return CMAW_OK;
}

static enum cmaw_err put_string(const ASN1_STRING *string, char *dst, size_t capacity)
{
    uint8_t *utf8 = NULL;
    const int size = ASN1_STRING_to_UTF8(&utf8, string);
    if (size < 0) {
        cmaw_openssl_forget_errors();
        return CMAW_E_MALFORMED;
    }
    const enum cmaw_err err = cmaw_slice_to_cstr(cmaw_slice_of(utf8, (size_t)size), dst, capacity);
    OPENSSL_free(utf8);
    CMAW_TRY(err);
    cmaw_text_tame(dst);
    return CMAW_OK;
}

static enum cmaw_err put_issuer(const X509 *x509, struct cmaw_x509_facts *facts)
{
    const X509_NAME *name = X509_get_issuer_name(x509);
    const int count = X509_NAME_entry_count(name);
    CMAW_REQUIRE(count <= CMAW_X509_NAME_PARTS_MAX, CMAW_E_TOO_LARGE);
    for (int i = 0; i < count; i++) {
        const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);
        CMAW_TRY(put_object(X509_NAME_ENTRY_get_object(entry), facts->issuer[i].name, sizeof facts->issuer[i].name));
        CMAW_TRY(put_string(X509_NAME_ENTRY_get_data(entry), facts->issuer[i].value, sizeof facts->issuer[i].value));
    }
    facts->issuer_count = (size_t)count;
    return CMAW_OK;
}

static enum cmaw_err put_time(const ASN1_TIME *time, char *dst, size_t capacity, int64_t *ret_seconds)
{
    struct tm parts;
    if (ASN1_TIME_to_tm(time, &parts) != 1) {
        cmaw_openssl_forget_errors();
        return CMAW_E_MALFORMED;
    }
    BIO *bio = BIO_new(BIO_s_mem());
    const int size = bio != NULL && ASN1_TIME_print(bio, time) == 1 ? BIO_read(bio, dst, (int)capacity - 1) : -1;
    BIO_free(bio);
    CMAW_REQUIRE(size > 0, CMAW_E_NO_MEMORY);
    dst[size] = '\0';
    *ret_seconds = timegm(&parts);
    return CMAW_OK;
}

static enum cmaw_err put_signature(const X509 *x509, struct cmaw_x509_facts *facts)
{
    const ASN1_BIT_STRING *bits = NULL;
    const X509_ALGOR *algorithm = NULL;
    const ASN1_OBJECT *object = NULL;
    X509_get0_signature(&bits, &algorithm, x509);
    X509_ALGOR_get0(&object, NULL, NULL, algorithm);
    CMAW_TRY(put_object(object, facts->algorithm, sizeof facts->algorithm));
    const int size = ASN1_STRING_length(bits);
    CMAW_REQUIRE(size >= 0 && (size_t)size <= sizeof facts->signature, CMAW_E_TOO_LARGE);
    if (size > 0) {
        memcpy(facts->signature, ASN1_STRING_get0_data(bits), (size_t)size);
    }
    facts->signature_size = (size_t)size;
    return CMAW_OK;
}

enum cmaw_err cmaw_x509_facts_read(struct cmaw_slice der, struct cmaw_x509_facts *ret_facts)
{
    X509_AUTO(x509) = read_der(der);
    CMAW_REQUIRE(x509 != NULL, CMAW_E_MALFORMED);
    struct cmaw_x509_facts facts = {0};
    CMAW_TRY(put_issuer(x509, &facts));
    CMAW_TRY(put_time(X509_get0_notBefore(x509), facts.not_before, sizeof facts.not_before, &facts.not_before_s));
    CMAW_TRY(put_time(X509_get0_notAfter(x509), facts.not_after, sizeof facts.not_after, &facts.not_after_s));
    CMAW_TRY(put_signature(x509, &facts));
    *ret_facts = facts;
    return CMAW_OK;
}

enum cmaw_err cmaw_x509_key(struct cmaw_slice der, enum cmaw_ec_curve curve, struct cmaw_ec_key **ret_key)
{
    X509_AUTO(x509) = read_der(der);
    CMAW_REQUIRE(x509 != NULL, CMAW_E_MALFORMED);
    EVP_PKEY *pkey = X509_get_pubkey(x509);
    if (pkey == NULL) {
        cmaw_openssl_forget_errors();
        return CMAW_E_UNSUPPORTED;
    }
    const enum cmaw_err err = cmaw_ec_wrap(curve, pkey, false, ret_key);
    return err == CMAW_E_AUTH ? CMAW_E_UNSUPPORTED : err;
}
