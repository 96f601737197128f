/* What cmaw-image prints: JSON as nitro-cli writes it. */
#ifndef CMAW_IMAGE_PRINT_H
#define CMAW_IMAGE_PRINT_H

#include "lib/attest/eif.h"
#include "lib/base/diag.h"

/* {"Measurements": {"HashAlgorithm", "PCR0", "PCR1", "PCR2"[, "PCR8"]}} */
enum cmaw_err cmaw_image_print_measurements(const struct cmaw_eif *eif, struct cmaw_diag *diag);
/* As nitro-cli describe-eif, and the sections with their sizes. */
enum cmaw_err cmaw_image_print_description(const struct cmaw_eif *eif, struct cmaw_diag *diag);

#endif
