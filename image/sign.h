/* Signing an image as it is built: PCR8. */
#ifndef CMAW_IMAGE_SIGN_H
#define CMAW_IMAGE_SIGN_H

#include "image/parts.h"
#include "lib/attest/eif.h"

/* Appends the signature section of an image whose other parts are set; nothing where neither the options nor the YAML file name a key and a
 * certificate. The key is a private P-384 key in PEM that only its owner may read; the certificate is one block of PEM, of that key, within
 * its dates: nitro-cli does not start an image that was signed by another. The diag says what is wrong with which file. The key is wiped
 * before this returns. */
enum cmaw_err cmaw_image_sign(const struct image_spec *spec, const struct image_overrides *overrides, const struct cmaw_eif *eif,
                              struct cmaw_buf *section, struct cmaw_diag *diag);

#endif
