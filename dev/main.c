/* cmaw-devd: stands in for the Nitro Security Module, AWS KMS and CloudTrail on a developer's machine. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dev/clock.h"
#include "dev/http.h"
#include "dev/nsm_server.h"
#include "dev/pki.h"
#include "dev/setup.h"
#include "dev/sts.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "sys/daemon.h"
#include "sys/file.h"

static const char usage[] =
    "usage: cmaw-devd init --dir DIR [--region R] [--account A]\n"
    "       cmaw-devd serve --dir DIR [--port N] [--ready-fd N] [options]\n"
    "       cmaw-devd access-key --dir DIR --arn ARN [--policy FILE] [--session] [--expires-in S]\n"
    "       cmaw-devd role --dir DIR --arn ARN [--trust FILE] [--policy FILE]\n"
    "\n"
    "Plays the Nitro Security Module, AWS KMS, STS and CloudTrail with their real formats, for development and tests.\n"
    "It protects nothing: whoever can read DIR has every key.\n"
    "\n"
    "  --dir DIR                 where devd.db, attestation-root.der, tls-ca.pem and nsm.sock are\n"
    "  --region R, --account A   of the emulated services [eu-central-1, 111122223333]\n"
    "  --port N                  of the HTTPS endpoint on 127.0.0.1 [0: a free one, named in the log]\n"
    "  --ready-fd N              write \"ready\" to this descriptor when serving\n"
    "  --cms-form a|b|alternate  form of CiphertextForRecipient [alternate]\n"
    "  --map-form definite|indefinite|alternate\n"
    "                            form of attestation documents [alternate]\n"
    "  --nsm-clock-offset S      seconds by which the module's clock is ahead of ours [0]\n"
    "  --kms-clock-offset S      seconds by which the services' clock is ahead of ours [0]\n"
    "  --trail-delay S[-S]       seconds from a call to its event in LookupEvents, or a range to draw from [0]\n"
    "  --lookup-rate N           LookupEvents per second and account; 0: no limit [2]\n"
    "  --connections N           at once; more are refused [2048]\n"
    "  --accept-unsigned-qemu-documents\n"
    "                            what QEMU's nitro-enclave machine calls attestation, which anybody can write\n"
    "  --sts-min-duration S      shortest session that AssumeRole makes [900]\n"
    "  --grant-delay S           until a grant is known without its token [0]\n"
    "  --arn ARN                 the principal that gets an access key (printed as JSON) or policies\n"
    "  --policy FILE             replaces the principal's identity policy\n"
    "  --trust FILE              replaces the role's trust policy, which says who may assume it\n"
    "  --session                 a temporary key with a session token\n"
    "  --expires-in S            a temporary key that ends after S seconds; 0: it has ended\n"
    "\n"
    "example: cmaw-devd init --dir /tmp/devd && cmaw-devd serve --dir /tmp/devd --port 8443\n";

enum { CONNECTIONS = 2048, CONNECTIONS_MAX = 65536, LOOKUPS_PER_SECOND = 2, DELAY_MAX_S = 7 * 24 * 3600,
       POLICY_FILE_MAX = 64 * 1024 };

struct options {
    const char *dir, *region, *account, *arn, *policy, *trust;
    uint16_t port;
    int ready_fd;
    enum cmaw_alternation cms_form, map_form;
    int64_t nsm_clock_offset_s, kms_clock_offset_s;
    int64_t lifetime_s, sts_min_duration_s, grant_delay_s;
    struct cmaw_trail_settings trail;
    unsigned connections;
    bool session, accept_unsigned;
};

enum { OPT_DIR = 1000, OPT_REGION, OPT_ACCOUNT, OPT_PORT, OPT_READY_FD, OPT_CMS_FORM, OPT_MAP_FORM, OPT_NSM_OFFSET,
       OPT_KMS_OFFSET, OPT_ARN, OPT_POLICY, OPT_SESSION, OPT_TRAIL_DELAY, OPT_LOOKUP_RATE, OPT_CONNECTIONS, OPT_UNSIGNED,
       OPT_TRUST, OPT_EXPIRES, OPT_STS_MIN, OPT_GRANT_DELAY };

static const struct option long_options[] = {
    {"dir", required_argument, NULL, OPT_DIR},           {"region", required_argument, NULL, OPT_REGION},
    {"account", required_argument, NULL, OPT_ACCOUNT},   {"port", required_argument, NULL, OPT_PORT},
    {"ready-fd", required_argument, NULL, OPT_READY_FD}, {"cms-form", required_argument, NULL, OPT_CMS_FORM},
    {"map-form", required_argument, NULL, OPT_MAP_FORM}, {"nsm-clock-offset", required_argument, NULL, OPT_NSM_OFFSET},
    {"kms-clock-offset", required_argument, NULL, OPT_KMS_OFFSET},
    {"arn", required_argument, NULL, OPT_ARN},           {"policy", required_argument, NULL, OPT_POLICY},
    {"session", no_argument, NULL, OPT_SESSION},         {"trail-delay", required_argument, NULL, OPT_TRAIL_DELAY},
    {"lookup-rate", required_argument, NULL, OPT_LOOKUP_RATE},
    {"connections", required_argument, NULL, OPT_CONNECTIONS},
    {"accept-unsigned-qemu-documents", no_argument, NULL, OPT_UNSIGNED},
    {"trust", required_argument, NULL, OPT_TRUST},       {"expires-in", required_argument, NULL, OPT_EXPIRES},
    {"sts-min-duration", required_argument, NULL, OPT_STS_MIN},
    {"grant-delay", required_argument, NULL, OPT_GRANT_DELAY},
    {NULL, 0, NULL, 0},
};

static enum cmaw_err bad_value(struct cmaw_diag *diag, const char *name, const char *value)
{
    cmaw_diag_hint(diag, "cmaw-devd --help");
    return cmaw_diag_set(diag, CMAW_E_USAGE, "not a value for %s: %s", name, value);
}

static enum cmaw_err parse_form(const char *name, const char *first, const char *second, const char *value,
                                enum cmaw_alternation *ret_form, struct cmaw_diag *diag)
{
    const char *const forms[] = {[CMAW_FORM_FIRST] = first, [CMAW_FORM_SECOND] = second,
                                 [CMAW_FORM_ALTERNATE] = "alternate"};
    for (enum cmaw_alternation form = CMAW_FORM_FIRST; form <= CMAW_FORM_ALTERNATE; form++) {
        if (strcmp(forms[form], value) == 0) {
            *ret_form = form;
            return CMAW_OK;
        }
    }
    return bad_value(diag, name, value);
}

static enum cmaw_err parse_number(const char *name, uint64_t max, const char *value, uint64_t *ret_number,
                                  struct cmaw_diag *diag)
{
    return cmaw_parse_u64(value, max, ret_number) == CMAW_OK ? CMAW_OK : bad_value(diag, name, value);
}

/* "5" or "120-900" */
static enum cmaw_err parse_delay(const char *value, struct cmaw_trail_settings *trail, struct cmaw_diag *diag)
{
    char from[24];
    uint64_t min_s = 0, max_s = 0;
    const size_t size = strcspn(value, "-");
    if (size >= sizeof from) {
        return bad_value(diag, "--trail-delay", value);
    }
    (void)snprintf(from, sizeof from, "%.*s", (int)size, value);
    CMAW_TRY(parse_number("--trail-delay", DELAY_MAX_S, from, &min_s, diag));
    max_s = min_s;
    if (value[size] == '-') {
        CMAW_TRY(parse_number("--trail-delay", DELAY_MAX_S, value + size + 1, &max_s, diag));
    }
    if (max_s < min_s) {
        return bad_value(diag, "--trail-delay", value);
    }
    trail->delay_min_ms = (int64_t)min_s * 1000;
    trail->delay_max_ms = (int64_t)max_s * 1000;
    return CMAW_OK;
}

