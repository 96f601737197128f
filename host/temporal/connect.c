#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/temporal/rpc.h"
#include "lib/base/log.h"
#include "sys/daemon.h"

enum { CONNECT_TIMEOUT_MS = 5000, BACKOFF_FIRST_MS = 50, BACKOFF_LAST_MS = 1000 };

/* What core has to say; the bridge lets no value through. */
static void log_line(void *context, int level, const char *text, size_t text_len, const char *run_id, size_t run_id_len)
{
    char line[192], run[40];

    (void)context;
    cmaw_printable(cmaw_slice_of(text, text_len), line, sizeof line);
    cmaw_printable(cmaw_slice_of(run_id, run_id_len), run, sizeof run);
    cmaw_log(level == 1 ? CMAW_LOG_ERROR : CMAW_LOG_WARN, "temporal.core", "text=\"%s\" temporal_run=%s", line, run);
}

static enum cmaw_err bridge_failed(struct tb_bytes *reason, enum cmaw_err err, struct cmaw_diag *diag)
{
    char text[256];

    cmaw_printable(cmaw_tb_slice(reason), text, sizeof text);
    tb_bytes_free(reason);
    return cmaw_diag_set(diag, err, "temporal: %s", text[0] != '\0' ? text : cmaw_err_text(err));
}

static enum cmaw_err runtime_new(const struct cmaw_temporal_options *options, struct cmaw_temporal *temporal,
                                 struct cmaw_diag *diag)
{
    const struct tb_runtime_options runtime = {
        .abi_version = TB_ABI_VERSION,
        .io_threads = options->io_threads > 0 ? options->io_threads : 1,
        .log = log_line,
        .metrics = options->metrics,
    };
    struct tb_bytes reason = {NULL, 0, 0};

    if (tb_runtime_new(&runtime, &temporal->runtime, &reason) != TB_OK) {
        return bridge_failed(&reason, CMAW_E_BUG, diag);
    }
    return CMAW_OK;
}

static void sleep_ms(uint64_t ms)
{
    const struct timespec time = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};

    nanosleep(&time, NULL);
}

static bool stopped(const int *stop)
{
    return stop != NULL && __atomic_load_n(stop, __ATOMIC_RELAXED) != 0;
}

static enum cmaw_err client_connect(const struct cmaw_temporal_options *options, struct cmaw_temporal *temporal,
                                    struct cmaw_diag *diag)
{
    const struct tb_client_options client = {
        .target = options->address,
        .identity = temporal->identity,
        .client_name = "cmaw",
        .client_version = CMAW_VERSION,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
    };
    const uint64_t begin = cmaw_clock_ms();
    uint64_t backoff = BACKOFF_FIRST_MS;

    for (;;) {
        struct tb_bytes reason = {NULL, 0, 0};
        const enum tb_status status = tb_client_connect(temporal->runtime, &client, &temporal->client, &reason);
        if (status == TB_OK) {
            return CMAW_OK;
        }
        if (status != TB_ECONNECT) {
            return bridge_failed(&reason, status == TB_EINVAL ? CMAW_E_USAGE : CMAW_E_BUG, diag);
        }
        tb_bytes_free(&reason);
        if (cmaw_clock_ms() - begin + backoff > options->wait_ms || stopped(options->stop)) {
            cmaw_diag_hint(diag, "is Temporal running? 'cmaw up' starts a local one");
            return cmaw_diag_set(diag, CMAW_E_UNAVAILABLE, "temporal cannot be reached at %s", options->address);
        }
        sleep_ms(backoff);
        backoff = backoff * 2 < BACKOFF_LAST_MS ? backoff * 2 : BACKOFF_LAST_MS;
    }
}

enum cmaw_err cmaw_temporal_connect(const struct cmaw_temporal_options *options, struct cmaw_temporal **ret_temporal,
                                    struct cmaw_diag *diag)
{
    struct cmaw_temporal *temporal = calloc(1, sizeof *temporal);

    CMAW_REQUIRE(temporal != NULL, CMAW_E_NO_MEMORY);
    const char *identity = options->identity != NULL ? options->identity : "cmaw";
    enum cmaw_err err = cmaw_slice_to_cstr(cmaw_slice_of_cstr(options->ns), temporal->ns, sizeof temporal->ns);
    if (err == CMAW_OK) {
        err = cmaw_slice_to_cstr(cmaw_slice_of_cstr(identity), temporal->identity, sizeof temporal->identity);
    }
    if (err == CMAW_OK) {
        err = runtime_new(options, temporal, diag);
    }
    if (err == CMAW_OK) {
        err = client_connect(options, temporal, diag);
    }
    if (err != CMAW_OK) {
        cmaw_temporal_close(temporal);
        return err;
    }
    *ret_temporal = temporal;
    return CMAW_OK;
}

enum cmaw_err cmaw_temporal_check(struct cmaw_temporal *temporal, struct cmaw_diag *diag)
{
    CMAW_WF(DescribeNamespaceRequest) request = TEMPORAL__API__WORKFLOWSERVICE__V1__DESCRIBE_NAMESPACE_REQUEST__INIT;
    const struct cmaw_rpc_options options = {.method = "DescribeNamespace", .request = &request.base, .once = true};

    request.namespace_ = temporal->ns;
    return cmaw_temporal_call(temporal, &options, NULL, NULL, NULL, diag);
}

void cmaw_temporal_metrics(struct cmaw_temporal *temporal, struct cmaw_buf *text)
{
    struct tb_bytes bytes = {NULL, 0, 0};

    if (tb_runtime_metrics(temporal->runtime, &bytes) == TB_OK && bytes.len <= text->max - text->size) {
        cmaw_buf_put(text, cmaw_tb_slice(&bytes));
    }
    tb_bytes_free(&bytes);
}

void cmaw_temporal_close(struct cmaw_temporal *temporal)
{
    if (temporal == NULL) {
        return;
    }
    tb_client_free(temporal->client);
    tb_runtime_free(temporal->runtime);
    free(temporal);
}
