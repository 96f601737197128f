/* The verbs of cmaw-image. */
#ifndef CMAW_IMAGE_VERBS_H
#define CMAW_IMAGE_VERBS_H

#include "image/parts.h"

enum { IMAGE_EIF_MAX = 1 << 30 }; /* bytes */

struct image_options {
    const char *verb, *input, *output; /* output: a file, or the folder of extract */
    bool force;
    struct image_overrides overrides;
};

/* USAGE with a hint. --help and --version print and exit. */
enum cmaw_err cmaw_image_options_parse(int argc, char **argv, struct image_options *ret_options, struct cmaw_diag *diag);

enum cmaw_err cmaw_image_build(const struct image_options *options, struct cmaw_diag *diag);
/* What nitro-cli describe-eif prints, and the sections. */
enum cmaw_err cmaw_image_describe(const struct image_options *options, struct cmaw_diag *diag);
/* Writes the sections into files of a folder, and prints what describe does. EXISTS, and nothing is written, where a file is there and
 * force is not set. */
enum cmaw_err cmaw_image_extract(const struct image_options *options, struct cmaw_diag *diag);
/* The measurements only. */
enum cmaw_err cmaw_image_measure(const struct image_options *options, struct cmaw_diag *diag);

#endif
