#include "host/launch/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "sys/daemon.h"

enum { BOOT_TIMEOUT_MS = 60 * 1000, BOOT_TIMEOUT_MAX_S = 3600 };

static const char usage[] =
    "usage: cmaw-launch run --eif FILE --socket PATH --nsm SOCKET [options]\n"
    "       cmaw-launch describe --state-dir DIR\n"
    "       cmaw-launch console --state-dir DIR --name NAME\n"
    "       cmaw-launch terminate --state-dir DIR (--name NAME | --enclave-id ID | --all)\n"
    "\n"
    "Runs an enclave image and stays in the foreground until it ends. The backend sim runs the image's own\n"
    "ramdisks in namespaces of this host: for development, without isolation from the host.\n"
    "\n"
    "  --backend sim         the only backend so far (default)\n"
    "  --eif FILE            enclave image\n"
    "  --socket PATH         host's socket of the enclave (\"CONNECT PORT\"); the enclave's connections\n"
    "                        to host port P go to the socket PATH_P\n"
    "  --nsm SOCKET          NSM simulator of cmaw-devd\n"
    "  --name NAME           default: the image file's name\n"
    "  --parent-role ARN     role of the parent instance: PCR3\n"
    "  --parent-id ID        id of the parent instance: PCR4\n"
    "  --debug-mode          attestation documents have zero PCRs, and the console can be read\n"
    "  --state-dir DIR       where the other verbs find the enclave\n"
    "  --boot-timeout S      seconds until the heartbeat (default 60)\n"
    "  --ready-fd N          gets \"ready\" once the enclave is up\n"
    "  --log-format FORMAT   text or json: one object a line (default text)\n"
    "\n"
    "example: cmaw-launch run --eif intake.eif --socket /run/cmaw/intake.sock --nsm devd/nsm.sock\n";

enum { OPT_BACKEND = 256, OPT_EIF, OPT_SOCKET, OPT_NSM, OPT_NAME, OPT_ENCLAVE_ID, OPT_PARENT_ROLE, OPT_PARENT_ID, OPT_STATE_DIR,
       OPT_DEBUG_MODE, OPT_ALL, OPT_READY_FD, OPT_BOOT_TIMEOUT, OPT_LOG_FORMAT, OPT_HELP, OPT_VERSION };

static const struct option long_options[] = {
    {"backend", required_argument, NULL, OPT_BACKEND},   {"eif", required_argument, NULL, OPT_EIF},
    {"socket", required_argument, NULL, OPT_SOCKET},     {"nsm", required_argument, NULL, OPT_NSM},
    {"name", required_argument, NULL, OPT_NAME},         {"enclave-id", required_argument, NULL, OPT_ENCLAVE_ID},
    {"parent-role", required_argument, NULL, OPT_PARENT_ROLE}, {"parent-id", required_argument, NULL, OPT_PARENT_ID},
    {"state-dir", required_argument, NULL, OPT_STATE_DIR}, {"debug-mode", no_argument, NULL, OPT_DEBUG_MODE},
    {"all", no_argument, NULL, OPT_ALL},                 {"ready-fd", required_argument, NULL, OPT_READY_FD},
    {"boot-timeout", required_argument, NULL, OPT_BOOT_TIMEOUT}, {"help", no_argument, NULL, OPT_HELP},
    {"log-format", required_argument, NULL, OPT_LOG_FORMAT},
    {"version", no_argument, NULL, OPT_VERSION},         {NULL, 0, NULL, 0},
};

static enum cmaw_err bad_usage(struct cmaw_diag *diag, const char *text, const char *detail)
{
    cmaw_diag_hint(diag, "cmaw-launch --help");
    return cmaw_diag_set(diag, CMAW_E_USAGE, "%s%s", text, detail);
}

static bool name_is_good(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    const size_t size = strlen(name);
    return size >= 1 && size <= LAUNCH_NAME_MAX && name[0] != '.' && strspn(name, letters) == size;
}

/* An id that cannot break a line of the NSM simulator: "i-" and hex digits. */
static bool parent_id_is_good(const char *id)
{
    const size_t size = strlen(id);
    return size >= 3 && size <= 34 && strncmp(id, "i-", 2) == 0 && strspn(id + 2, "0123456789abcdef") == size - 2;
}

static enum cmaw_err set_name(struct launch_options *options, const char *name, struct cmaw_diag *diag)
{
    if (!name_is_good(name)) {
        return bad_usage(diag, "not a name (1 to 64 of A-Z a-z 0-9 _ . -): ", name);
    }
    (void)snprintf(options->name, sizeof options->name, "%s", name);
    return CMAW_OK;
}

