/* cmaw-devd: stands in for the Nitro Security Module, AWS KMS and CloudTrail on a developer's machine. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dev/clock.h"
#include "dev/fatal.h"
#include "dev/http.h"
#include "dev/nsm_server.h"
#include "dev/options.h"
#include "dev/pki.h"
#include "dev/setup.h"
#include "lib/base/log.h"
#include "sys/daemon.h"
#include "sys/file.h"

enum { POLICY_FILE_MAX = 64 * 1024 };

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

static enum cmaw_err serve_until_end(const struct cmaw_options *options, struct cmaw_service *service, struct cmaw_diag *diag)
{
    static struct cmaw_nsm_server nsm; /* its threads use it until the process ends */
    char path[CMAW_PATH_MAX];
    struct cmaw_http *http = NULL;
    uint16_t port = 0;
    int ready = options->ready_fd;
    CMAW_FD_AUTO(signals);
    CMAW_TRY(cmaw_signals_open(false, &signals));
    nsm = (struct cmaw_nsm_server){.store = service->store, .map_form = options->map_form,
                                   .give_unsigned = options->give_unsigned,
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

static enum cmaw_err serve(const struct cmaw_options *options, struct cmaw_diag *diag)
{
    struct cmaw_service service = {.kms = {.cms_form = options->cms_form, .trail = options->trail,
                                           .accept_unsigned = options->accept_unsigned,
                                           .fail_type = options->fail_type, .fail_left = options->fail_count,
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

static enum cmaw_err init(const struct cmaw_options *options, struct cmaw_diag *diag)
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

static enum cmaw_err access_key(const struct cmaw_options *options, struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(buf, POLICY_FILE_MAX);
    const char *policy = NULL;
    if (options->arn == NULL) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "--arn is missing");
    }
    CMAW_TRY(read_policy(options->policy, &buf, &policy, diag));
    return cmaw_setup_access_key(options->dir, options->arn, policy, options->session, options->lifetime_s, diag);
}

static enum cmaw_err role(const struct cmaw_options *options, struct cmaw_diag *diag)
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
    enum cmaw_err (*run)(const struct cmaw_options *options, struct cmaw_diag *diag);
} verbs[] = {{"init", init}, {"serve", serve}, {"access-key", access_key}, {"role", role}};

static enum cmaw_err run(int argc, char **argv, struct cmaw_diag *diag)
{
    struct cmaw_options options;
    for (size_t i = 0; argc > 1 && i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verbs[i].name, argv[1]) == 0) {
            CMAW_TRY(cmaw_options_parse(argc - 1, argv + 1, &options, diag));
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
    cmaw_fatal_report();
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        return fputs(cmaw_devd_usage, stdout) == EOF ? 1 : 0;
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
