/* The certificate of a signed image. */
#ifndef CMAW_IMAGE_CERTIFICATE_H
#define CMAW_IMAGE_CERTIFICATE_H

#include <jansson.h>

#include "lib/crypto/x509_facts.h"

/* SigningCertificate of nitro-cli: IssuerName, Algorithm, NotBefore, NotAfter, Signature. The caller owns the reference. */
json_t *cmaw_image_certificate_json(const struct cmaw_x509_facts *facts);
/* Whether the time is within the certificate's dates, ends included. */
bool cmaw_image_certificate_is_current(const struct cmaw_x509_facts *facts, int64_t time_s);

#endif
