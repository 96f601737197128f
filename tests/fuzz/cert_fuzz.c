/* Any bytes as a certificate, and as the DER of a signature: what is accepted has one encoding only. */
#include <stdlib.h>

#include "lib/crypto/cert.h"
#include "lib/crypto/ecdsa_form.h"
#include "lib/crypto/x509.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct cmaw_slice bytes = cmaw_slice_of(data, size);
    uint8_t raw[CMAW_ECDSA_RAW_MAX], der[CMAW_ECDSA_DER_MAX];
    if (cmaw_ecdsa_from_der(CMAW_EC_P384, bytes, raw) == CMAW_OK &&
        !cmaw_slice_eq(bytes, cmaw_slice_of(der, cmaw_ecdsa_to_der(CMAW_EC_P384, raw, der)))) {
        abort();
    }
    struct cmaw_cert cert;
    if (cmaw_cert_parse(bytes, &cert) != CMAW_OK) {
        return 0;
    }
    if (cert.signed_part.data < data || cert.signature.data + cert.signature.size != data + size) {
        abort();
    }
    CMAW_BUF_AUTO(subject, 64 * 1024);
    if (cmaw_x509_subject(bytes, &subject) == CMAW_OK) {
        for (size_t i = 0; i < subject.size; i++) { /* whatever is in the names, a terminal shows it as it is */
            if (subject.data[i] < 0x20 || subject.data[i] > 0x7e) {
                abort();
            }
        }
    }
    const struct cmaw_slice chain[] = {bytes, bytes};
    CMAW_EC_KEY_AUTO(key);
    if (cmaw_x509_verify_chain(chain, 2, cert.not_before_s, NULL, &key) == CMAW_OK) { /* it cannot be authority and leaf */
        abort();
    }
    return 0;
}
