#include "dev/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "dev/sts.h"
#include "lib/base/text.h"
#include "sys/daemon.h"

const char cmaw_devd_usage[] =
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
    "  --log-format text|json    of the log lines; json is one object a line [text]\n"
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
    "  --give-unsigned-qemu-documents\n"
    "                            the module gives documents as that machine does, unsigned\n"
    "  --sts-min-duration S      shortest session that AssumeRole makes [900]\n"
    "  --grant-delay S           until a grant is known without its token [0]\n"
    "  --fail-first N:TYPE       the first N calls with a Recipient end with that error (2:ThrottlingException)\n"
    "  --arn ARN                 the principal that gets an access key (printed as JSON) or policies\n"
    "  --policy FILE             replaces the principal's identity policy\n"
    "  --trust FILE              replaces the role's trust policy, which says who may assume it\n"
    "  --session                 a temporary key with a session token\n"
    "  --expires-in S            a temporary key that ends after S seconds; 0: it has ended\n"
    "\n"
    "example: cmaw-devd init --dir /tmp/devd && cmaw-devd serve --dir /tmp/devd --port 8443\n";

enum { CONNECTIONS = 2048, CONNECTIONS_MAX = 65536, FAIL_MAX = 1000000, LOOKUPS_PER_SECOND = 2, DELAY_MAX_S = 7 * 24 * 3600 };

enum { OPT_DIR = 1000, OPT_REGION, OPT_ACCOUNT, OPT_PORT, OPT_READY_FD, OPT_CMS_FORM, OPT_MAP_FORM, OPT_NSM_OFFSET,
       OPT_KMS_OFFSET, OPT_ARN, OPT_POLICY, OPT_SESSION, OPT_TRAIL_DELAY, OPT_LOOKUP_RATE, OPT_CONNECTIONS, OPT_UNSIGNED, OPT_GIVE_UNSIGNED,
       OPT_TRUST, OPT_EXPIRES, OPT_STS_MIN, OPT_GRANT_DELAY, OPT_FAIL, OPT_LOG_FORMAT };

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
    {"give-unsigned-qemu-documents", no_argument, NULL, OPT_GIVE_UNSIGNED},
    {"trust", required_argument, NULL, OPT_TRUST},       {"expires-in", required_argument, NULL, OPT_EXPIRES},
    {"sts-min-duration", required_argument, NULL, OPT_STS_MIN},
    {"grant-delay", required_argument, NULL, OPT_GRANT_DELAY},
    {"fail-first", required_argument, NULL, OPT_FAIL},
    {"log-format", required_argument, NULL, OPT_LOG_FORMAT},
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

/* "2:ThrottlingException" */
static enum cmaw_err parse_fail(const char *value, struct cmaw_options *options, struct cmaw_diag *diag)
{
    char count_text[16];
    uint64_t count = 0;
    const size_t size = strcspn(value, ":");
    if (size >= sizeof count_text || value[size] != ':') {
        return bad_value(diag, "--fail-first", value);
    }
    (void)snprintf(count_text, sizeof count_text, "%.*s", (int)size, value);
    CMAW_TRY(parse_number("--fail-first", FAIL_MAX, count_text, &count, diag));
    options->fail_count = (int)count;
    options->fail_type = cmaw_fault_named(value + size + 1);
    return options->fail_type == CMAW_FAULT_NONE ? bad_value(diag, "--fail-first", value) : CMAW_OK;
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
static const char **text_option(int option, struct cmaw_options *options)
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

static enum cmaw_err parse_option(int option, const char *value, struct cmaw_options *options, struct cmaw_diag *diag)
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
    case OPT_LOG_FORMAT:
        return cmaw_log_option(value, diag);
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
    case OPT_FAIL:
        return parse_fail(value, options, diag);
    case OPT_CONNECTIONS:
        CMAW_TRY(parse_number("--connections", CONNECTIONS_MAX, value, &number, diag));
        options->connections = (unsigned)number;
        return number == 0 ? bad_value(diag, "--connections", value) : CMAW_OK;
    case OPT_UNSIGNED:
        options->accept_unsigned = true;
        return CMAW_OK;
    case OPT_GIVE_UNSIGNED:
        options->give_unsigned = true;
        return CMAW_OK;
    default:
        cmaw_diag_hint(diag, "cmaw-devd --help");
        return cmaw_diag_set(diag, CMAW_E_USAGE, "wrong options");
    }
}

enum cmaw_err cmaw_options_parse(int argc, char **argv, struct cmaw_options *ret_options, struct cmaw_diag *diag)
{
    struct cmaw_options options = {.ready_fd = -1, .cms_form = CMAW_FORM_ALTERNATE, .map_form = CMAW_FORM_ALTERNATE,
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
