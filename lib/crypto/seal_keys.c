#include "lib/crypto/seal_keys.h"

#include <string.h>

#include "lib/crypto/hmac.h"

/* sizeof counts the final 00, which the construction wants */
static const char label[] = "c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM";

enum cmaw_err cmaw_seal_derive(const struct cmaw_secret *key, struct cmaw_slice context, const uint8_t *salt,
                               struct cmaw_secret *ret_keys)
{
    CMAW_REQUIRE(key->size == CMAW_SEAL_KEY_SIZE, CMAW_E_BUG);
    CMAW_SECRET_AUTO(keys);
    CMAW_TRY(cmaw_secret_new(CMAW_SEAL_KEYS_SIZE, &keys));
    const struct cmaw_slice info[] = {CMAW_SLICE_ARRAY(label), cmaw_slice_of(salt, CMAW_SEAL_SALT_SIZE), context};
    CMAW_TRY(cmaw_hkdf_expand(CMAW_SHA512, cmaw_secret_slice(key), info, 3, keys.bytes, keys.size));
    *ret_keys = cmaw_secret_take(&keys);
    return CMAW_OK;
}

void cmaw_seal_nonce(const uint8_t *base, uint32_t index, uint8_t ret_nonce[CMAW_GCM_NONCE_SIZE])
{
    memcpy(ret_nonce, base, CMAW_GCM_NONCE_SIZE);
    for (size_t i = 0; i < sizeof index; i++) {
        ret_nonce[CMAW_GCM_NONCE_SIZE - 1 - i] ^= (uint8_t)(index >> (8 * i));
    }
}
