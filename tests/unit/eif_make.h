/* Enclave images for tests, right or wrong: every byte can be given. */
#ifndef CMAW_TESTS_EIF_MAKE_H
#define CMAW_TESTS_EIF_MAKE_H

#include "lib/attest/eif.h"
#include "lib/crypto/ecdsa.h"

enum { EIF_MAKE_MAX = 1 << 20, EIF_MAKE_CRC_OFFSET = 0x220, EIF_MAKE_OFFSETS = 0x1c, EIF_MAKE_SIZES = 0x11c };

struct eif_section {
    uint16_t type;
    struct cmaw_slice payload;
};

/* Big-endian, over what is there. */
void eif_make_put(uint8_t *at, uint64_t value, size_t size);
void eif_make_repair_crc(struct cmaw_buf *file);
/* Appends a file of these sections with the right offsets, sizes and CRC, whatever the sections are. */
void eif_make_file(const struct eif_section *sections, size_t count, struct cmaw_buf *file);

/* A fresh key of the curve and its certificate. */
struct eif_signer {
    struct cmaw_ec_key *key;
    struct cmaw_buf certificate; /* DER */
};
void eif_signer_make(enum cmaw_ec_curve curve, int64_t not_before_s, int64_t not_after_s, struct eif_signer *signer);
void eif_signer_free(struct eif_signer *signer);

/* What an image of two ramdisks has; metadata as nitro-cli's schema has it. */
struct cmaw_eif eif_make_content(void);

#endif
