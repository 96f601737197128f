#include "host/proxy/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/text.h"
#include "sys/daemon.h"

enum { MAX_CONNECTIONS = 128, MAX_CONNECTIONS_LIMIT = 4096, CONNECT_S = 10, IDLE_S = 120, SECONDS_LIMIT = 24 * 3600 };

static const char usage[] =
    "usage: cmaw-proxy --forward ADDRESS=HOST:PORT … --allow HOST:PORT … [options]\n"
    "\n"
    "The only way out of an enclave: what arrives at ADDRESS (uds:PATH:PORT or vsock:3:PORT) is carried to\n"
    "HOST:PORT, which must be one of the allowed. The bytes are the enclave's TLS; the proxy cannot read them.\n"
    "\n"
    "  --forward A=H:P        may be given several times\n"
    "  --allow H:P            exactly as in the forward; may be given several times\n"
    "  --max-connections N    at once, for each forward (default 128)\n"
    "  --connect-timeout S    default 10\n"
    "  --idle-timeout S       without a byte in either direction (default 120)\n"
    "  --ready-fd N           gets \"ready\" once all forwards are open\n"
    "  --http [ADDRESS:]PORT  serve /healthz, /readyz and /metrics there (default address 127.0.0.1)\n"
    "  --log-format FORMAT    text or json: one object a line (default text)\n"
    "\n"
    "SIGUSR1 logs the counters.\n"
    "\n"
    "example: cmaw-proxy --forward uds:/run/cmaw/intake.sock:8000=kms.eu-central-1.amazonaws.com:443 \\\n"
    "                    --allow kms.eu-central-1.amazonaws.com:443\n";

enum { OPT_FORWARD = 256, OPT_ALLOW, OPT_MAX_CONNECTIONS, OPT_CONNECT_TIMEOUT, OPT_IDLE_TIMEOUT, OPT_READY_FD, OPT_HTTP,
       OPT_LOG_FORMAT, OPT_HELP, OPT_VERSION };

static const struct option long_options[] = {
    {"forward", required_argument, NULL, OPT_FORWARD},
    {"allow", required_argument, NULL, OPT_ALLOW},
    {"max-connections", required_argument, NULL, OPT_MAX_CONNECTIONS},
    {"connect-timeout", required_argument, NULL, OPT_CONNECT_TIMEOUT},
    {"idle-timeout", required_argument, NULL, OPT_IDLE_TIMEOUT},
    {"ready-fd", required_argument, NULL, OPT_READY_FD},
    {"http", required_argument, NULL, OPT_HTTP},
    {"log-format", required_argument, NULL, OPT_LOG_FORMAT},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

static enum cmaw_err bad_usage(struct cmaw_diag *diag, const char *text, const char *detail)
{
    cmaw_diag_hint(diag, "cmaw-proxy --help");
    return cmaw_diag_set(diag, CMAW_E_USAGE, "%s%s", text, detail);
}

/* HOST:PORT, [IPv6]:PORT */
static enum cmaw_err parse_target(const char *text, struct proxy_target *ret_target, struct cmaw_diag *diag)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    struct proxy_target target = {0};
    const char *colon = strrchr(text, ':');
    uint64_t port = 0;
    if (colon == NULL || cmaw_parse_u64(colon + 1, UINT16_MAX, &port) != CMAW_OK || port == 0) {
        return bad_usage(diag, "not HOST:PORT: ", text);
    }
    const bool bracketed = text[0] == '[' && colon - text >= 3 && colon[-1] == ']';
    const char *host = bracketed ? text + 1 : text;
    const size_t size = (size_t)(colon - text) - (bracketed ? 2 : 0);
    const size_t good = bracketed ? strspn(host, "0123456789abcdefABCDEF:.") : strspn(host, letters);
    if (size == 0 || size > PROXY_HOST_MAX || good != size) {
        return bad_usage(diag, "not HOST:PORT: ", text);
    }
    memcpy(target.host, host, size);
    target.port = (uint16_t)port;
    *ret_target = target;
    return CMAW_OK;
}

