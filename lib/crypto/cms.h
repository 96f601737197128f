/* CiphertextForRecipient of KMS: a CMS EnvelopedData for an RSA-2048 key, facts/KMS.md section 2.3. The envelope does not
 * say who made it: the caller must know that from elsewhere (TLS, and a commitment to the content). */
#ifndef CMAW_CRYPTO_CMS_H
#define CMAW_CRYPTO_CMS_H

#include "lib/crypto/rsa.h"

enum { CMAW_CMS_SIZE_MAX = 6144 }; /* bytes */

/* Appends the content. Accepts the two forms that KMS is known to write and nothing else: AUTH for every failure, with no
 * difference between a wrong form, a wrong key and a wrong padding. Nothing is appended on failure. Hostile input. */
enum cmaw_err cmaw_cms_open(const struct cmaw_rsa_key *key, struct cmaw_slice envelope, struct cmaw_buf *out);
/* As cmaw_cms_open for a content of exactly size bytes. */
enum cmaw_err cmaw_cms_open_secret(const struct cmaw_rsa_key *key, struct cmaw_slice envelope, size_t size,
                                   struct cmaw_secret *ret_secret);

#endif
