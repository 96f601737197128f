#include "host/launch/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "sys/daemon.h"

enum { BOOT_TIMEOUT_MS = 60 * 1000, BOOT_TIMEOUT_MAX_S = 3600, MEMORY_MAX_MIB = 4 << 20, CPUS_MAX = 1024, CID_MIN = 4 };

static const char usage[] =
    "usage: cmaw-launch run [--backend sim] --eif FILE --socket PATH --nsm SOCKET [options]\n"
    "       cmaw-launch run --backend qemu --eif FILE --socket PATH [options]\n"
    "       cmaw-launch run --backend nitro --eif FILE --cpu-count N --memory MIB [options]\n"
    "       cmaw-launch describe --state-dir DIR\n"
    "       cmaw-launch console --state-dir DIR --name NAME\n"
    "       cmaw-launch terminate --state-dir DIR (--name NAME | --enclave-id ID | --all)\n"
    "\n"
    "Runs an enclave image and stays in the foreground until it ends. The backend sim runs the image's own\n"
    "ramdisks in namespaces of this host: for development, without isolation from the host. qemu boots the image\n"
    "in QEMU's nitro-enclave machine, whose documents nobody signs. nitro has nitro-cli start a Nitro enclave.\n"
    "\n"
    "  --backend NAME        sim (default), qemu or nitro\n"
    "  --eif FILE            enclave image\n"
    "  --socket PATH         sim, qemu: host's socket of the enclave (\"CONNECT PORT\"); the enclave's\n"
    "                        connections to host port P go to the socket PATH_P\n"
    "  --nsm SOCKET          sim: NSM simulator of cmaw-devd\n"
    "  --vm DIR              qemu: folder that make vm has filled (default $CMAW_VM)\n"
    "  --memory MIB          qemu (default 128), nitro: memory of the enclave\n"
    "  --cpu-count N         qemu (default 1), nitro: processors of the enclave\n"
    "  --cid N               qemu (default 4), nitro (default: any): its vsock address\n"
    "  --nitro-cli FILE      nitro: the program (default nitro-cli)\n"
    "  --host-root DIR       nitro: where etc, sys and dev of the parent instance are (default /)\n"
    "  --name NAME           default: the image file's name\n"
    "  --parent-role ARN     sim, qemu: role of the parent instance: PCR3\n"
    "  --parent-id ID        sim, qemu: id of the parent instance: PCR4\n"
    "  --debug-mode          the console can be read; attestation documents have zero PCRs (sim, nitro)\n"
    "  --state-dir DIR       where the other verbs find the enclave\n"
    "  --boot-timeout S      seconds until the heartbeat (default 60)\n"
    "  --ready-fd N          gets \"ready\" once the enclave is up\n"
    "  --log-format FORMAT   text or json: one object a line (default text)\n"
    "\n"
    "example: cmaw-launch run --eif intake.eif --socket /run/cmaw/intake.sock --nsm devd/nsm.sock\n";

enum { OPT_BACKEND = 256, OPT_EIF, OPT_SOCKET, OPT_NSM, OPT_NAME, OPT_ENCLAVE_ID, OPT_PARENT_ROLE, OPT_PARENT_ID, OPT_STATE_DIR,
       OPT_DEBUG_MODE, OPT_ALL, OPT_READY_FD, OPT_BOOT_TIMEOUT, OPT_LOG_FORMAT, OPT_VM, OPT_MEMORY, OPT_CPU_COUNT,
       OPT_CID, OPT_NITRO_CLI, OPT_HOST_ROOT, OPT_HELP, OPT_VERSION };

static const struct option long_options[] = {
    {"backend", required_argument, NULL, OPT_BACKEND},   {"eif", required_argument, NULL, OPT_EIF},
    {"socket", required_argument, NULL, OPT_SOCKET},     {"nsm", required_argument, NULL, OPT_NSM},
    {"name", required_argument, NULL, OPT_NAME},         {"enclave-id", required_argument, NULL, OPT_ENCLAVE_ID},
    {"parent-role", required_argument, NULL, OPT_PARENT_ROLE}, {"parent-id", required_argument, NULL, OPT_PARENT_ID},
    {"state-dir", required_argument, NULL, OPT_STATE_DIR}, {"debug-mode", no_argument, NULL, OPT_DEBUG_MODE},
    {"all", no_argument, NULL, OPT_ALL},                 {"ready-fd", required_argument, NULL, OPT_READY_FD},
    {"boot-timeout", required_argument, NULL, OPT_BOOT_TIMEOUT}, {"help", no_argument, NULL, OPT_HELP},
    {"log-format", required_argument, NULL, OPT_LOG_FORMAT}, {"vm", required_argument, NULL, OPT_VM},
    {"memory", required_argument, NULL, OPT_MEMORY},     {"cpu-count", required_argument, NULL, OPT_CPU_COUNT},
    {"cid", required_argument, NULL, OPT_CID},           {"nitro-cli", required_argument, NULL, OPT_NITRO_CLI},
    {"host-root", required_argument, NULL, OPT_HOST_ROOT},
    {"version", no_argument, NULL, OPT_VERSION},         {NULL, 0, NULL, 0},
};