static enum cmaw_err add_forward(struct proxy_options *options, const char *text, struct cmaw_diag *diag)
{
    char from[sizeof((struct cmaw_addr *)0)->path + 32];
    const char *equals = strrchr(text, '=');
    if (options->forward_count == PROXY_FORWARDS_MAX || equals == NULL || (size_t)(equals - text) >= sizeof from) {
        return bad_usage(diag, "not ADDRESS=HOST:PORT, or too many: ", text);
    }
    struct proxy_forward *forward = &options->forwards[options->forward_count++];
    (void)snprintf(from, sizeof from, "%.*s", (int)(equals - text), text);
    forward->text = text;
    forward->text_size = (size_t)(equals - text);
    CMAW_TRY(cmaw_addr_parse(from, &forward->from, diag));
    return parse_target(equals + 1, &forward->to, diag);
}

static enum cmaw_err add_allowed(struct proxy_options *options, const char *text, struct cmaw_diag *diag)
{
    if (options->allowed_count == PROXY_ALLOWED_MAX) {
        return bad_usage(diag, "too many allowed targets: ", text);
    }
    return parse_target(text, &options->allowed[options->allowed_count++], diag);
}

static enum cmaw_err set_number(uint32_t scale, uint64_t max, uint32_t *ret_value, struct cmaw_diag *diag)
{
    uint64_t value = 0;
    if (cmaw_parse_u64(optarg, max, &value) != CMAW_OK || (value == 0 && scale > 0)) {
        return bad_usage(diag, "not a number that fits: ", optarg);
    }
    *ret_value = (uint32_t)value * (scale > 0 ? scale : 1);
    return CMAW_OK;
}

static enum cmaw_err set_option(struct proxy_options *options, int option, struct cmaw_diag *diag)
{
    uint32_t fd = 0;
    switch (option) {
    case OPT_FORWARD: return add_forward(options, optarg, diag);
    case OPT_ALLOW: return add_allowed(options, optarg, diag);
    case OPT_MAX_CONNECTIONS: return set_number(1, MAX_CONNECTIONS_LIMIT, &options->max_connections, diag);
    case OPT_CONNECT_TIMEOUT: return set_number(1000, SECONDS_LIMIT, &options->connect_timeout_ms, diag);
    case OPT_IDLE_TIMEOUT: return set_number(1000, SECONDS_LIMIT, &options->idle_timeout_ms, diag);
    case OPT_READY_FD:
        CMAW_TRY(set_number(0, INT32_MAX, &fd, diag));
        options->ready_fd = (int)fd;
        return CMAW_OK;
    case OPT_HTTP: options->http = optarg; return CMAW_OK;
    case OPT_LOG_FORMAT: return cmaw_log_option(optarg, diag);
    case OPT_HELP: (void)fputs(usage, stdout); exit(0);
    case OPT_VERSION: (void)puts("cmaw-proxy " CMAW_VERSION); exit(0);
    default: return bad_usage(diag, "unknown option or missing value", "");
    }
}

static bool is_allowed(const struct proxy_options *options, const struct proxy_target *target)
{
    for (size_t i = 0; i < options->allowed_count; i++) {
        if (options->allowed[i].port == target->port && strcasecmp(options->allowed[i].host, target->host) == 0) {
            return true;
        }
    }
    return false;
}

static enum cmaw_err check(const struct proxy_options *options, struct cmaw_diag *diag)
{
    if (options->forward_count == 0) {
        return bad_usage(diag, "nothing to forward: ", "give --forward");
    }
    for (size_t i = 0; i < options->forward_count; i++) {
        const struct proxy_target *to = &options->forwards[i].to;
        if (!is_allowed(options, to)) {
            cmaw_diag_hint(diag, "add --allow %s:%u if it should be", to->host, to->port);
            return cmaw_diag_set(diag, CMAW_E_DENIED, "%s:%u is not an allowed target", to->host, to->port);
        }
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_proxy_options_parse(int argc, char **argv, struct proxy_options *ret_options, struct cmaw_diag *diag)
{
    static struct proxy_options options;
    options = (struct proxy_options){.max_connections = MAX_CONNECTIONS, .connect_timeout_ms = CONNECT_S * 1000,
                                     .idle_timeout_ms = IDLE_S * 1000, .ready_fd = -1};
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
        CMAW_TRY(set_option(&options, option, diag));
    }
    if (optind != argc) {
        return bad_usage(diag, "unexpected: ", argv[optind]);
    }
    CMAW_TRY(check(&options, diag));
    *ret_options = options;
    return CMAW_OK;
}
