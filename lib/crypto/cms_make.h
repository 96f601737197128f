/* Makes what KMS makes: for the emulator and tests. */
#ifndef CMAW_CRYPTO_CMS_MAKE_H
#define CMAW_CRYPTO_CMS_MAKE_H

#include "lib/crypto/rsa.h"

enum cmaw_cms_form {
    CMAW_CMS_SEGMENTED, /* form A: indefinite content in segments of 1,000 bytes */
    CMAW_CMS_PRIMITIVE, /* form B: definite content */
};

/* Appends an envelope of content, at most 4,096 bytes, for the key. */
enum cmaw_err cmaw_cms_make(const struct cmaw_rsa_key *key, enum cmaw_cms_form form, struct cmaw_slice content,
                            struct cmaw_buf *out);

#endif
