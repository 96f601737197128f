/* Keys of a role from its TSK, and what binds an enclave to (manifest, role): PROTOCOL.md sections 5 and 6. */
#ifndef CMAW_SST_KEYS_H
#define CMAW_SST_KEYS_H

#include "lib/crypto/hpke.h"
#include "lib/sst/manifest.h"

struct cmaw_role_keys {
    struct cmaw_hpke_key kem; /* the role's X25519 key pair */
    struct cmaw_bytes32 pk;   /* its public key */
    struct cmaw_bytes32 tsk_commit;
};
void cmaw_role_keys_release(struct cmaw_role_keys *keys);
/* From the TSK (32 bytes). ret_keys must hold no secret. */
enum cmaw_err cmaw_role_keys_derive(struct cmaw_slice tsk, const struct cmaw_bytes32 *mh, uint32_t role,
    struct cmaw_role_keys *ret_keys);

struct cmaw_pcr {
    uint8_t bytes[CMAW_PCR_SIZE];
};
static inline struct cmaw_slice cmaw_pcr_slice(const struct cmaw_pcr *pcr)
{
    return cmaw_slice_of(pcr->bytes, sizeof pcr->bytes);
}
/* Appends ctx("role-lock", mh, role): what PCR16 is extended with. */
void cmaw_role_lock_data(const struct cmaw_bytes32 *mh, uint32_t role, struct cmaw_buf *buf);
/* The value of PCR16 after that: SHA-384(48 zero bytes || data). */
enum cmaw_err cmaw_role_lock_pcr(const struct cmaw_bytes32 *mh, uint32_t role, struct cmaw_pcr *ret_pcr);
/* H(ctx("ak", mh, role)). */
enum cmaw_err cmaw_ak_user_data(const struct cmaw_bytes32 *mh, uint32_t role, struct cmaw_bytes32 *ret_user_data);
/* H(ctx("ak-doc", ak_doc)) and H(ctx("blob", kms_blob)). */
enum cmaw_err cmaw_ak_doc_hash(struct cmaw_slice ak_doc, struct cmaw_bytes32 *ret_hash);
enum cmaw_err cmaw_kms_blob_hash(struct cmaw_slice kms_blob, struct cmaw_bytes32 *ret_hash);

#endif
