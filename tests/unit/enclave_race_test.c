/* A host that asks everything at once: Configure from two sides, for another role, with another birth, steps, documents and the renewal
 * of time meanwhile. One Configure is taken, the role is locked once, and the state only moves forward. Made for the thread sanitizer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "enclave/server.h"
#include "enclave_world.h"
#include "kms_peer.h"
#include "lib/rpc/call.h"

enum { LOOKS_AFTER = 100 };

static struct cmaw_enclave *enclave;
static struct kms_peer kms;
static struct sst_run *run;
static int connects; /* the other end of enclave_accepts */
static atomic_bool is_over;
static atomic_uint configured;

/* In threads, where cmocka's own would jump across stacks. */
static void want(bool it, const char *what, enum cmaw_code code)
{
    if (!it) {
        fprintf(stderr, "%s: %s\n", what, cmaw_code_name(code));
        abort();
    }
}

static int connect_enclave(void)
{
    int ends[2];
    want(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0 &&
        write(connects, &ends[1], sizeof ends[1]) == sizeof ends[1], "no connection", CMAW_CODE_OK);
    return ends[0];
}

static enum cmaw_code ask(int fd, const struct cmaw_request *request, struct cmaw_buf *buf, struct cmaw_response *response)
{
    want(cmaw_rpc_call(fd, request, CMAW_NO_DEADLINE, buf, response) == CMAW_OK, "no answer", CMAW_CODE_OK);
    return response->code;
}

/* ask, where only the code counts */
static enum cmaw_code code_of(int fd, const struct cmaw_request *request)
{
    struct cmaw_response response;
    CMAW_BUF_AUTO(buf, CMAW_FRAME_MAX);
    return ask(fd, request, &buf, &response);
}

static void look(int fd)
{
    static _Thread_local uint32_t last;
    static const struct cmaw_request request = {.verb = CMAW_VERB_DESCRIBE};
    struct cmaw_response response;
    CMAW_BUF_AUTO(buf, CMAW_FRAME_MAX);
    const enum cmaw_code code = ask(fd, &request, &buf, &response);
    want(code == CMAW_CODE_OK, "describe", code);
    const struct cmaw_describe_response *seen = &response.describe;
    want(seen->state >= last, "the state moved back", CMAW_CODE_OK);
    want(seen->state == CMAW_ENCLAVE_NEW || (cmaw_bytes32_eq(&world->manifest.mh, seen->manifest) && seen->role == 1),
        "described with another role", CMAW_CODE_OK);
    last = seen->state;
}

static void count(int fd)
{
    want(code_of(fd, &(struct cmaw_request){.verb = CMAW_VERB_STATS}) == CMAW_CODE_OK, "stats", CMAW_CODE_OK);
}

static void attest(int fd)
{
    const enum cmaw_code code = code_of(fd, &(struct cmaw_request){.verb = CMAW_VERB_ATTEST});
    want(code == CMAW_CODE_NOT_READY || code == CMAW_CODE_OK, "attest", code);
}

/* There is no agent: a step that opens ends with INTERNAL. */
static void step(int fd)
{
    struct cmaw_request request = {.verb = CMAW_VERB_STEP};
    sst_run_request(run, 1, &request.step);
    const enum cmaw_code code = code_of(fd, &request);
    want(code == CMAW_CODE_NOT_READY || code == CMAW_CODE_INTERNAL || code == CMAW_CODE_BUSY, "step", code);
}

static struct cmaw_request configuration(uint32_t role)
{
    const struct sst_enclave *e = &world->enclaves[role - 1];
    return (struct cmaw_request){
        .verb = CMAW_VERB_CONFIGURE,
        .configure = {cmaw_buf_slice(&world->manifest_bytes), role, cmaw_buf_slice(&e->blob), cmaw_buf_slice(&e->cert),
                      cmaw_buf_slice(&e->ak_doc),
                      {CMAW_SLICE_LIT("AKIDEXAMPLEEXAMPLE"), CMAW_SLICE_LIT("secret"), CMAW_SLICE_EMPTY}, CMAW_SLICE_EMPTY}};
}

