#include "host/worker/enclave.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "host/temporal/printable.h"
#include "host/worker/thread.h"
#include "host/worker/timing.h"
#include "lib/base/log.h"
#include "lib/rpc/call.h"
#include "lib/rpc/diagnosis.h"

struct cmaw_enclave {
    struct cmaw_enclave_options options;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t keeper;
    bool ready;
    bool suspected;
    bool ending;
    uint32_t idle_count;
    int *idle;
    struct cmaw_enclave_view view; /* all but ready */
};

bool cmaw_enclave_ready(const struct cmaw_enclave *enclave)
{
    return __atomic_load_n(&enclave->ready, __ATOMIC_ACQUIRE);
}

void cmaw_enclave_view(struct cmaw_enclave *enclave, struct cmaw_enclave_view *ret_view)
{
    pthread_mutex_lock(&enclave->lock);
    *ret_view = enclave->view;
    ret_view->ready = enclave->ready;
    ret_view->has_stats = enclave->view.has_stats && enclave->ready;
    pthread_mutex_unlock(&enclave->lock);
}

/* Under the lock. */
static void set_ready(struct cmaw_enclave *enclave, bool ready)
{
    enclave->view.lost += enclave->ready && !ready;
    __atomic_store_n(&enclave->ready, ready, __ATOMIC_RELEASE);
}

void cmaw_enclave_suspect(struct cmaw_enclave *enclave)
{
    pthread_mutex_lock(&enclave->lock);
    set_ready(enclave, false);
    enclave->suspected = true;
    pthread_cond_signal(&enclave->wake);
    pthread_mutex_unlock(&enclave->lock);
}

enum cmaw_err cmaw_enclave_connect(struct cmaw_enclave *enclave, int *ret_fd, bool *ret_reused)
{
    int fd = -1;

    pthread_mutex_lock(&enclave->lock);
    if (enclave->idle_count > 0) {
        fd = enclave->idle[--enclave->idle_count];
    }
    pthread_mutex_unlock(&enclave->lock);
    *ret_reused = fd >= 0;
    if (fd < 0) {
        CMAW_TRY(cmaw_addr_connect(&enclave->options.addr, CMAW_CONNECT_TIMEOUT_MS, &fd));
    }
    *ret_fd = fd;
    return CMAW_OK;
}

void cmaw_enclave_put(struct cmaw_enclave *enclave, int fd)
{
    pthread_mutex_lock(&enclave->lock);
    const bool room = enclave->idle_count < enclave->options.connections;
    if (room) {
        enclave->idle[enclave->idle_count++] = fd;
    }
    pthread_mutex_unlock(&enclave->lock);
    if (!room) {
        close(fd);
    }
}

void cmaw_enclave_drop(struct cmaw_enclave *enclave, int fd)
{
    close(fd);
    pthread_mutex_lock(&enclave->lock);
    while (enclave->idle_count > 0) {
        close(enclave->idle[--enclave->idle_count]);
    }
    pthread_mutex_unlock(&enclave->lock);
}

/* One exchange of the keeper. *ret_response points into buf. */
static enum cmaw_err exchange(struct cmaw_enclave *enclave, const struct cmaw_request *request, struct cmaw_buf *buf,
                              struct cmaw_response *ret_response)
{
    int fd = -1;
    bool reused = true;
    enum cmaw_err err = CMAW_OK;

    while (reused) {
        CMAW_TRY(cmaw_enclave_connect(enclave, &fd, &reused));
        err = cmaw_rpc_call(fd, request, cmaw_deadline_in(CMAW_CALL_TIMEOUT_MS), buf, ret_response);
        if (err == CMAW_OK) {
            cmaw_enclave_put(enclave, fd);
            return CMAW_OK;
        }
        cmaw_enclave_drop(enclave, fd);
    }
    return err;
}

