#include "image/print.h"
#include "image/verbs.h"
#include "sys/file.h"

/* Reads an image, which is hostile, and hands it to one of the printers. */
static enum cmaw_err with_image(const char *path, enum cmaw_err (*print)(const struct cmaw_eif *, struct cmaw_diag *), struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(file, IMAGE_EIF_MAX);
    struct cmaw_eif eif;
    const char *field = NULL;
    CMAW_TRY(cmaw_file_read(path, &file, diag));
    const enum cmaw_err err = cmaw_eif_parse(cmaw_buf_slice(&file), &eif, &field);
    if (err != CMAW_OK) {
        cmaw_diag_hint(diag, "cmaw-image build makes one");
        return cmaw_diag_set(diag, err, "%s is not an enclave image: bad %s", path, field);
    }
    return print(&eif, diag);
}

enum cmaw_err cmaw_image_describe(const struct image_options *options, struct cmaw_diag *diag)
{
    return with_image(options->input, cmaw_image_print_description, diag);
}

enum cmaw_err cmaw_image_measure(const struct image_options *options, struct cmaw_diag *diag)
{
    return with_image(options->input, cmaw_image_print_measurements, diag);
}