static enum cmaw_err parse_offset(const char *name, const char *value, int64_t *ret_offset_s, struct cmaw_diag *diag)
{
    uint64_t number = 0;
    const bool negative = value[0] == '-';
    CMAW_TRY(parse_number(name, 1 << 30, value + (negative ? 1 : 0), &number, diag));
    *ret_offset_s = negative ? -(int64_t)number : (int64_t)number;
    return CMAW_OK;
}

static enum cmaw_err parse_seconds(const char *name, uint64_t max, const char *value, int64_t *ret_seconds,
                                   struct cmaw_diag *diag)
{
    uint64_t number = 0;
    CMAW_TRY(parse_number(name, max, value, &number, diag));
    *ret_seconds = (int64_t)number;
    return CMAW_OK;
}

/* Where the text of an option goes; NULL if the option is no text. */
static const char **text_option(int option, struct options *options)
{
    switch (option) {
    case OPT_DIR:
        return &options->dir;
    case OPT_REGION:
        return &options->region;
    case OPT_ACCOUNT:
        return &options->account;
    case OPT_ARN:
        return &options->arn;
    case OPT_POLICY:
        return &options->policy;
    case OPT_TRUST:
        return &options->trust;
    default:
        return NULL;
    }
}

static enum cmaw_err parse_option(int option, const char *value, struct options *options, struct cmaw_diag *diag)
{
    uint64_t number = 0;
    const char **text = text_option(option, options);
    if (text != NULL) {
        *text = value;
        return CMAW_OK;
    }
    switch (option) {
    case OPT_EXPIRES:
        return parse_seconds("--expires-in", DELAY_MAX_S, value, &options->lifetime_s, diag);
    case OPT_STS_MIN:
        return parse_seconds("--sts-min-duration", CMAW_STS_MIN_DURATION_S, value, &options->sts_min_duration_s, diag);
    case OPT_GRANT_DELAY:
        return parse_seconds("--grant-delay", DELAY_MAX_S, value, &options->grant_delay_s, diag);
    case OPT_SESSION:
        options->session = true;
        return CMAW_OK;
    case OPT_PORT:
        CMAW_TRY(parse_number("--port", UINT16_MAX, value, &number, diag));
        options->port = (uint16_t)number;
        return CMAW_OK;
    case OPT_READY_FD:
        CMAW_TRY(parse_number("--ready-fd", 1 << 20, value, &number, diag));
        options->ready_fd = (int)number;
        return CMAW_OK;
    case OPT_CMS_FORM:
        return parse_form("--cms-form", "a", "b", value, &options->cms_form, diag);
    case OPT_MAP_FORM:
        return parse_form("--map-form", "definite", "indefinite", value, &options->map_form, diag);
    case OPT_NSM_OFFSET:
        return parse_offset("--nsm-clock-offset", value, &options->nsm_clock_offset_s, diag);
    case OPT_KMS_OFFSET:
        return parse_offset("--kms-clock-offset", value, &options->kms_clock_offset_s, diag);
    case OPT_TRAIL_DELAY:
        return parse_delay(value, &options->trail, diag);
    case OPT_LOOKUP_RATE:
        CMAW_TRY(parse_number("--lookup-rate", 1000, value, &number, diag));
        options->trail.lookups.per_second = (unsigned)number;
        return CMAW_OK;
    case OPT_CONNECTIONS:
        CMAW_TRY(parse_number("--connections", CONNECTIONS_MAX, value, &number, diag));
        options->connections = (unsigned)number;
        return number == 0 ? bad_value(diag, "--connections", value) : CMAW_OK;
    case OPT_UNSIGNED:
        options->accept_unsigned = true;
        return CMAW_OK;
    default:
        cmaw_diag_hint(diag, "cmaw-devd --help");
        return cmaw_diag_set(diag, CMAW_E_USAGE, "wrong options");
    }
}

