#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "client/codec/answer.h"
#include "client/codec/token.h"
#include "client/stack/stack.h"
#include "client/store/passphrase.h"
#include "client/verbs.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "sys/daemon.h"

enum { PEM_MAX = 256 * 1024, TICK_MS = 1000, FD_MAX = 1024, ENDPOINT_SIZE = 256 };

struct codec_args {
    struct cmaw_settings settings;
    struct cmaw_words uis;
    const char *listen;
    const char *port;
    const char *token_file;
    const char *certificate;
    const char *key;
    const char *ready;
    bool no_token;
};

struct serving {
    struct cmaw_codec_access access;
    struct cmaw_codec_place place;
    struct cmaw_secret token;
    struct cmaw_buf certificate;
    struct cmaw_buf key;
};

static void serving_release(struct serving *serving)
{
    cmaw_secret_release(&serving->token);
    cmaw_buf_free(&serving->certificate);
    cmaw_buf_free(&serving->key);
}

/* Plain text, or a caller who need not know the token, only where nobody else can reach. */
static enum cmaw_err check_exposure(const struct codec_args *args, const struct cmaw_codec_place *place, struct cmaw_diag *diag)
{
    bool loopback = false;
    CMAW_TRY(cmaw_codec_is_loopback(place->address, &loopback, diag));
    if ((args->certificate == NULL) != (args->key == NULL)) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "--cert and --key go together");
    }
    if (args->no_token && args->token_file != NULL) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "--no-token and --token-file exclude each other");
    }
    if (!loopback && (args->certificate == NULL || args->no_token)) {
        cmaw_diag_hint(diag, "--cert and --key, and no --no-token; or leave --listen away");
        return cmaw_diag_set(diag, CMAW_E_USAGE, "%s can be reached by others: that takes TLS and a token", place->address);
    }
    return CMAW_OK;
}

static enum cmaw_err read_pem(const char *path, struct cmaw_buf *text, const char **ret_text, struct cmaw_diag *diag)
{
    *text = CMAW_BUF(PEM_MAX);
    CMAW_TRY(cmaw_buf_reserve(text, PEM_MAX));
    CMAW_TRY(cmaw_file_read(path, text, diag));
    cmaw_buf_put_u8(text, 0);
    CMAW_TRY(text->err);
    *ret_text = (const char *)text->data;
    return CMAW_OK;
}

/* The web pages of the local stack, by both names that a person may type. */
static enum cmaw_err add_stack_pages(const struct cmaw_settings *settings, struct cmaw_codec_access *access, struct cmaw_diag *diag)
{
    char dir[CMAW_PATH_MAX];
    struct cmaw_diag none = {0};
    CMAW_STACK_AUTO(stack);
    CMAW_TRY(cmaw_settings_dir(settings, dir, diag));
    if (cmaw_stack_load(dir, &stack, &none) != CMAW_OK) {
        cmaw_progress("there is no local stack, so no web page may ask; --ui names the address of one");
        return CMAW_OK;
    }
    static const char *const hosts[] = {"127.0.0.1", "localhost"};
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        char origin[CMAW_CODEC_ORIGIN_SIZE];
        (void)snprintf(origin, sizeof origin, "http://%s:%u", hosts[i], stack->ports[CMAW_PORT_UI]);
        CMAW_TRY(cmaw_codec_access_add(access, origin, diag));
    }
    return CMAW_OK;
}

static enum cmaw_err set_access(const struct codec_args *args, struct serving *serving, struct cmaw_diag *diag)
{
    for (size_t i = 0; i < args->uis.count; i++) {
        CMAW_TRY(cmaw_codec_access_add(&serving->access, args->uis.items[i], diag));
    }
    if (args->uis.count == 0) {
        CMAW_TRY(add_stack_pages(&args->settings, &serving->access, diag));
    }
    if (!args->no_token) {
        CMAW_TRY(args->token_file == NULL ? cmaw_codec_token_new(&serving->token) : cmaw_codec_token_file(args->token_file, &serving->token, diag));
        serving->access.token = cmaw_secret_slice(&serving->token);
    }
    return CMAW_OK;
}

static enum cmaw_err set_place(const struct codec_args *args, struct serving *serving, struct cmaw_diag *diag)
{
    uint64_t port = 0;
    serving->place.address = args->listen == NULL ? "127.0.0.1" : args->listen;
    if (args->port != NULL && cmaw_parse_u64(args->port, UINT16_MAX, &port) != CMAW_OK) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "--port %.40s is not a port", args->port);
    }
    serving->place.port = (uint16_t)port;
    CMAW_TRY(check_exposure(args, &serving->place, diag));
    serving->access.plain = args->certificate == NULL;
    if (args->certificate != NULL) {
        CMAW_TRY(read_pem(args->certificate, &serving->certificate, &serving->place.certificate, diag));
        CMAW_TRY(read_pem(args->key, &serving->key, &serving->place.key, diag));
    }
    return CMAW_OK;
}

static enum cmaw_err print_json(const struct serving *serving, const char *endpoint)
{
    CMAW_JSON_AUTO(json);
    json = json_object();
    json_t *pages = json_array();
    CMAW_TRY(cmaw_json_set_text(json, "endpoint", endpoint));
    CMAW_TRY(cmaw_json_set(json, "pages", pages));
    for (size_t i = 0; i < serving->access.origin_count; i++) {
        CMAW_TRY(cmaw_json_append(pages, json_string(serving->access.origins[i])));
    }
    return cmaw_json_print(json);
}

