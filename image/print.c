#include "image/print.h"

#include <stdio.h>
#include <time.h>

#include "image/certificate.h"
#include "lib/attest/eif_sign.h"
#include "sys/measurements.h"

/* Prints and takes over the reference. */
static enum cmaw_err print(json_t *json)
{
    const bool done = json_dumpf(json, stdout, JSON_INDENT(2)) == 0 && puts("") >= 0 && fflush(stdout) == 0;
    json_decref(json);
    return done ? CMAW_OK : CMAW_E_IO;
}

enum cmaw_err cmaw_image_print_measurements(const struct cmaw_eif *eif, struct cmaw_diag *diag)
{
    struct cmaw_eif_pcrs pcrs;
    const enum cmaw_err err = cmaw_eif_measure(eif, &pcrs);
    if (err != CMAW_OK) {
        return cmaw_diag_wrap(diag, err, "cannot measure the image");
    }
    return print(json_pack("{s:o}", "Measurements", cmaw_measurements_json(&pcrs)));
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

/* What is known of a signature; nothing for an image without one. */
struct signature_report {
    json_t *certificate; /* SigningCertificate */
    json_t *check;       /* SignatureCheck; NULL: not checked */
    enum cmaw_err err;
    const char *fault;
};

static enum cmaw_err report_signature(const struct cmaw_eif *eif, const struct cmaw_eif_pcrs *pcrs, struct signature_report *ret_report)
{
    CMAW_EIF_SIGNATURE_AUTO(signature);
    struct cmaw_x509_facts facts;
    struct signature_report report = {0};
    const char *field = NULL;
    CMAW_TRY(cmaw_eif_signature_read(eif->signature, &signature, &field));
    CMAW_TRY(cmaw_x509_facts_read(cmaw_buf_slice(&signature.der), &facts));
    report.certificate = cmaw_image_certificate_json(&facts);
    report.err = cmaw_eif_signature_check(&signature, pcrs->pcr0, &report.fault);
    if (report.err != CMAW_E_UNSUPPORTED) {
        report.check = json_boolean(report.err == CMAW_OK);
    } else {
        (void)fprintf(stderr, "cmaw-image: the signature is not checked: %s\n", report.fault);
        report.err = CMAW_OK;
    }
    if (!cmaw_image_certificate_is_current(&facts, time(NULL))) {
        (void)fprintf(stderr, "cmaw-image: the signing certificate is not valid today: nitro-cli does not start this image\n");
    }
    *ret_report = report;
    return CMAW_OK;
}

/* As nitro-cli shows it: the parts of BuildMetadata and of CustomMetadata beside DockerInfo. */
static json_t *flatten(json_t *metadata)
{
    json_t *flat = json_object();
    (void)json_object_update(flat, json_object_get(metadata, "BuildMetadata"));
    (void)json_object_set(flat, "DockerInfo", json_object_get(metadata, "DockerInfo"));
    (void)json_object_update(flat, json_object_get(metadata, "CustomMetadata"));
    return flat;
}

static json_t *description_of(const struct cmaw_eif *eif, const struct cmaw_eif_pcrs *pcrs, const struct signature_report *report,
                              json_t *metadata, json_t *files)
{
    return json_pack("{s:i, s:o, s:b, s:o*, s:b, s:o*, s:O*, s:O*, s:o, s:s, s:o, s:o*}", "EifVersion", CMAW_EIF_VERSION,
                     "Measurements", cmaw_measurements_json(pcrs), "IsSigned", pcrs->is_signed, "SigningCertificate", report->certificate,
                     "CheckCRC", 1, "SignatureCheck", report->check, "ImageName", json_object_get(metadata, "ImageName"),
                     "ImageVersion", json_object_get(metadata, "ImageVersion"), "Metadata", flatten(metadata),
                     "Architecture", eif->aarch64 ? "aarch64" : "x86_64", "SectionSizes", sections_of(eif), "Files", files);
}

enum cmaw_err cmaw_image_print_description(const struct cmaw_eif *eif, json_t *files, struct cmaw_diag *diag)
{
    struct cmaw_eif_pcrs pcrs;
    struct signature_report report = {0};
    json_t *metadata = cmaw_image_metadata_read(eif->metadata);
    enum cmaw_err err = metadata == NULL ? CMAW_E_MALFORMED : cmaw_eif_measure(eif, &pcrs);
    err = err == CMAW_OK && pcrs.is_signed ? report_signature(eif, &pcrs, &report) : err;
    if (err != CMAW_OK) {
        json_decref(metadata);
        json_decref(files);
        return cmaw_diag_wrap(diag, err, "cannot describe the image");
    }
    err = print(description_of(eif, &pcrs, &report, metadata, files));
    json_decref(metadata);
    CMAW_TRY(err);
    return report.err == CMAW_OK ? CMAW_OK : cmaw_diag_set(diag, report.err, "%s", report.fault);
}
