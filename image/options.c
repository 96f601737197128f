#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/verbs.h"

static const char usage[] =
    "usage: cmaw-image build IMAGE.yaml -o FILE.eif [options]\n"
    "       cmaw-image describe FILE.eif\n"
    "       cmaw-image measure FILE.eif\n"
    "       cmaw-image extract FILE.eif -o FOLDER [--force]\n"
    "\n"
    "Builds an enclave image (EIF) from a kernel, /init, an agent's files and settings. The same input gives the same file,\n"
    "and so the same PCRs; only a signature is another each time. Prints the measurements as nitro-cli does.\n"
    "describe prints what nitro-cli describe-eif does, and checks a signature; extract also writes the sections into a folder.\n"
    "\n"
    "  -o, --output FILE        where to write the image, or the folder for its sections\n"
    "  --init FILE              /init of the enclave (instead of init: in the YAML file)\n"
    "  --kms-host NAME          host name of KMS (instead of kms.host) [the regional endpoint of the role's key]\n"
    "  --kms-roots FILE         PEM of the TLS roots for it (instead of kms.roots)\n"
    "  --attestation-root FILE  DER of the attestation root that peers must have (instead of attestation.root)\n"
    "  --kernel FILE            the kernel: a file, default (the pinned one) or none (instead of kernel:) [default]\n"
    "  --cmdline TEXT           the kernel's command line (instead of cmdline:) [the pinned one]\n"
    "  --vm FOLDER              where the pinned kernel is, as bzImage [$CMAW_VM]\n"
    "  --sign-key FILE          sign with this private P-384 key in PEM, for PCR8 (instead of sign.key)\n"
    "  --sign-certificate FILE  PEM of the certificate of that key (instead of sign.certificate)\n"
    "  --debug                  the agent's error output goes to the log\n"
    "  --force                  extract replaces what another image left in the folder\n"
    "\n"
    "example: cmaw-image build intake.yaml -o intake.eif --init init --kms-host kms.eu-central-1.amazonaws.com \\\n"
    "                          --kms-roots roots.pem --attestation-root root.der --kernel bzImage\n";

enum { OPT_INIT = 256, OPT_KMS_HOST, OPT_KMS_ROOTS, OPT_ATTESTATION_ROOT, OPT_KERNEL, OPT_CMDLINE, OPT_VM, OPT_SIGN_KEY, OPT_SIGN_CERTIFICATE,
       OPT_DEBUG, OPT_FORCE, OPT_HELP, OPT_VERSION };

static const struct option long_options[] = {
    {"output", required_argument, NULL, 'o'},
    {"init", required_argument, NULL, OPT_INIT},
    {"kms-host", required_argument, NULL, OPT_KMS_HOST},
    {"kms-roots", required_argument, NULL, OPT_KMS_ROOTS},
    {"attestation-root", required_argument, NULL, OPT_ATTESTATION_ROOT},
    {"kernel", required_argument, NULL, OPT_KERNEL},
    {"cmdline", required_argument, NULL, OPT_CMDLINE},
    {"vm", required_argument, NULL, OPT_VM},
    {"sign-key", required_argument, NULL, OPT_SIGN_KEY},
    {"sign-certificate", required_argument, NULL, OPT_SIGN_CERTIFICATE},
    {"debug", no_argument, NULL, OPT_DEBUG},
    {"force", no_argument, NULL, OPT_FORCE},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

static enum cmaw_err bad_usage(struct cmaw_diag *diag, const char *text)
{
    cmaw_diag_hint(diag, "cmaw-image --help");
    return cmaw_diag_set(diag, CMAW_E_USAGE, "%s", text);
}

static enum cmaw_err set_option(struct image_options *options, int option, struct cmaw_diag *diag)
{
    switch (option) {
    case 'o': options->output = optarg; return CMAW_OK;
    case OPT_INIT: options->overrides.init = optarg; return CMAW_OK;
    case OPT_KMS_HOST: options->overrides.kms_host = optarg; return CMAW_OK;
    case OPT_KMS_ROOTS: options->overrides.kms_roots = optarg; return CMAW_OK;
    case OPT_ATTESTATION_ROOT: options->overrides.attestation_root = optarg; return CMAW_OK;
    case OPT_KERNEL: options->overrides.kernel = optarg; return CMAW_OK;
    case OPT_CMDLINE: options->overrides.cmdline = optarg; return CMAW_OK;
    case OPT_VM: options->overrides.vm = optarg; return CMAW_OK;
    case OPT_SIGN_KEY: options->overrides.sign_key = optarg; return CMAW_OK;
    case OPT_SIGN_CERTIFICATE: options->overrides.sign_certificate = optarg; return CMAW_OK;
    case OPT_FORCE: options->force = true; return CMAW_OK;
    case OPT_DEBUG: options->overrides.debug = true; return CMAW_OK;
    case OPT_HELP: (void)fputs(usage, stdout); exit(0);
    case OPT_VERSION: (void)puts("cmaw-image " CMAW_VERSION); exit(0);
    default: return bad_usage(diag, "unknown option or missing value");
    }
}

enum cmaw_err cmaw_image_options_parse(int argc, char **argv, struct image_options *ret_options, struct cmaw_diag *diag)
{
    struct image_options options = {0};
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "o:", long_options, NULL)) != -1;) {
        CMAW_TRY(set_option(&options, option, diag));
    }
    if (argc - optind != 2) {
        return bad_usage(diag, "give a verb (build, describe, measure or extract) and one file");
    }
    options.verb = argv[optind];
    options.input = argv[optind + 1];
    if (strcmp(options.verb, "build") == 0 && options.output == NULL) {
        return bad_usage(diag, "build needs -o FILE.eif");
    }
    if (strcmp(options.verb, "extract") == 0 && options.output == NULL) {
        return bad_usage(diag, "extract needs -o FOLDER");
    }
    *ret_options = options;
    return CMAW_OK;
}
