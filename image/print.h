/* What cmaw-image prints: JSON as nitro-cli writes it. */
#ifndef CMAW_IMAGE_PRINT_H
#define CMAW_IMAGE_PRINT_H

#include <jansson.h>

#include "lib/attest/eif.h"
#include "lib/base/diag.h"

/* {"Measurements": {"HashAlgorithm", "PCR0", "PCR1", "PCR2"[, "PCR8"]}} */
enum cmaw_err cmaw_image_print_measurements(const struct cmaw_eif *eif, struct cmaw_diag *diag);
/* What nitro-cli describe-eif prints, then what it does not: Architecture, SectionSizes and, unless files is NULL, Files. Takes over the
 * reference of files. MALFORMED, and nothing is printed, for metadata that cannot be shown. AUTH, after it is printed with a SignatureCheck of
 * false, for a signature that does not hold. A signature by a key that is not P-384 is not checked, one by a certificate outside its dates is
 * good; standard error says so. */
enum cmaw_err cmaw_image_print_description(const struct cmaw_eif *eif, json_t *files, struct cmaw_diag *diag);

/* metadata.c: the metadata section, which is hostile: NULL unless it is an object whose parts have the types that nitro-cli's schema gives
 * them. The caller owns the reference. */
json_t *cmaw_image_metadata_read(struct cmaw_slice section);

#endif