static enum cmaw_err set_number(const char *text, uint64_t max, uint64_t *ret_value, struct cmaw_diag *diag)
{
    if (cmaw_parse_u64(text, max, ret_value) != CMAW_OK) {
        return bad_usage(diag, "not a number that fits: ", text);
    }
    return CMAW_OK;
}

static enum cmaw_err set_option(struct launch_options *options, int option, struct cmaw_diag *diag)
{
    uint64_t number = 0;
    switch (option) {
    case OPT_BACKEND: options->backend = optarg; return CMAW_OK;
    case OPT_EIF: options->eif = optarg; return CMAW_OK;
    case OPT_SOCKET: options->socket = optarg; return CMAW_OK;
    case OPT_NSM: options->nsm = optarg; return CMAW_OK;
    case OPT_NAME: return set_name(options, optarg, diag);
    case OPT_ENCLAVE_ID: options->enclave_id = optarg; return CMAW_OK;
    case OPT_PARENT_ROLE: options->parent_role = optarg; return CMAW_OK;
    case OPT_PARENT_ID: options->parent_id = optarg; return CMAW_OK;
    case OPT_STATE_DIR: options->state_dir = optarg; return CMAW_OK;
    case OPT_DEBUG_MODE: options->debug_mode = true; return CMAW_OK;
    case OPT_ALL: options->all = true; return CMAW_OK;
    case OPT_READY_FD:
        CMAW_TRY(set_number(optarg, INT32_MAX, &number, diag));
        options->ready_fd = (int)number;
        return CMAW_OK;
    case OPT_BOOT_TIMEOUT:
        CMAW_TRY(set_number(optarg, BOOT_TIMEOUT_MAX_S, &number, diag));
        options->boot_timeout_ms = (uint32_t)number * 1000;
        return CMAW_OK;
    case OPT_LOG_FORMAT: return cmaw_log_option(optarg, diag);
    case OPT_HELP: (void)fputs(usage, stdout); exit(0);
    case OPT_VERSION: (void)puts("cmaw-launch " CMAW_VERSION); exit(0);
    default: return bad_usage(diag, "unknown option or missing value: ", "see the usage");
    }
}

static enum cmaw_err name_after_image(struct launch_options *options, struct cmaw_diag *diag)
{
    const char *slash = strrchr(options->eif, '/');
    char stem[LAUNCH_NAME_MAX + 8];
    (void)snprintf(stem, sizeof stem, "%s", slash == NULL ? options->eif : slash + 1);
    const size_t size = strlen(stem);
    if (size > 4 && strcmp(stem + size - 4, ".eif") == 0) {
        stem[size - 4] = '\0';
    }
    return set_name(options, stem, diag);
}

static enum cmaw_err check_run(struct launch_options *options, struct cmaw_diag *diag)
{
    if (options->eif == NULL || options->socket == NULL || options->nsm == NULL) {
        return bad_usage(diag, "run needs ", "--eif, --socket and --nsm");
    }
    if (!parent_id_is_good(options->parent_id)) {
        return bad_usage(diag, "not an instance id: ", options->parent_id);
    }
    if (options->parent_role != NULL && strncmp(options->parent_role, "arn:", 4) != 0) {
        return bad_usage(diag, "not a role ARN: ", options->parent_role);
    }
    return options->name[0] == '\0' ? name_after_image(options, diag) : CMAW_OK;
}

static enum cmaw_err check(struct launch_options *options, struct cmaw_diag *diag)
{
    if (strcmp(options->verb, "run") == 0) {
        return check_run(options, diag);
    }
    if (options->state_dir == NULL) {
        return bad_usage(diag, options->verb, " needs --state-dir");
    }
    const bool named = options->name[0] != '\0' || options->enclave_id != NULL;
    if (strcmp(options->verb, "describe") != 0 && !named && !options->all) {
        return bad_usage(diag, options->verb, " needs --name or --enclave-id");
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_launch_options_parse(int argc, char **argv, struct launch_options *ret_options, struct cmaw_diag *diag)
{
    struct launch_options options = {.backend = "sim", .parent_id = "i-00000000000000000", .ready_fd = -1,
                                     .boot_timeout_ms = BOOT_TIMEOUT_MS};
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
        CMAW_TRY(set_option(&options, option, diag));
    }
    if (argc - optind != 1) {
        return bad_usage(diag, "give one verb: ", "run, describe, console or terminate");
    }
    options.verb = argv[optind];
    CMAW_TRY(check(&options, diag));
    *ret_options = options;
    return CMAW_OK;
}