/* The token is a part of the endpoint: the web UI knows no other place for one. The slash behind it is for versions of the web UI that put the verb in
 * the place of the last part. A token from a file is in that file. */
static enum cmaw_err announce(const struct codec_args *args, const struct serving *serving, uint16_t port)
{
    char endpoint[ENDPOINT_SIZE];
    const bool six = strchr(serving->place.address, ':') != NULL;
    const struct cmaw_slice token = serving->access.token;
    const bool shown = token.size > 0 && args->token_file == NULL;
    (void)snprintf(endpoint, sizeof endpoint, "%s://%s%s%s:%u/%.*s%s", serving->place.certificate == NULL ? "http" : "https", six ? "[" : "",
                   serving->place.address, six ? "]" : "", port, shown ? (int)token.size : 0, shown ? (const char *)token.data : "", shown ? "/" : "");
    if (args->settings.json) {
        CMAW_TRY(print_json(serving, endpoint));
    } else {
        (void)printf("%s\n", endpoint);
    }
    (void)fflush(stdout);
    cmaw_wipe(endpoint, sizeof endpoint);
    for (size_t i = 0; i < serving->access.origin_count && !args->settings.json; i++) {
        cmaw_progress("pages of %s may ask: the glasses at their top right take this endpoint", serving->access.origins[i]);
    }
    if (args->token_file != NULL) {
        cmaw_progress("the token in %s comes behind it, and a slash; or is sent as a bearer token", args->token_file);
    } else if (token.size == 0) {
        cmaw_progress("every program of this machine that knows the port may read your runs: --no-token");
    }
    return CMAW_OK;
}

static enum cmaw_err serve(const struct codec_args *args, struct serving *serving, struct cmaw_codec_source *source, int ready, struct cmaw_diag *diag)
{
    const struct cmaw_codec_handler handler = {cmaw_codec_answer, source};
    struct cmaw_codec_server *server = NULL;
    uint16_t port = 0;
    CMAW_FD_AUTO(signals);
    CMAW_TRY(cmaw_signals_open(false, &signals));
    CMAW_TRY(cmaw_codec_server_start(&serving->place, &serving->access, &handler, &server, &port, diag));
    const enum cmaw_err err = announce(args, serving, port);
    cmaw_ready_notify(&ready);
    struct pollfd wait = {.fd = signals, .events = POLLIN};
    while (err == CMAW_OK && cmaw_signals_next(signals) == 0) {
        (void)poll(&wait, 1, TICK_MS);
        cmaw_codec_server_tick(server);
    }
    cmaw_codec_server_stop(&server);
    return err;
}

static enum cmaw_err run(const struct codec_args *args, struct cmaw_diag *diag)
{
    uint64_t ready = 0;
    [[gnu::cleanup(serving_release)]] struct serving serving = {0};
    if (args->ready != NULL && cmaw_parse_u64(args->ready, FD_MAX, &ready) != CMAW_OK) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "--ready-fd %.40s is not a descriptor", args->ready);
    }
    CMAW_TRY(set_place(args, &serving, diag));
    CMAW_TRY(set_access(args, &serving, diag));
    CMAW_STORE_AUTO(store);
    CMAW_TRY(cmaw_store_open_unlocked(&args->settings, &store, diag));
    cmaw_log_init("codec", CMAW_LOG_INFO);
    [[gnu::cleanup(cmaw_codec_source_release)]] struct cmaw_codec_source source = {.store = store};
    return serve(args, &serving, &source, args->ready == NULL ? -1 : (int)ready, diag);
}

enum cmaw_err cmaw_command_codec(int argc, char **argv, struct cmaw_diag *diag)
{
    struct codec_args args = {0};
    const struct cmaw_option options[] = {
        {"ui", "URL", "the web pages that may ask, as http://HOST:PORT (default: the local stack's); repeat", NULL, &args.uis, NULL},
        {"port", "N", "where to listen (default: a free port)", &args.port, NULL, NULL},
        {"listen", "ADDRESS", "another address than 127.0.0.1; takes TLS and a token", &args.listen, NULL, NULL},
        {"cert", "FILE", "serve TLS with this certificate chain (PEM)", &args.certificate, NULL, NULL},
        {"key", "FILE", "and this private key (PEM)", &args.key, NULL, NULL},
        {"token-file", "FILE", "keep the token there from start to start, and do not print it", &args.token_file, NULL, NULL},
        {"no-token", NULL, "let every program of this machine ask", NULL, NULL, &args.no_token},
        CMAW_OPTION_UNSIGNED(args.settings.accept_unsigned),
        {"ready-fd", "N", "where to say that it serves", &args.ready, NULL, NULL},
        CMAW_OPTION_END};
    const struct cmaw_option common[] = {CMAW_OPTION_STORE(args.settings), CMAW_OPTION_DIR(args.settings), CMAW_OPTION_JSON(args.settings),
                                         CMAW_OPTION_END};
    const struct cmaw_usage usage = {
        .verb = "codec", .words = "", .options = options, .common = common, .example = "cmaw codec --port 8234",
        .summary = "Shows your runs in Temporal's own tools: serves Temporal's codec protocol, opening states with the secrets of your run store,\n"
                   "until Ctrl-C. Prints the endpoint for the web UI and for temporal --codec-endpoint; whoever has it can read your runs."};
    struct cmaw_words words;
    bool help;
    CMAW_TRY(cmaw_options_parse(&usage, argc, argv, &words, &help, diag));
    return help ? CMAW_OK : run(&args, diag);
}
