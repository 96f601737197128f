#include "lib/attest/eif_sign.h"

#include "lib/cbor/cose.h"
#include "lib/cbor/write.h"
#include "lib/crypto/pem.h"
#include "lib/crypto/x509_facts.h"

#define CERTIFICATE_KEY "signing_certificate"
#define SIGNATURE_KEY "signature"
/* {1: -35}: ES384 */
#define ES384_HEADER CMAW_SLICE_LIT("\xa1\x01\x38\x22")

enum { PAYLOAD_MAX = 256 };

void cmaw_eif_signature_free(struct cmaw_eif_signature *signature)
{
    cmaw_buf_free(&signature->pem);
    cmaw_buf_free(&signature->der);
    cmaw_buf_free(&signature->cose);
}

/* An array of integers 0..255, which is how nitro-cli writes bytes. */
static void read_byte_array(struct cmaw_cbor *cbor, struct cmaw_buf *bytes)
{
    const size_t count = cmaw_cbor_array(cbor);
    for (size_t i = 0; i < count && cbor->err == CMAW_OK; i++) {
        cmaw_buf_put_u8(bytes, (uint8_t)cmaw_cbor_uint_max(cbor, UINT8_MAX));
    }
}

static void put_byte_array(struct cmaw_buf *buf, struct cmaw_slice bytes)
{
    cmaw_cbor_put_array(buf, bytes.size);
    for (size_t i = 0; i < bytes.size; i++) {
        cmaw_cbor_put_uint(buf, bytes.data[i]);
    }
}

static enum cmaw_err refuse(enum cmaw_err err, const char *what, const char **ret_what)
{
    *ret_what = what;
    return err;
}

static enum cmaw_err read_section(struct cmaw_slice section, struct cmaw_eif_signature *signature, const char **field)
{
    struct cmaw_cbor cbor = cmaw_cbor_of(section, CMAW_CBOR_PLATFORM);
    cmaw_cbor_array_exact(&cbor, 1);
    cmaw_cbor_map_exact(&cbor, 2);
    CMAW_REQUIRE(cbor.err == CMAW_OK, refuse(CMAW_E_MALFORMED, "signature section", field));
    cmaw_cbor_expect_tstr(&cbor, CERTIFICATE_KEY);
    read_byte_array(&cbor, &signature->pem);
    CMAW_REQUIRE(cbor.err == CMAW_OK, refuse(CMAW_E_MALFORMED, "signing certificate", field));
    cmaw_cbor_expect_tstr(&cbor, SIGNATURE_KEY);
    read_byte_array(&cbor, &signature->cose);
    CMAW_REQUIRE(cbor.err == CMAW_OK, refuse(CMAW_E_MALFORMED, "signature", field));
    CMAW_REQUIRE(cmaw_cbor_end(&cbor) == CMAW_OK, refuse(CMAW_E_MALFORMED, "signature section", field));
    CMAW_TRY(cmaw_buf_err(&signature->pem));
    return cmaw_buf_err(&signature->cose);
}

static enum cmaw_err read_parts(struct cmaw_eif_signature *signature, const char **field)
{
    struct cmaw_x509_facts facts;
    struct cmaw_cose_sign1 sign1;
    const struct cmaw_slice pem = cmaw_buf_slice(&signature->pem), cose = cmaw_buf_slice(&signature->cose);
    const enum cmaw_err read = cmaw_pem_read(pem, "CERTIFICATE", &signature->der);
    const enum cmaw_err err = read != CMAW_OK ? read : cmaw_x509_facts_read(cmaw_buf_slice(&signature->der), &facts);
    CMAW_REQUIRE(err != CMAW_E_NO_MEMORY, err);
    CMAW_REQUIRE(err == CMAW_OK, refuse(CMAW_E_MALFORMED, "signing certificate", field));
    CMAW_REQUIRE(cmaw_cose_sign1_parse(cose, CMAW_CBOR_PLATFORM, &sign1) == CMAW_OK, refuse(CMAW_E_MALFORMED, "signature", field));
    return CMAW_OK;
}

enum cmaw_err cmaw_eif_signature_read(struct cmaw_slice section, struct cmaw_eif_signature *signature, const char **field)
{
    struct cmaw_eif_signature read = {CMAW_BUF(CMAW_EIF_SIGNATURE_MAX), CMAW_BUF(CMAW_EIF_SIGNATURE_MAX), CMAW_BUF(CMAW_EIF_SIGNATURE_MAX)};
    *field = "signature section";
    enum cmaw_err err = section.size <= CMAW_EIF_SIGNATURE_MAX ? read_section(section, &read, field) : CMAW_E_MALFORMED;
    err = err == CMAW_OK ? read_parts(&read, field) : err;
    if (err != CMAW_OK) {
        cmaw_eif_signature_free(&read);
        return err;
    }
    *signature = read;
    *field = NULL;
    return CMAW_OK;
}

