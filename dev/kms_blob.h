/* CiphertextBlob in the layout that KMS's public samples have (facts/KMS.md section 5): a header that names the key
 * material, a salt, and a CMS EncryptedData with AES-256-GCM. Header and encryption context are authenticated. */
#ifndef CMAW_DEV_KMS_BLOB_H
#define CMAW_DEV_KMS_BLOB_H

#include <jansson.h>

#include "lib/base/secret.h"

enum {
    CMAW_KMS_MATERIAL_SIZE = 32,    /* bytes of key material, and of its id */
    CMAW_KMS_PLAINTEXT_MAX = 4096,
    CMAW_KMS_BLOB_MAX = 6144,
};

/* Appends the canonical form of an encryption context (object of strings, or NULL for none): sorted by name, every name and
 * value with its length, so that no two contexts have the same form. */
void cmaw_kms_context_put(struct cmaw_buf *buf, json_t *context);

/* Appends a blob of plaintext, 1..CMAW_KMS_PLAINTEXT_MAX bytes. */
enum cmaw_err cmaw_kms_blob_seal(const struct cmaw_secret *material, struct cmaw_slice material_id,
                                 struct cmaw_slice context, struct cmaw_slice plaintext, struct cmaw_buf *blob);
/* The id of the key material that a blob names; MALFORMED if its form is not exactly the one above. Hostile input. */
enum cmaw_err cmaw_kms_blob_material_id(struct cmaw_slice blob, struct cmaw_slice *ret_material_id);
/* Appends the plaintext; MALFORMED as above, AUTH if material, header, context or content are not those sealed. */
enum cmaw_err cmaw_kms_blob_open(const struct cmaw_secret *material, struct cmaw_slice context, struct cmaw_slice blob,
                                 struct cmaw_buf *plaintext);

#endif
