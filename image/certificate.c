#include "image/certificate.h"

#include <stdio.h>

/* "30:65:…", in capitals. */
static json_t *colon_hex(const uint8_t *bytes, size_t size)
{
    char text[3 * CMAW_X509_SIGNATURE_MAX + 1] = "";
    for (size_t i = 0; i < size; i++) {
        (void)snprintf(text + 3 * i, 4, "%02X:", bytes[i]);
    }
    return json_stringn(text, size == 0 ? 0 : 3 * size - 1);
}

json_t *cmaw_image_certificate_json(const struct cmaw_x509_facts *facts)
{
    json_t *issuer = json_object();
    for (size_t i = 0; i < facts->issuer_count; i++) { /* the last of a name that comes twice, as nitro-cli */
        (void)json_object_set_new(issuer, facts->issuer[i].name, json_string(facts->issuer[i].value));
    }
    return json_pack("{s:o, s:s, s:s, s:s, s:o}", "IssuerName", issuer, "Algorithm", facts->algorithm, "NotBefore", facts->not_before,
                     "NotAfter", facts->not_after, "Signature", colon_hex(facts->signature, facts->signature_size));
}

bool cmaw_image_certificate_is_current(const struct cmaw_x509_facts *facts, int64_t time_s)
{
    return facts->not_before_s <= time_s && time_s <= facts->not_after_s;
}
