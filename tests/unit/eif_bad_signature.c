#include "tests/unit/eif_bad_signature.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* after the standard headers it needs */
#include <cmocka.h>

#include "lib/attest/eif_sign.h"
#include "lib/cbor/write.h"
#include "lib/crypto/pem.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

/* What a good section holds. */
struct pieces {
    struct eif_signer signer;
    struct cmaw_eif_signature signature;
};

static void make_pieces(struct pieces *pieces)
{
    static const uint8_t pcr0[CMAW_EIF_PCR_SIZE];
    CMAW_BUF_AUTO(section, EIF_MAKE_MAX);
    const char *field = NULL;
    *pieces = (struct pieces){0};
    eif_signer_make(CMAW_EC_P384, 0, 4000000000, &pieces->signer);
    assert_int_equal(cmaw_eif_sign(pieces->signer.key, cmaw_buf_slice(&pieces->signer.certificate), pcr0, &section), CMAW_OK);
    assert_int_equal(cmaw_eif_signature_read(cmaw_buf_slice(&section), &pieces->signature, &field), CMAW_OK);
}

static void free_pieces(struct pieces *pieces)
{
    eif_signer_free(&pieces->signer);
    cmaw_eif_signature_free(&pieces->signature);
}

/* Sections are written as letters: these stand for bytes, and p, q, P, Q, T for the pieces. */
static const struct {
    char letter;
    struct cmaw_slice bytes;
} letters[] = {
    {'Z', CMAW_SLICE_LIT("\x80")}, {'A', CMAW_SLICE_LIT("\x81")}, {'B', CMAW_SLICE_LIT("\x82")}, {'C', CMAW_SLICE_LIT("\x83")},
    {'D', CMAW_SLICE_LIT("\x84")}, {'F', CMAW_SLICE_LIT("\x85")}, {'E', CMAW_SLICE_LIT("\xa0")}, {'N', CMAW_SLICE_LIT("\xa1")},
    {'M', CMAW_SLICE_LIT("\xa2")}, {'O', CMAW_SLICE_LIT("\xa3")}, {'I', CMAW_SLICE_LIT("\x9f")}, {'J', CMAW_SLICE_LIT("\xbf")},
    {'X', CMAW_SLICE_LIT("\xff")}, {'0', CMAW_SLICE_LIT("\0")}, {'d', CMAW_SLICE_LIT("\xd2")}, {'v', CMAW_SLICE_LIT("\xf6")},
    {'c', CMAW_SLICE_LIT("\x73signing_certificate")}, {'s', CMAW_SLICE_LIT("\x69signature")}, {'k', CMAW_SLICE_LIT("\x65other")},
    {'y', CMAW_SLICE_LIT("\x49signature")}, {'S', CMAW_SLICE_LIT("\x69SIGNATURE")}, {'u', CMAW_SLICE_LIT("\x81\x19\x01\x00")},
    {'n', CMAW_SLICE_LIT("\x81\x20")}, {'t', CMAW_SLICE_LIT("\x81\x61" "a")}, {'f', CMAW_SLICE_LIT("\x81\xf9\x3c\x00")},
    {'h', CMAW_SLICE_LIT("\x9b\x80\0\0\0\0\0\0\0")}, {'H', CMAW_SLICE_LIT("\x9b\xff\xff\xff\xff\xff\xff\xff\xff")},
    {'g', CMAW_SLICE_LIT("\x9a\xff\xff\xff\xff")}, {'r', CMAW_SLICE_LIT("\x1c")}, {'G', CMAW_SLICE_LIT("\x9b\0\0\0\0\0\1\0\0")},
};

static void put_array(struct cmaw_buf *buf, struct cmaw_slice bytes)
{
    cmaw_cbor_put_array(buf, bytes.size);
    for (size_t i = 0; i < bytes.size; i++) {
        cmaw_cbor_put_uint(buf, bytes.data[i]);
    }
}