static void configure(int fd)
{
    const struct cmaw_request request = configuration(1);
    const enum cmaw_code code = code_of(fd, &request);
    want(code == CMAW_CODE_OK || code == CMAW_CODE_BUSY || code == CMAW_CODE_DENIED, "configure", code);
    atomic_fetch_add(&configured, code == CMAW_CODE_OK);
}

static void configure_other(int fd)
{
    const struct cmaw_request request = configuration(2);
    const enum cmaw_code code = code_of(fd, &request);
    want(code == CMAW_CODE_BUSY || code == CMAW_CODE_DENIED, "configure of another role", code);
}

static void configure_badly(int fd)
{
    struct cmaw_request request = configuration(1);
    request.configure.birth_cert = cmaw_buf_slice(&world->enclaves[1].cert);
    const enum cmaw_code code = code_of(fd, &request);
    want(code == CMAW_CODE_BUSY || code == CMAW_CODE_DENIED, "configure with another birth", code);
}

static void renew(int)
{
    want(cmaw_enclave_renew_time(enclave) == CMAW_OK, "no time", CMAW_CODE_OK);
}

static void (*const hosts[])(int fd) = {look, count, attest, step, step, configure, configure, configure_other, configure_badly, renew};
enum { HOSTS = sizeof hosts / sizeof *hosts };

static void *repeat(void *argument)
{
    void (*const *ask_for)(int) = argument;
    const int fd = connect_enclave();
    while (!atomic_load(&is_over)) {
        (*ask_for)(fd);
    }
    close(fd);
    return NULL;
}

static void *serve(void *unused)
{
    (void)unused;
    want(cmaw_server_run(enclave) == CMAW_E_CLOSED, "the server ended", CMAW_CODE_OK);
    return NULL;
}

static void one_configure_is_taken(void **)
{
    pthread_t server, threads[HOSTS];
    assert_int_equal(pthread_create(&server, NULL, serve, NULL), 0);
    for (size_t i = 0; i < HOSTS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, repeat, (void *)(uintptr_t)&hosts[i]), 0);
    }
    while (atomic_load(&configured) == 0) {
        (void)sched_yield();
    }
    const int fd = connect_enclave();
    for (int i = 0; i < LOOKS_AFTER; i++) {
        look(fd);
    }
    close(fd);
    atomic_store(&is_over, true);
    for (size_t i = 0; i < HOSTS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    close(connects);
    assert_int_equal(pthread_join(server, NULL), 0);
    while (atomic_load(&enclave->stats.connections) > 0) {
        (void)sched_yield();
    }
    assert_int_equal(atomic_load(&configured), 1);
    assert_int_equal(atomic_load(&enclave->state), CMAW_ENCLAVE_READY);
}

static void the_role_was_locked_once(void **)
{
    const struct module *module = enclave->nsm.context;
    assert_int_equal(module->extended, 1);
    assert_true(module->locked);
}

static int setup(void **state)
{
    static const struct kms_step good[] = {{0}, {0}};
    static struct module module;
    int ends[2];
    (void)sst_group_setup(state);
    run = review_start();
    kms_peer_open(&kms);
    kms_peer_script(&kms, good, 2);
    memcpy(kms.tsk, world->enclaves[0].tsk, sizeof kms.tsk);
    enclave = enclave_new(&module);
    enclave->kms = kms.kms;
    enclave->conf.kms_deadline_s = 60;
    enclave->conf.limits.output_kib = 64;
    enclave->spawner.jobs = -1;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    enclave_accepts = ends[0];
    connects = ends[1];
    return 0;
}

static int teardown(void **state)
{
    close(enclave_accepts);
    enclave_drop(enclave);
    kms_peer_close(&kms);
    run_drop(run);
    return sst_group_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_configure_is_taken), cmocka_unit_test(the_role_was_locked_once)};
    return cmocka_run_group_tests_name("enclave_race", tests, setup, teardown);
}