static void log_refusal(const struct cmaw_enclave *enclave, const struct cmaw_response *response)
{
    const struct cmaw_manifest *manifest = enclave->options.manifest;
    const struct cmaw_role *role = cmaw_manifest_role(manifest, enclave->options.key->role);
    CMAW_BUF_AUTO(said, 1024);
    CMAW_BUF_AUTO(measured, 1024);
    char said_text[512] = "", measured_text[384] = "";

    if (response->has_kms_error && role != NULL) {
        cmaw_kms_error_say(&response->kms_error, &said);
        cmaw_kms_error_compare(&response->kms_error, manifest, role, &measured);
        cmaw_printable(cmaw_buf_slice(&said), said_text, sizeof said_text);
        cmaw_printable(cmaw_buf_slice(&measured), measured_text, sizeof measured_text);
    }
    cmaw_log(CMAW_LOG_WARN, "enclave.configure", "role=%s code=%s kms=\"%s\" measured=\"%s\"", enclave->options.role_name,
        cmaw_code_name(response->code), said_text, measured_text);
}

/* True if KMS did not take the credentials, and others may help. */
static bool wants_credentials(const struct cmaw_response *response)
{
    static const char *const types[] = {"ExpiredTokenException", "ExpiredToken", "UnrecognizedClientException"};

    for (size_t i = 0; response->has_kms_error && i < sizeof types / sizeof types[0]; i++) {
        if (cmaw_slice_eq_cstr(response->kms_error.type, types[i])) {
            return true;
        }
    }
    return false;
}

static enum cmaw_err configure_with(struct cmaw_enclave *enclave, const struct cmaw_aws_keys *keys, struct cmaw_buf *buf,
                                    struct cmaw_response *ret_response)
{
    const struct cmaw_role_key *key = enclave->options.key;
    const struct cmaw_aws_credentials texts = cmaw_aws_keys_texts(keys);
    const struct cmaw_request request = {
        .verb = CMAW_VERB_CONFIGURE,
        .configure = {.manifest = enclave->options.manifest->bytes, .role = key->role, .kms_blob = key->kms_blob,
            .birth_cert = key->birth_cert, .ak_doc = key->ak_doc,
            .credentials = {texts.access_key_id, texts.secret_access_key, texts.session_token}},
    };

    CMAW_TRY(exchange(enclave, &request, buf, ret_response));
    pthread_mutex_lock(&enclave->lock);
    enclave->view.configured[ret_response->code]++; /* decoding lets no other number through */
    pthread_mutex_unlock(&enclave->lock);
    if (ret_response->code != CMAW_CODE_OK) {
        log_refusal(enclave, ret_response);
        return CMAW_E_DENIED;
    }
    return CMAW_OK;
}

/* With the present credentials; once more, at once, where KMS wants others and there are others. */
static enum cmaw_err configure(struct cmaw_enclave *enclave, struct cmaw_buf *buf)
{
    struct cmaw_response response = {0};
    enum cmaw_err err = CMAW_E_DENIED;
    bool again = true;

    for (int attempt = 0; attempt < 2 && again; attempt++) {
        CMAW_AWS_KEYS_AUTO(keys);
        uint64_t generation = 0;
        CMAW_TRY(cmaw_aws_provider_get(enclave->options.credentials, &keys, &generation));
        err = configure_with(enclave, &keys, buf, &response);
        again = err == CMAW_E_DENIED && wants_credentials(&response) &&
                cmaw_aws_provider_refused(enclave->options.credentials, generation);
    }
    CMAW_TRY(err);
    cmaw_log(CMAW_LOG_INFO, "enclave.configured", "role=%s", enclave->options.role_name);
    return CMAW_OK;
}

/* Its counters. An enclave that does not give them serves its role all the same. */
static void read_stats(struct cmaw_enclave *enclave, uint64_t uptime_ms, bool simulated, struct cmaw_buf *buf)
{
    const struct cmaw_request request = {.verb = CMAW_VERB_STATS};
    struct cmaw_response response;
    const enum cmaw_err err = exchange(enclave, &request, buf, &response);

    pthread_mutex_lock(&enclave->lock);
    enclave->view.has_stats = err == CMAW_OK && response.code == CMAW_CODE_OK && response.verb == CMAW_VERB_STATS;
    if (enclave->view.has_stats) {
        enclave->view.stats = response.stats;
        enclave->view.uptime_ms = uptime_ms;
        enclave->view.simulated = simulated;
    }
    pthread_mutex_unlock(&enclave->lock);
}

static bool is_ours(const struct cmaw_enclave *enclave, const struct cmaw_describe_response *described)
{
    return described->role == enclave->options.key->role && cmaw_bytes32_eq(&enclave->options.manifest->mh, described->manifest);
}

