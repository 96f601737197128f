/* cmaw-image: builds, describes, measures and takes apart enclave images. */
#include <locale.h>
#include <string.h>

#include "image/verbs.h"

static const struct {
    const char *name;
    enum cmaw_err (*run)(const struct image_options *options, struct cmaw_diag *diag);
} verbs[] = {
    {"build", cmaw_image_build},
    {"describe", cmaw_image_describe},
    {"measure", cmaw_image_measure},
    {"extract", cmaw_image_extract},
};

static enum cmaw_err run(int argc, char **argv, struct cmaw_diag *diag)
{
    struct image_options options;
    CMAW_TRY(cmaw_image_options_parse(argc, argv, &options, diag));
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verbs[i].name, options.verb) == 0) {
            return verbs[i].run(&options, diag);
        }
    }
    cmaw_diag_hint(diag, "verbs: build, describe, measure, extract");
    return cmaw_diag_set(diag, CMAW_E_USAGE, "no verb %s", options.verb);
}

int main(int argc, char **argv)
{
    struct cmaw_diag diag = {0};
    (void)setlocale(LC_CTYPE, "C.UTF-8"); /* names in archives are what they are, whatever the user's locale */
    const enum cmaw_err err = run(argc, argv, &diag);
    if (err != CMAW_OK) {
        cmaw_diag_print(&diag, "cmaw-image", err);
    }
    return cmaw_exit_code(err);
}