/* What is signed, byte for byte: the platform compares it with what it would write. */
static enum cmaw_err put_payload(struct cmaw_buf *buf, const uint8_t pcr0[static CMAW_EIF_PCR_SIZE])
{
    cmaw_cbor_put_map(buf, 2);
    cmaw_cbor_put_cstr(buf, "register_index");
    cmaw_cbor_put_uint(buf, 0);
    cmaw_cbor_put_cstr(buf, "register_value");
    put_byte_array(buf, cmaw_slice_of(pcr0, CMAW_EIF_PCR_SIZE));
    return cmaw_buf_err(buf);
}

enum cmaw_err cmaw_eif_signature_check(const struct cmaw_eif_signature *signature, const uint8_t pcr0[static CMAW_EIF_PCR_SIZE],
                                       const char **fault)
{
    struct cmaw_cose_sign1 sign1;
    struct cmaw_cose_tbs tbs;
    CMAW_EC_KEY_AUTO(key);
    CMAW_BUF_AUTO(payload, PAYLOAD_MAX);
    CMAW_TRY(cmaw_cose_sign1_parse(cmaw_buf_slice(&signature->cose), CMAW_CBOR_PLATFORM, &sign1));
    CMAW_REQUIRE(cmaw_x509_key(cmaw_buf_slice(&signature->der), CMAW_EC_P384, &key) == CMAW_OK,
                 refuse(CMAW_E_UNSUPPORTED, "the signing certificate's key is not P-384", fault));
    CMAW_REQUIRE(cmaw_slice_eq(sign1.protected_header, ES384_HEADER), refuse(CMAW_E_AUTH, "the signature's algorithm is not ES384", fault));
    cmaw_cose_tbs_of(sign1.protected_header, sign1.payload, &tbs);
    CMAW_REQUIRE(cmaw_es384_verify(key, tbs.parts, CMAW_COSE_TBS_PARTS, sign1.signature) == CMAW_OK,
                 refuse(CMAW_E_AUTH, "the signature is not by the key of the signing certificate", fault));
    CMAW_TRY(put_payload(&payload, pcr0));
    CMAW_REQUIRE(cmaw_slice_eq(sign1.payload, cmaw_buf_slice(&payload)), refuse(CMAW_E_AUTH, "the signature is of another PCR0", fault));
    *fault = NULL;
    return CMAW_OK;
}

/* By the key of the certificate, which is asked whether it was: another one, or a file whose public half is not of its private one, would give
 * an image that no platform starts. */
static enum cmaw_err sign(const struct cmaw_ec_key *key, struct cmaw_slice certificate, const struct cmaw_cose_tbs *tbs,
                          uint8_t ret_raw[static CMAW_ES384_SIZE])
{
    CMAW_EC_KEY_AUTO(certified);
    CMAW_TRY(cmaw_x509_key(certificate, CMAW_EC_P384, &certified));
    CMAW_TRY(cmaw_es384_sign(key, tbs->parts, CMAW_COSE_TBS_PARTS, ret_raw));
    return cmaw_es384_verify(certified, tbs->parts, CMAW_COSE_TBS_PARTS, cmaw_slice_of(ret_raw, CMAW_ES384_SIZE));
}

enum cmaw_err cmaw_eif_sign(const struct cmaw_ec_key *key, struct cmaw_slice certificate, const uint8_t pcr0[static CMAW_EIF_PCR_SIZE],
                            struct cmaw_buf *section)
{
    uint8_t raw[CMAW_ES384_SIZE];
    struct cmaw_cose_tbs tbs;
    CMAW_BUF_AUTO(payload, PAYLOAD_MAX);
    CMAW_BUF_AUTO(pem, CMAW_EIF_SIGNATURE_MAX);
    CMAW_BUF_AUTO(cose, CMAW_EIF_SIGNATURE_MAX);
    CMAW_BUF_AUTO(whole, CMAW_EIF_SIGNATURE_MAX);
    CMAW_TRY(put_payload(&payload, pcr0));
    cmaw_cose_tbs_of(ES384_HEADER, cmaw_buf_slice(&payload), &tbs);
    CMAW_TRY(sign(key, certificate, &tbs, raw));
    cmaw_cose_put_sign1(&cose, &(struct cmaw_cose_sign1){ES384_HEADER, cmaw_buf_slice(&payload), CMAW_SLICE_ARRAY(raw)});
    cmaw_pem_put(&pem, "CERTIFICATE", certificate);
    cmaw_cbor_put_array(&whole, 1);
    cmaw_cbor_put_map(&whole, 2);
    cmaw_cbor_put_cstr(&whole, CERTIFICATE_KEY);
    put_byte_array(&whole, cmaw_buf_slice(&pem));
    cmaw_cbor_put_cstr(&whole, SIGNATURE_KEY);
    put_byte_array(&whole, cmaw_buf_slice(&cose));
    CMAW_TRY(cmaw_buf_err(&pem));
    CMAW_TRY(cmaw_buf_err(&whole));
    cmaw_buf_put(section, cmaw_buf_slice(&whole));
    return cmaw_buf_err(section);
}