/* OK: it serves the role; otherwise it was configured in vain or serves another. */
static enum cmaw_err look(struct cmaw_enclave *enclave)
{
    CMAW_BUF_AUTO(buf, CMAW_FRAME_MAX);
    const struct cmaw_request request = {.verb = CMAW_VERB_DESCRIBE};
    struct cmaw_response response;

    CMAW_TRY(exchange(enclave, &request, &buf, &response));
    if (response.code != CMAW_CODE_OK || response.verb != CMAW_VERB_DESCRIBE) {
        return CMAW_E_PEER;
    }
    const uint64_t uptime_ms = response.describe.uptime_ms;
    const bool simulated = response.describe.simulated == 1;
    if (response.describe.state != CMAW_ENCLAVE_READY) {
        CMAW_TRY(configure(enclave, &buf));
    } else if (!is_ours(enclave, &response.describe)) {
        cmaw_log(CMAW_LOG_ERROR, "enclave.other", "role=%s text=\"it serves another role or manifest\"",
            enclave->options.role_name);
        return CMAW_E_DENIED;
    }
    read_stats(enclave, uptime_ms, simulated, &buf);
    return CMAW_OK;
}

static void settle(struct cmaw_enclave *enclave, enum cmaw_err err, bool *last_known)
{
    const bool ready = err == CMAW_OK;

    pthread_mutex_lock(&enclave->lock);
    enclave->suspected = false;
    set_ready(enclave, ready);
    pthread_mutex_unlock(&enclave->lock);
    if (ready != *last_known) {
        cmaw_log(ready ? CMAW_LOG_INFO : CMAW_LOG_WARN, ready ? "enclave.ready" : "enclave.lost", "role=%s text=\"%s\"",
            enclave->options.role_name, ready ? "serving" : cmaw_err_text(err));
    }
    *last_known = ready;
}

/* Waits for a suspicion, the end, or the time; true at the end. */
static bool wait_for(struct cmaw_enclave *enclave, uint32_t ms)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&enclave->lock);
    while (!enclave->ending && !enclave->suspected) {
        if (pthread_cond_timedwait(&enclave->wake, &enclave->lock, &until) != 0) {
            break;
        }
    }
    const bool ending = enclave->ending;
    pthread_mutex_unlock(&enclave->lock);
    return ending;
}

static void *keep(void *argument)
{
    struct cmaw_enclave *enclave = argument;
    uint32_t backoff = CMAW_BACKOFF_FIRST_MS;
    bool known = false;

    for (;;) {
        const enum cmaw_err err = look(enclave);
        settle(enclave, err, &known);
        backoff = err == CMAW_OK ? CMAW_BACKOFF_FIRST_MS : backoff * 2;
        backoff = backoff < CMAW_BACKOFF_LAST_MS ? backoff : CMAW_BACKOFF_LAST_MS;
        if (wait_for(enclave, err == CMAW_OK ? CMAW_KEEPER_EVERY_MS : backoff)) {
            return NULL;
        }
    }
}

static void release(struct cmaw_enclave *enclave)
{
    while (enclave->idle_count > 0) {
        close(enclave->idle[--enclave->idle_count]);
    }
    free(enclave->idle);
    free(enclave);
}

enum cmaw_err cmaw_enclave_open(const struct cmaw_enclave_options *options, struct cmaw_enclave **ret_enclave)
{
    struct cmaw_enclave *enclave = calloc(1, sizeof *enclave);
    pthread_condattr_t monotonic;

    CMAW_REQUIRE(enclave != NULL, CMAW_E_NO_MEMORY);
    enclave->options = *options;
    enclave->idle = calloc(options->connections, sizeof *enclave->idle);
    pthread_mutex_init(&enclave->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&enclave->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    const enum cmaw_err err =
        enclave->idle != NULL ? cmaw_thread_start(keep, enclave, &enclave->keeper) : CMAW_E_NO_MEMORY;
    if (err != CMAW_OK) {
        release(enclave);
        return err;
    }
    *ret_enclave = enclave;
    return CMAW_OK;
}

void cmaw_enclave_close(struct cmaw_enclave *enclave)
{
    if (enclave == NULL) {
        return;
    }
    pthread_mutex_lock(&enclave->lock);
    enclave->ending = true;
    pthread_cond_signal(&enclave->wake);
    pthread_mutex_unlock(&enclave->lock);
    pthread_join(enclave->keeper, NULL);
    release(enclave);
}
