#include "image/print.h"
#include "image/read.h"
#include "image/verbs.h"

enum cmaw_err cmaw_image_describe(const struct image_options *options, struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(file, IMAGE_EIF_MAX);
    struct cmaw_eif eif;
    CMAW_TRY(cmaw_image_read(options->input, &file, &eif, diag));
    return cmaw_image_print_description(&eif, NULL, diag);
}

enum cmaw_err cmaw_image_measure(const struct image_options *options, struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(file, IMAGE_EIF_MAX);
    struct cmaw_eif eif;
    CMAW_TRY(cmaw_image_read(options->input, &file, &eif, diag));
    return cmaw_image_print_measurements(&eif, diag);
}
