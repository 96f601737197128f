/* Inside lib/crypto only: what both ends of HPKE share. */
#ifndef CMAW_CRYPTO_HPKE_SCHEDULE_H
#define CMAW_CRYPTO_HPKE_SCHEDULE_H

#include "lib/crypto/hmac.h"
#include "lib/crypto/hpke.h"

/* ExtractAndExpand of DHKEM, RFC 9180 section 4.1. */
enum cmaw_err cmaw_hpke_kem_secret(const struct cmaw_secret *dh, const uint8_t *enc, const uint8_t *recipient,
                                   struct cmaw_secret *ret_shared);
/* KeySchedule in base mode, section 5.1: the exporter secret. */
enum cmaw_err cmaw_hpke_schedule(const struct cmaw_secret *shared, struct cmaw_slice info,
                                 struct cmaw_secret *ret_exporter);

#endif
