/* The measurements of an image as nitro-cli prints them: for whoever builds images and whoever starts them. */
#ifndef CMAW_SYS_MEASUREMENTS_H
#define CMAW_SYS_MEASUREMENTS_H

#include <jansson.h>

#include "lib/attest/eif.h"

/* {"HashAlgorithm": "Sha384 { ... }", "PCR0": hex, "PCR1", "PCR2"}, and "PCR8" of a signed image; the caller's. NULL, or members missing: no memory. */
json_t *cmaw_measurements_json(const struct cmaw_eif_pcrs *pcrs);

#endif