static enum cmaw_err parse(int argc, char **argv, struct options *ret_options, struct cmaw_diag *diag)
{
    struct options options = {.ready_fd = -1, .cms_form = CMAW_FORM_ALTERNATE, .map_form = CMAW_FORM_ALTERNATE,
                              .connections = CONNECTIONS, .lifetime_s = -1,
                              .sts_min_duration_s = CMAW_STS_MIN_DURATION_S, .trail.lookups.per_second = LOOKUPS_PER_SECOND};
    int option = 0;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        CMAW_TRY(parse_option(option, optarg, &options, diag));
    }
    if (optind != argc || options.dir == NULL) {
        cmaw_diag_hint(diag, "cmaw-devd --help");
        return cmaw_diag_set(diag, CMAW_E_USAGE, options.dir == NULL ? "--dir is missing" : "too many words");
    }
    *ret_options = options;
    return CMAW_OK;
}

static enum cmaw_err load_kms(struct sqlite3 *db, struct cmaw_kms *kms)
{
    CMAW_CERTIFICATE_AUTO(root);
    CMAW_TRY(cmaw_store_setting(db, "region", kms->region, sizeof kms->region));
    CMAW_TRY(cmaw_store_setting(db, "account", kms->account, sizeof kms->account));
    CMAW_TRY(cmaw_pki_attestation_root(db, cmaw_wall_clock_ms() / 1000, &root));
    cmaw_sha256(cmaw_buf_slice(&root.der), kms->attestation_root);
    return CMAW_OK;
}