enum cmaw_err cmaw_launch_bad_usage(struct cmaw_diag *diag, const char *text, const char *detail)
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
        return cmaw_launch_bad_usage(diag, "not a name (1 to 64 of A-Z a-z 0-9 _ . -): ", name);
    }
    (void)snprintf(options->name, sizeof options->name, "%s", name);
    return CMAW_OK;
}

static enum cmaw_err set_number(const char *text, uint64_t max, uint64_t *ret_value, struct cmaw_diag *diag)
{
    if (cmaw_parse_u64(text, max, ret_value) != CMAW_OK) {
        return cmaw_launch_bad_usage(diag, "not a number that fits: ", text);
    }
    return CMAW_OK;
}

/* 1 to max: 0 is not given. */
static enum cmaw_err set_positive(uint32_t max, uint32_t *ret_value, struct cmaw_diag *diag)
{
    uint64_t number = 0;
    CMAW_TRY(set_number(optarg, max, &number, diag));
    if (number == 0) {
        return cmaw_launch_bad_usage(diag, "not a number that fits: ", optarg);
    }
    *ret_value = (uint32_t)number;
    return CMAW_OK;
}

/* 0 to 3 are the hypervisor, loopback, hosts and parents; the last one is "any". */
static enum cmaw_err set_cid(struct launch_options *options, struct cmaw_diag *diag)
{
    CMAW_TRY(set_positive(UINT32_MAX - 1, &options->cid, diag));
    return options->cid >= CID_MIN ? CMAW_OK : cmaw_launch_bad_usage(diag, "not the address of an enclave (4 and above): ", optarg);
}

/* The path that a prefix makes of /sys: "" for the root folder itself. */
static const char *root_of(const char *path)
{
    return strcmp(path, "/") == 0 ? "" : path;
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
    case OPT_VM: options->vm = optarg; return CMAW_OK;
    case OPT_NITRO_CLI: options->nitro_cli = optarg; return CMAW_OK;
    case OPT_HOST_ROOT: options->host_root = root_of(optarg); return CMAW_OK;
    case OPT_MEMORY: return set_positive(MEMORY_MAX_MIB, &options->memory_mib, diag);
    case OPT_CPU_COUNT: return set_positive(CPUS_MAX, &options->cpu_count, diag);
    case OPT_CID: return set_cid(options, diag);
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
    default: return cmaw_launch_bad_usage(diag, "unknown option or missing value: ", "see the usage");
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
    if (options->eif == NULL) {
        return cmaw_launch_bad_usage(diag, "run needs ", "--eif");
    }
    if (!parent_id_is_good(options->parent_id)) {
        return cmaw_launch_bad_usage(diag, "not an instance id: ", options->parent_id);
    }
    if (options->parent_role != NULL && strncmp(options->parent_role, "arn:", 4) != 0) {
        return cmaw_launch_bad_usage(diag, "not a role ARN: ", options->parent_role);
    }
    return options->name[0] == '\0' ? name_after_image(options, diag) : CMAW_OK;
}

static enum cmaw_err check(struct launch_options *options, struct cmaw_diag *diag)
{
    if (strcmp(options->verb, "run") == 0) {
        return check_run(options, diag);
    }
    if (options->state_dir == NULL) {
        return cmaw_launch_bad_usage(diag, options->verb, " needs --state-dir");
    }
    const bool named = options->name[0] != '\0' || options->enclave_id != NULL;
    if (strcmp(options->verb, "describe") != 0 && !named && !options->all) {
        return cmaw_launch_bad_usage(diag, options->verb, " needs --name or --enclave-id");
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_launch_options_parse(int argc, char **argv, struct launch_options *ret_options, struct cmaw_diag *diag)
{
    struct launch_options options = {.backend = "sim", .parent_id = "i-00000000000000000", .ready_fd = -1,
                                     .nitro_cli = "nitro-cli", .host_root = "",
                                     .boot_timeout_ms = BOOT_TIMEOUT_MS};
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
        CMAW_TRY(set_option(&options, option, diag));
    }
    if (argc - optind != 1) {
        return cmaw_launch_bad_usage(diag, "give one verb: ", "run, describe, console or terminate");
    }
    options.verb = argv[optind];
    CMAW_TRY(check(&options, diag));
    *ret_options = options;
    return CMAW_OK;
}
