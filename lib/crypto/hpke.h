/* HPKE (RFC 9180), base mode, DHKEM(X25519, HKDF-SHA256) 0x0020, HKDF-SHA256 0x0001, export-only 0xFFFF. A context is its
 * exporter secret: nothing else of it is needed. */
#ifndef CMAW_CRYPTO_HPKE_H
#define CMAW_CRYPTO_HPKE_H

#include "lib/crypto/x25519.h"

enum { CMAW_HPKE_ENC_SIZE = 32, CMAW_HPKE_PUBLIC_SIZE = 32, CMAW_HPKE_EXPORTER_SIZE = 32 }; /* bytes */

struct cmaw_hpke_key {
    struct cmaw_secret private_key;
    uint8_t public_key[CMAW_HPKE_PUBLIC_SIZE];
};
#define CMAW_HPKE_KEY_AUTO(name) [[gnu::cleanup(cmaw_hpke_key_release)]] struct cmaw_hpke_key name = {0}
/* Wipes; NULL-safe. */
void cmaw_hpke_key_release(struct cmaw_hpke_key *key);

/* DeriveKeyPair, section 7.1.3. ikm: at least 32 bytes of entropy. */
enum cmaw_err cmaw_hpke_derive_key_pair(struct cmaw_slice ikm, struct cmaw_hpke_key *ret_key);
/* SetupBaseS with a fresh ephemeral key. AUTH if the recipient's public key is of small order. */
enum cmaw_err cmaw_hpke_setup_sender(const uint8_t recipient[CMAW_HPKE_PUBLIC_SIZE], struct cmaw_slice info,
                                     uint8_t ret_enc[CMAW_HPKE_ENC_SIZE], struct cmaw_secret *ret_exporter);
/* The same with a given ephemeral key: for test vectors. An ephemeral key used twice breaks secrecy. */
enum cmaw_err cmaw_hpke_setup_sender_with(const struct cmaw_hpke_key *ephemeral,
                                          const uint8_t recipient[CMAW_HPKE_PUBLIC_SIZE], struct cmaw_slice info,
                                          uint8_t ret_enc[CMAW_HPKE_ENC_SIZE], struct cmaw_secret *ret_exporter);
/* SetupBaseR. enc is hostile: AUTH unless it is 32 bytes and not of small order. */
enum cmaw_err cmaw_hpke_setup_recipient(const struct cmaw_hpke_key *key, struct cmaw_slice enc, struct cmaw_slice info,
                                        struct cmaw_secret *ret_exporter);
/* Context.Export(context, size), section 5.3; size 1..CMAW_SECRET_MAX. */
enum cmaw_err cmaw_hpke_export(const struct cmaw_secret *exporter, struct cmaw_slice context, size_t size,
                               struct cmaw_secret *ret_secret);

#endif
