/* CiphertextForRecipient of KMS: a CMS EnvelopedData for an RSA-2048 key, facts/KMS.md section 2.3. The envelope does not
 * say who made it: the caller must know that from elsewhere (TLS, and a commitment to the content). */
#ifndef CMAW_CRYPTO_CMS_H
#define CMAW_CRYPTO_CMS_H

#include "lib/crypto/rsa.h"

enum { CMAW_CMS_SIZE_MAX = 6144 }; /* bytes */

/* Appends the content. Accepts one recipient, named by the SHA-256 of key's SPKI, RSAES-OAEP with SHA-256 twice and no label, AES-256-CBC; BER
 * with definite or indefinite lengths, the content in one piece or in segments: what KMS is known to write, and the same in DER. AUTH for
 * every failure, with no difference between a wrong form, a wrong key and a wrong padding. Nothing is appended on failure. Hostile input.
 * CBC does not authenticate: a changed IV or block may open to another content. */
enum cmaw_err cmaw_cms_open(const struct cmaw_rsa_key *key, struct cmaw_slice envelope, struct cmaw_buf *out);
/* As cmaw_cms_open for a content of exactly size bytes. */
enum cmaw_err cmaw_cms_open_secret(const struct cmaw_rsa_key *key, struct cmaw_slice envelope, size_t size,
                                   struct cmaw_secret *ret_secret);

#endif
