#include "sys/measurements.h"

#include "lib/base/text.h"

static void set_pcr(json_t *object, const char *name, const uint8_t pcr[static CMAW_EIF_PCR_SIZE])
{
    char text[2 * CMAW_EIF_PCR_SIZE + 1];
    if (cmaw_hex_to_cstr(cmaw_slice_of(pcr, CMAW_EIF_PCR_SIZE), text, sizeof text) == CMAW_OK) {
        (void)json_object_set_new(object, name, json_string(text));
    }
}

json_t *cmaw_measurements_json(const struct cmaw_eif_pcrs *pcrs)
{
    json_t *json = json_pack("{s:s}", "HashAlgorithm", "Sha384 { ... }");
    set_pcr(json, "PCR0", pcrs->pcr0);
    set_pcr(json, "PCR1", pcrs->pcr1);
    set_pcr(json, "PCR2", pcrs->pcr2);
    if (pcrs->is_signed) {
        set_pcr(json, "PCR8", pcrs->pcr8);
    }
    return json;
}