static void put_letters(const char *text, struct cmaw_slice pem, struct cmaw_slice cose, struct cmaw_buf *buf)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case 'p': put_array(buf, pem); break;
        case 'q': put_array(buf, cose); break;
        case 'P': cmaw_cbor_put_bstr(buf, pem); break;
        case 'Q': cmaw_cbor_put_bstr(buf, cose); break;
        case 'T': cmaw_cbor_put_tstr(buf, pem); break;
        default:
            for (size_t i = 0; i < COUNT(letters); i++) {
                if (letters[i].letter == *text) {
                    cmaw_buf_put(buf, letters[i].bytes);
                }
            }
        }
    }
}

static const struct {
    const char *name, *text, *field;
} shapes[] = {
    {"no array", "Mcpsq", "signature section"}, {"null", "v", "signature section"}, {"an empty array", "Z", "signature section"},
    {"two elements", "BMcpsqMcpsq", "signature section"}, {"an array without its element", "A", "signature section"},
    {"an array of indefinite length", "IMcpsqX", "signature section"}, {"an element that is no map", "ABpq", "signature section"},
    {"an empty map", "AE", "signature section"}, {"a map of one", "ANcp", "signature section"}, {"a map of three", "AOcpsqk0", "signature section"},
    {"a map of indefinite length", "AJcpsqX", "signature section"}, {"an array of 2^63 elements", "h", "signature section"},
    {"an array of 2^64 - 1 elements", "H", "signature section"}, {"a tag", "dAMcpsq", "signature section"},
    {"a byte behind", "AMcpsq0", "signature section"}, {"a second array behind", "AMcpsqAMcpsq", "signature section"},
    {"a reserved head", "r", "signature section"}, {"the other order of keys", "AMsqcp", "signing certificate"},
    {"another first key", "AMkpsq", "signing certificate"}, {"no first key", "AM", "signing certificate"},
    {"the certificate as bytes", "AMcPsQ", "signing certificate"}, {"the certificate as text", "AMcTsq", "signing certificate"},
    {"the certificate null", "AMcvsq", "signing certificate"}, {"an element over 255", "AMcusq", "signing certificate"},
    {"a negative element", "AMcnsq", "signing certificate"}, {"a text in the array", "AMctsq", "signing certificate"},
    {"a float in the array", "AMcfsq", "signing certificate"}, {"a certificate of 2^63 bytes", "AMchsq", "signing certificate"},
    {"a certificate of 2^32 - 1 bytes", "AMcgsq", "signing certificate"}, {"a certificate of 2^16 bytes that is not there", "AMcGsq", "signing certificate"},
    {"a certificate of indefinite length", "AMcIX", "signing certificate"}, {"no certificate at all", "AMcZsq", "signing certificate"},
    {"a certificate and no more", "AMcp", "signature"}, {"another second key", "AMcpkq", "signature"}, {"a key twice", "AMcpcp", "signature"},
    {"a key in capitals", "AMcpSq", "signature"}, {"a key of bytes", "AMcpyq", "signature"}, {"the signature as bytes", "AMcpsQ", "signature"},
    {"a signature of 2^63 bytes", "AMcpsh", "signature"}, {"a signature of 2^64 - 1 bytes", "AMcpsH", "signature"},
    {"an element of the signature over 255", "AMcpsu", "signature"}, {"no signature at all", "AMcpsZ", "signature"},
    {"the signature null", "AMcpsv", "signature"},
};

/* Instead of the certificate's text, @ for the good one. */
static const struct {
    const char *name, *text;
} texts[] = {
    {"no PEM", "certificate"}, {"something before", " @"}, {"something behind", "@x"}, {"two line feeds behind", "@\n"}, {"twice", "@@"},
    {"another label", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}, {"no END", "-----BEGIN CERTIFICATE-----\nAAAA\n"},
    {"another END", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERT-----\n"}, {"nothing inside", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"},
    {"CR LF", "-----BEGIN CERTIFICATE-----\r\nAAAA\r\n-----END CERTIFICATE-----\r\n"},
    {"no base64", "-----BEGIN CERTIFICATE-----\nA*AA\n-----END CERTIFICATE-----\n"},
    {"no DER", "-----BEGIN CERTIFICATE-----\nAAAAAAAA\n-----END CERTIFICATE-----\n"},
};