static enum cmaw_err load_service(struct cmaw_service *service)
{
    struct sqlite3 *db = NULL;
    CMAW_TRY(cmaw_store_begin(service->store, &db));
    const enum cmaw_err err = load_kms(db, &service->kms);
    const enum cmaw_err ended = cmaw_store_end(service->store, err == CMAW_OK);
    return err == CMAW_OK ? ended : err;
}

static enum cmaw_err wait_for_end(int signals)
{
    struct pollfd wait = {.fd = signals, .events = POLLIN};
    while (cmaw_signals_next(signals) == 0) {
        (void)poll(&wait, 1, -1);
    }
    return CMAW_OK;
}

static enum cmaw_err serve_until_end(const struct options *options, struct cmaw_service *service, struct cmaw_diag *diag)
{
    static struct cmaw_nsm_server nsm; /* its threads use it until the process ends */
    char path[CMAW_PATH_MAX];
    struct cmaw_http *http = NULL;
    uint16_t port = 0;
    int ready = options->ready_fd;
    CMAW_FD_AUTO(signals);
    CMAW_TRY(cmaw_signals_open(false, &signals));
    nsm = (struct cmaw_nsm_server){.store = service->store, .map_form = options->map_form,
                                   .clock_offset_ms = options->nsm_clock_offset_s * 1000};
    CMAW_TRY(cmaw_path(path, "%s/nsm.sock", options->dir));
    CMAW_TRY(cmaw_nsm_server_start(&nsm, path, diag));
    CMAW_TRY(cmaw_http_start(service, options->port, options->connections, &http, &port, diag));
    cmaw_log(CMAW_LOG_WARN, "simulation", "note=\"this is a simulation of NSM, KMS and CloudTrail: it protects nothing\"");
    if (options->accept_unsigned) {
        cmaw_log(CMAW_LOG_WARN, "unsigned", "note=\"unsigned attestation documents are accepted: anybody gets the plaintext\"");
    }
    cmaw_log(CMAW_LOG_INFO, "serving", "port=%u region=%s account=%s nsm=%s", port, service->kms.region,
             service->kms.account, path);
    cmaw_ready_notify(&ready);
    const enum cmaw_err err = wait_for_end(signals);
    cmaw_http_stop(&http);
    return err;
}

/* One at a time in a folder: a second one would take the NSM socket away. Held until the process ends. */
static enum cmaw_err lock_folder(const char *dir, int *ret_fd, struct cmaw_diag *diag)
{
    char path[CMAW_PATH_MAX];
    CMAW_FD_AUTO(fd);
    CMAW_TRY(cmaw_path(path, "%s/devd.lock", dir));
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        cmaw_diag_hint(diag, "cmaw-devd init --dir %s", dir);
        return cmaw_diag_set(diag, cmaw_err_of_errno(errno), "cannot open %s: %s", path, strerror(errno));
    }
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    CMAW_REQUIRE(fcntl(fd, F_OFD_SETLK, &whole) == 0,
                 cmaw_diag_set(diag, CMAW_E_BUSY, "another cmaw-devd serves %s already", dir));
    *ret_fd = fd;
    fd = -1;
    return CMAW_OK;
}

