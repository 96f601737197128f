#include "lib/crypto/hpke_schedule.h"

enum cmaw_err cmaw_hpke_setup_recipient(const struct cmaw_hpke_key *key, struct cmaw_slice enc, struct cmaw_slice info,
                                        struct cmaw_secret *ret_exporter)
{
    CMAW_REQUIRE(enc.size == CMAW_HPKE_ENC_SIZE, CMAW_E_AUTH);
    CMAW_SECRET_AUTO(dh);
    CMAW_SECRET_AUTO(shared);
    CMAW_TRY(cmaw_x25519(&key->private_key, enc.data, &dh));
    CMAW_TRY(cmaw_hpke_kem_secret(&dh, enc.data, key->public_key, &shared));
    return cmaw_hpke_schedule(&shared, info, ret_exporter);
}
