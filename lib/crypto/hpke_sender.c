#include "lib/crypto/hpke_schedule.h"

#include <string.h>

enum cmaw_err cmaw_hpke_setup_sender_with(const struct cmaw_hpke_key *ephemeral,
                                          const uint8_t recipient[CMAW_HPKE_PUBLIC_SIZE], struct cmaw_slice info,
                                          uint8_t ret_enc[CMAW_HPKE_ENC_SIZE], struct cmaw_secret *ret_exporter)
{
    CMAW_SECRET_AUTO(dh);
    CMAW_SECRET_AUTO(shared);
    CMAW_TRY(cmaw_x25519(&ephemeral->private_key, recipient, &dh));
    CMAW_TRY(cmaw_hpke_kem_secret(&dh, ephemeral->public_key, recipient, &shared));
    CMAW_TRY(cmaw_hpke_schedule(&shared, info, ret_exporter));
    memcpy(ret_enc, ephemeral->public_key, CMAW_HPKE_ENC_SIZE);
    return CMAW_OK;
}

enum cmaw_err cmaw_hpke_setup_sender(const uint8_t recipient[CMAW_HPKE_PUBLIC_SIZE], struct cmaw_slice info,
                                     uint8_t ret_enc[CMAW_HPKE_ENC_SIZE], struct cmaw_secret *ret_exporter)
{
    CMAW_HPKE_KEY_AUTO(ephemeral);
    CMAW_TRY(cmaw_x25519_generate(&ephemeral.private_key, ephemeral.public_key));
    return cmaw_hpke_setup_sender_with(&ephemeral, recipient, info, ret_enc, ret_exporter);
}