static enum cmaw_err serve(const struct options *options, struct cmaw_diag *diag)
{
    struct cmaw_service service = {.kms = {.cms_form = options->cms_form, .trail = options->trail,
                                           .accept_unsigned = options->accept_unsigned,
                                           .clock_offset_ms = options->kms_clock_offset_s * 1000,
                                           .grant_delay_ms = options->grant_delay_s * 1000,
                                           .sts_min_duration_s = options->sts_min_duration_s}};
    CMAW_FD_AUTO(folder);
    CMAW_TRY(lock_folder(options->dir, &folder, diag));
    CMAW_TRY(cmaw_store_open(options->dir, false, &service.store, diag));
    CMAW_TRY(load_service(&service));
    /* the store stays open: threads of the NSM socket may be in it until the process ends */
    return serve_until_end(options, &service, diag);
}

static enum cmaw_err init(const struct options *options, struct cmaw_diag *diag)
{
    return cmaw_setup_init(options->dir, options->region, options->account, diag);
}

/* *ret_text is NULL without a path, else the file's text in buf. */
static enum cmaw_err read_policy(const char *path, struct cmaw_buf *buf, const char **ret_text, struct cmaw_diag *diag)
{
    *ret_text = NULL;
    if (path != NULL) {
        CMAW_TRY(cmaw_file_read(path, buf, diag));
        cmaw_buf_put_u8(buf, 0);
        CMAW_TRY(cmaw_buf_err(buf));
        *ret_text = (const char *)buf->data;
    }
    return CMAW_OK;
}

static enum cmaw_err access_key(const struct options *options, struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(buf, POLICY_FILE_MAX);
    const char *policy = NULL;
    if (options->arn == NULL) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "--arn is missing");
    }
    CMAW_TRY(read_policy(options->policy, &buf, &policy, diag));
    return cmaw_setup_access_key(options->dir, options->arn, policy, options->session, options->lifetime_s, diag);
}

static enum cmaw_err role(const struct options *options, struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(policy_buf, POLICY_FILE_MAX);
    CMAW_BUF_AUTO(trust_buf, POLICY_FILE_MAX);
    const char *policy = NULL, *trust = NULL;
    if (options->arn == NULL || (options->policy == NULL && options->trust == NULL)) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "%s", options->arn == NULL ? "--arn is missing" : "--trust or --policy is missing");
    }
    CMAW_TRY(read_policy(options->policy, &policy_buf, &policy, diag));
    CMAW_TRY(read_policy(options->trust, &trust_buf, &trust, diag));
    return cmaw_setup_role(options->dir, options->arn, trust, policy, diag);
}

static const struct verb {
    const char *name;
    enum cmaw_err (*run)(const struct options *options, struct cmaw_diag *diag);
} verbs[] = {{"init", init}, {"serve", serve}, {"access-key", access_key}, {"role", role}};

static enum cmaw_err run(int argc, char **argv, struct cmaw_diag *diag)
{
    struct options options;
    for (size_t i = 0; argc > 1 && i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verbs[i].name, argv[1]) == 0) {
            CMAW_TRY(parse(argc - 1, argv + 1, &options, diag));
            return verbs[i].run(&options, diag);
        }
    }
    cmaw_diag_hint(diag, "cmaw-devd --help");
    return cmaw_diag_set(diag, CMAW_E_USAGE, argc > 1 ? "no such verb: %s" : "a verb is missing%s", argc > 1 ? argv[1] : "");
}

int main(int argc, char **argv)
{
    struct cmaw_diag diag = {0};
    cmaw_log_init("devd", CMAW_LOG_INFO);
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        return fputs(usage, stdout) == EOF ? 1 : 0;
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        return puts("cmaw-devd " CMAW_VERSION " (simulation)") == EOF ? 1 : 0;
    }
    const enum cmaw_err err = run(argc, argv, &diag);
    if (err != CMAW_OK) {
        cmaw_diag_print(&diag, "cmaw-devd", err);
    }
    return cmaw_exit_code(err);
}
