#include "image/print.h"

#include <jansson.h>
#include <stdio.h>

#include "lib/base/text.h"

static void set_pcr(json_t *object, const char *name, const uint8_t pcr[static CMAW_EIF_PCR_SIZE])
{
    char text[2 * CMAW_EIF_PCR_SIZE + 1];
    if (cmaw_hex_to_cstr(cmaw_slice_of(pcr, CMAW_EIF_PCR_SIZE), text, sizeof text) == CMAW_OK) {
        (void)json_object_set_new(object, name, json_string(text));
    }
}

static enum cmaw_err measurements_of(const struct cmaw_eif *eif, json_t **ret_json, struct cmaw_diag *diag)
{
    struct cmaw_eif_pcrs pcrs;
    const enum cmaw_err err = cmaw_eif_measure(eif, &pcrs);
    if (err != CMAW_OK) {
        return cmaw_diag_set(diag, err, "the image cannot be measured: bad signature section");
    }
    json_t *json = json_pack("{s:s}", "HashAlgorithm", "Sha384 { ... }");
    set_pcr(json, "PCR0", pcrs.pcr0);
    set_pcr(json, "PCR1", pcrs.pcr1);
    set_pcr(json, "PCR2", pcrs.pcr2);
    if (pcrs.is_signed) {
        set_pcr(json, "PCR8", pcrs.pcr8);
    }
    *ret_json = json;
    return CMAW_OK;
}

/* Prints and takes over the reference. */
static enum cmaw_err print(json_t *json)
{
    const bool done = json_dumpf(json, stdout, JSON_INDENT(2)) == 0 && puts("") >= 0 && fflush(stdout) == 0;
    json_decref(json);
    return done ? CMAW_OK : CMAW_E_IO;
}

enum cmaw_err cmaw_image_print_measurements(const struct cmaw_eif *eif, struct cmaw_diag *diag)
{
    json_t *measurements = NULL;
    CMAW_TRY(measurements_of(eif, &measurements, diag));
    return print(json_pack("{s:o}", "Measurements", measurements));
}

static json_t *sections_of(const struct cmaw_eif *eif)
{
    json_t *ramdisks = json_array();
    for (size_t i = 0; i < eif->ramdisk_count; i++) {
        (void)json_array_append_new(ramdisks, json_integer((json_int_t)eif->ramdisks[i].size));
    }
    return json_pack("{s:I, s:I, s:I, s:o, s:I}", "Kernel", (json_int_t)eif->kernel.size, "CmdLine", (json_int_t)eif->cmdline.size,
                     "Metadata", (json_int_t)eif->metadata.size, "Ramdisks", ramdisks, "Signature", (json_int_t)eif->signature.size);
}

enum cmaw_err cmaw_image_print_description(const struct cmaw_eif *eif, struct cmaw_diag *diag)
{
    json_t *measurements = NULL;
    CMAW_TRY(measurements_of(eif, &measurements, diag));
    json_t *metadata = json_loadb((const char *)eif->metadata.data, eif->metadata.size, 0, NULL);
    json_t *sections = sections_of(eif);
    return print(json_pack("{s:i, s:o, s:b, s:b, s:s, s:O*, s:O*, s:o*, s:o*}", "EifVersion", CMAW_EIF_VERSION, "Measurements", measurements,
                           "IsSigned", eif->signature.size > 0, "CheckCRC", 1, "Architecture", eif->aarch64 ? "aarch64" : "x86_64",
                           "ImageName", json_object_get(metadata, "ImageName"), "ImageVersion", json_object_get(metadata, "ImageVersion"),
                           "Metadata", metadata, "SectionSizes", sections));
}