/* Instead of the signature: letters, where p is no use. */
static const struct {
    const char *name, *text;
} frames[] = {
    {"no array", "0"}, {"three parts", "C0E0"}, {"five parts", "F0E000"}, {"a header that is a map", "DEEyy"}, {"unprotected headers", "DyNkkyy"},
    {"no payload", "DyEvy"}, {"a signature that is null", "DyEyv"}, {"a signature of text", "DyEys"}, {"a byte behind", "DyEyy0"}, {"parts missing", "DyEy"},
    {"two tags", "ddDyEyy"},
};

/* DER of the certificate, damaged: the last byte missing, one more, its length one more, nothing but its head, of 40 KiB. */
enum { DAMAGES = 5 };
static const char *const damages[DAMAGES] = {"DER cut", "DER and a byte", "DER that says it is longer", "the head of DER", "40 KiB of zeros"};

static void put_damaged_pem(size_t i, const struct pieces *pieces, struct cmaw_buf *pem)
{
    CMAW_BUF_AUTO(der, EIF_MAKE_MAX);
    cmaw_buf_put(&der, cmaw_buf_slice(&pieces->signer.certificate));
    switch (i) {
    case 0: cmaw_buf_truncate(&der, der.size - 1); break;
    case 1: cmaw_buf_put_u8(&der, 0); break;
    case 2: der.data[3]++; break;
    case 3: cmaw_buf_truncate(&der, 4); break;
    default: cmaw_buf_reset(&der); memset(cmaw_buf_extend(&der, 40 << 10), 0, 40 << 10);
    }
    cmaw_pem_put(pem, "CERTIFICATE", cmaw_buf_slice(&der));
}

static void put_text(const char *text, struct cmaw_slice good, struct cmaw_buf *pem)
{
    for (; *text != '\0'; text++) {
        cmaw_buf_put(pem, *text == '@' ? good : cmaw_slice_of(text, 1));
    }
}

static void name(struct eif_bad *bad, const char *what, const char *how, const char *field)
{
    (void)snprintf(bad->name, sizeof bad->name, "%s: %s", what, how);
    bad->field = field;
}

static void make(size_t kind, const struct pieces *pieces, struct cmaw_buf *section, struct eif_bad *bad)
{
    const struct cmaw_slice pem = cmaw_buf_slice(&pieces->signature.pem), cose = cmaw_buf_slice(&pieces->signature.cose);
    CMAW_BUF_AUTO(other, EIF_MAKE_MAX);
    if (kind < COUNT(shapes)) {
        put_letters(shapes[kind].text, pem, cose, section);
        name(bad, "signature section", shapes[kind].name, shapes[kind].field);
    } else if ((kind -= COUNT(shapes)) < COUNT(texts)) {
        put_text(texts[kind].text, pem, &other);
        put_letters("AMcpsq", cmaw_buf_slice(&other), cose, section);
        name(bad, "certificate", texts[kind].name, "signing certificate");
    } else if ((kind -= COUNT(texts)) < COUNT(frames)) {
        put_letters(frames[kind].text, pem, cose, &other);
        put_letters("AMcpsq", pem, cmaw_buf_slice(&other), section);
        name(bad, "COSE_Sign1", frames[kind].name, "signature");
    } else {
        kind -= COUNT(frames);
        assert_true(kind < DAMAGES);
        put_damaged_pem(kind, pieces, &other);
        put_letters("AMcpsq", cmaw_buf_slice(&other), cose, section);
        name(bad, "certificate", damages[kind], section->size > CMAW_EIF_SIGNATURE_MAX ? "signature section" : "signing certificate");
    }
}

void eif_bad_signature_make(size_t kind, struct cmaw_buf *section, struct eif_bad *bad)
{
    _Static_assert(COUNT(shapes) + COUNT(texts) + COUNT(frames) + DAMAGES == EIF_BAD_SIGNATURES, "count the rows again");
    struct pieces pieces;
    make_pieces(&pieces);
    make(kind, &pieces, section, bad);
    free_pieces(&pieces);
}

void eif_bad_signature_make_good(struct cmaw_buf *section)
{
    struct pieces pieces;
    make_pieces(&pieces);
    put_letters("AMcpsq", cmaw_buf_slice(&pieces.signature.pem), cmaw_buf_slice(&pieces.signature.cose), section);
    free_pieces(&pieces);
}
