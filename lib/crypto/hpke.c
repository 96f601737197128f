#include "lib/crypto/hpke_schedule.h"

#include <string.h>

static const char version[] = "HPKE-v1";
static const uint8_t kem_suite[] = {'K', 'E', 'M', 0x00, 0x20};
static const uint8_t hpke_suite[] = {'H', 'P', 'K', 'E', 0x00, 0x20, 0x00, 0x01, 0xff, 0xff};

enum { MODE_BASE = 0 };

/* LabeledExtract, section 4: salt is empty or a PRK. */
static void labeled_extract(struct cmaw_slice suite, struct cmaw_slice salt, const char *label, struct cmaw_slice ikm,
                            uint8_t ret_prk[CMAW_SHA256_SIZE])
{
    struct cmaw_hmac hmac;
    cmaw_hmac_init(CMAW_SHA256, salt, &hmac);
    cmaw_hmac_update(&hmac, CMAW_SLICE_LIT(version));
    cmaw_hmac_update(&hmac, suite);
    cmaw_hmac_update(&hmac, cmaw_slice_of_cstr(label));
    cmaw_hmac_update(&hmac, ikm);
    cmaw_hmac_finish(&hmac, ret_prk);
}

/* LabeledExpand, section 4. */
static enum cmaw_err labeled_expand(struct cmaw_slice suite, struct cmaw_slice prk, const char *label,
                                    struct cmaw_slice info, struct cmaw_secret *ret_okm, size_t size)
{
    CMAW_SECRET_AUTO(okm);
    CMAW_TRY(cmaw_secret_new(size, &okm));
    const uint8_t length[2] = {(uint8_t)(size >> 8), (uint8_t)size};
    const struct cmaw_slice parts[] = {
        CMAW_SLICE_ARRAY(length), CMAW_SLICE_LIT(version), suite, cmaw_slice_of_cstr(label), info};
    CMAW_TRY(cmaw_hkdf_expand(CMAW_SHA256, prk, parts, 5, okm.bytes, size));
    *ret_okm = cmaw_secret_take(&okm);
    return CMAW_OK;
}

void cmaw_hpke_key_release(struct cmaw_hpke_key *key)
{
    if (key != NULL) {
        cmaw_secret_release(&key->private_key);
        memset(key->public_key, 0, sizeof key->public_key);
    }
}

enum cmaw_err cmaw_hpke_derive_key_pair(struct cmaw_slice ikm, struct cmaw_hpke_key *ret_key)
{
    CMAW_SECRET_AUTO(prk);
    CMAW_SECRET_AUTO(private_key);
    CMAW_TRY(cmaw_secret_new(CMAW_SHA256_SIZE, &prk));
    labeled_extract(CMAW_SLICE_ARRAY(kem_suite), CMAW_SLICE_EMPTY, "dkp_prk", ikm, prk.bytes);
    CMAW_TRY(labeled_expand(CMAW_SLICE_ARRAY(kem_suite), cmaw_secret_slice(&prk), "sk", CMAW_SLICE_EMPTY, &private_key,
                            CMAW_X25519_SIZE));
    CMAW_TRY(cmaw_x25519_public(&private_key, ret_key->public_key));
    ret_key->private_key = cmaw_secret_take(&private_key);
    return CMAW_OK;
}

enum cmaw_err cmaw_hpke_kem_secret(const struct cmaw_secret *dh, const uint8_t *enc, const uint8_t *recipient,
                                   struct cmaw_secret *ret_shared)
{
    uint8_t kem_context[CMAW_HPKE_ENC_SIZE + CMAW_HPKE_PUBLIC_SIZE];
    memcpy(kem_context, enc, CMAW_HPKE_ENC_SIZE);
    memcpy(kem_context + CMAW_HPKE_ENC_SIZE, recipient, CMAW_HPKE_PUBLIC_SIZE);
    CMAW_SECRET_AUTO(prk);
    CMAW_TRY(cmaw_secret_new(CMAW_SHA256_SIZE, &prk));
    labeled_extract(CMAW_SLICE_ARRAY(kem_suite), CMAW_SLICE_EMPTY, "eae_prk", cmaw_secret_slice(dh), prk.bytes);
    return labeled_expand(CMAW_SLICE_ARRAY(kem_suite), cmaw_secret_slice(&prk), "shared_secret",
                          CMAW_SLICE_ARRAY(kem_context), ret_shared, CMAW_SHA256_SIZE);
}

enum cmaw_err cmaw_hpke_schedule(const struct cmaw_secret *shared, struct cmaw_slice info,
                                 struct cmaw_secret *ret_exporter)
{
    uint8_t context[1 + 2 * CMAW_SHA256_SIZE] = {MODE_BASE};
    labeled_extract(CMAW_SLICE_ARRAY(hpke_suite), CMAW_SLICE_EMPTY, "psk_id_hash", CMAW_SLICE_EMPTY, context + 1);
    labeled_extract(CMAW_SLICE_ARRAY(hpke_suite), CMAW_SLICE_EMPTY, "info_hash", info, context + 1 + CMAW_SHA256_SIZE);
    CMAW_SECRET_AUTO(secret);
    CMAW_TRY(cmaw_secret_new(CMAW_SHA256_SIZE, &secret));
    labeled_extract(CMAW_SLICE_ARRAY(hpke_suite), cmaw_secret_slice(shared), "secret", CMAW_SLICE_EMPTY, secret.bytes);
    return labeled_expand(CMAW_SLICE_ARRAY(hpke_suite), cmaw_secret_slice(&secret), "exp", CMAW_SLICE_ARRAY(context),
                          ret_exporter, CMAW_HPKE_EXPORTER_SIZE);
}

enum cmaw_err cmaw_hpke_export(const struct cmaw_secret *exporter, struct cmaw_slice context, size_t size,
                               struct cmaw_secret *ret_secret)
{
    CMAW_REQUIRE(exporter->size == CMAW_HPKE_EXPORTER_SIZE, CMAW_E_BUG);
    return labeled_expand(CMAW_SLICE_ARRAY(hpke_suite), cmaw_secret_slice(exporter), "sec", context, ret_secret, size);
}
