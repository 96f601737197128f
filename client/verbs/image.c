#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "client/options.h"
#include "client/verbs.h"
#include "sys/proc.h"

/* What cmaw-image takes, for those who ask this program; a test compares it with what that one says. */
static enum cmaw_err describe(int argc, char **argv, struct cmaw_diag *diag)
{
    const char *value = NULL;
    bool flag = false;
    const struct cmaw_option options[] = {
        {"output", "FILE", "where to write the image, or the folder for its sections", &value, NULL, NULL, 'o'},
        {"init", "FILE", "/init of the enclave", &value, NULL, NULL},
        {"kms-host", "NAME", "host name of KMS", &value, NULL, NULL},
        {"kms-roots", "FILE", "PEM of the TLS roots for it", &value, NULL, NULL},
        {"attestation-root", "FILE", "DER of the attestation root that peers must have", &value, NULL, NULL},
        {"kernel", "FILE", "the kernel: a file, default (the pinned one) or none", &value, NULL, NULL},
        {"cmdline", "TEXT", "the kernel's command line", &value, NULL, NULL},
        {"vm", "FOLDER", "where the pinned kernel is, as bzImage", &value, NULL, NULL},
        {"sign-key", "FILE", "sign with this private P-384 key in PEM, for PCR8", &value, NULL, NULL},
        {"sign-certificate", "FILE", "PEM of the certificate of that key", &value, NULL, NULL},
        {"debug", NULL, "the agent's error output goes to the log", NULL, NULL, &flag},
        {"force", NULL, "extract replaces files that are there", NULL, NULL, &flag},
        CMAW_OPTION_END};
    const struct cmaw_usage usage = {
        .verb = "image", .words = "build IMAGE.yaml | describe FILE.eif | measure FILE.eif | extract FILE.eif", .min_words = 2, .max_words = 2, .options = options,
        .example = "cmaw image measure intake.eif", .summary = "Builds, describes, measures or takes apart an enclave image. The same as cmaw-image."};
    struct cmaw_words words;
    bool help;
    return cmaw_options_parse(&usage, argc, argv, &words, &help, diag);
}

/* The image builder is a program of its own; this verb becomes it. */
enum cmaw_err cmaw_command_image(int argc, char **argv, struct cmaw_diag *diag)
{
    if (cmaw_options_described()) {
        return describe(argc, argv, diag);
    }
    char path[CMAW_PATH_MAX];
    CMAW_TRY(cmaw_proc_find("cmaw-image", path, diag));
    static char name[] = "cmaw-image";
    argv[0] = name;
    (void)execv(path, argv);
    return cmaw_diag_set(diag, cmaw_err_of_errno(errno), "cannot start %s: %s", path, strerror(errno));
}
