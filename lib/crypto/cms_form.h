/* Inside lib/crypto only: the bytes of CiphertextForRecipient, facts/KMS.md section 2.3. Whatever the sender does not choose
 * is one of these constants, and the parser compares it whole: versions, types, algorithms and their parameters. */
#ifndef CMAW_CRYPTO_CMS_FORM_H
#define CMAW_CRYPTO_CMS_FORM_H

#include "lib/base/bytes.h"

enum { CMAW_CMS_ID_SIZE = 32, CMAW_CMS_WRAPPED_SIZE = 256, CMAW_CMS_IV_SIZE = 16, CMAW_CMS_SEGMENT_SIZE = 1000 };

#define CMAW_CMS_OID_ENVELOPED "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03"
#define CMAW_CMS_OID_DATA "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"
#define CMAW_CMS_VERSION_2 "\x02\x01\x02"
/* rsaesOaep { SHA-256, MGF1 with SHA-256 }, NULL parameters, no label */
#define CMAW_CMS_OAEP \
    "\x30\x3c\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x07\x30\x2f" \
    "\xa0\x0f\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00" \
    "\xa1\x1c\x30\x1a\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00"
/* aes256-CBC, up to its IV */
#define CMAW_CMS_AES "\x30\x1d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2a\x04\x10"

enum {
    CMAW_CMS_TAG_EXPLICIT = 0xa0, /* [0] EnvelopedData; [0] encryptedContent in segments */
    CMAW_CMS_TAG_RECIPIENTS = 0x31,
    CMAW_CMS_TAG_PRIMITIVE = 0x80, /* [0] subjectKeyIdentifier; [0] encryptedContent in one piece */
};

/* What KMS writes. ContentInfo { envelopedData, [0] EnvelopedData { 2, SET { KeyTransRecipientInfo { 2, [0] id … */
#define CMAW_CMS_BEFORE_ID CMAW_SLICE_LIT("\x30\x80" CMAW_CMS_OID_ENVELOPED "\xa0\x80\x30\x80" CMAW_CMS_VERSION_2 \
                                          "\x31\x82\x01\x6b\x30\x82\x01\x67" CMAW_CMS_VERSION_2 "\x80\x20")
/* … wrapped key … */
#define CMAW_CMS_BEFORE_WRAPPED CMAW_SLICE_LIT(CMAW_CMS_OAEP "\x04\x82\x01\x00")
/* … } }, EncryptedContentInfo { data, IV … */
#define CMAW_CMS_BEFORE_IV CMAW_SLICE_LIT("\x30\x80" CMAW_CMS_OID_DATA CMAW_CMS_AES)
/* … encryptedContent, form A … */
#define CMAW_CMS_BEFORE_SEGMENTS CMAW_SLICE_LIT("\xa0\x80")
#define CMAW_CMS_AFTER_SEGMENTS CMAW_SLICE_LIT("\x00\x00")
/* … and the ends of all indefinite lengths. */
#define CMAW_CMS_END CMAW_SLICE_LIT("\x00\x00\x00\x00\x00\x00\x00\x00")

struct cmaw_cms_parts {
    struct cmaw_slice id; /* SHA-256 of the recipient's SPKI */
    struct cmaw_slice wrapped;
    struct cmaw_slice iv;
};
/* Appends the encrypted content, joined, to ret_content; parts are borrowed. Each constructed element may have a definite or an indefinite
 * length, and the content may come in one piece or in segments; AUTH for anything else, a second recipient and attributes included. */
enum cmaw_err cmaw_cms_parse(struct cmaw_slice envelope, struct cmaw_cms_parts *ret_parts, struct cmaw_buf *ret_content);

#endif
