/* The role lock before an NSM that fails or lies (PROTOCOL.md section 6, point 1): an enclave whose lock is not confirmed ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "enclave/clock.h"
#include "enclave_world.h"
#include "lib/rpc/frame.h"

static jmp_buf ended;

static void leave(int status)
{
    longjmp(ended, status);
}

/* The code of the lock's answer, or 0 where the enclave ended instead. */
[[gnu::noinline]] static int lock_or_end(struct cmaw_enclave *enclave)
{
    enclave_on_end = leave;
    if (setjmp(ended) != 0) {
        return 0;
    }
    return (int)cmaw_enclave_lock_role(enclave, cmaw_buf_slice(&world->manifest_bytes), 1);
}

static void a_lock_that_is_not_confirmed_ends_the_enclave(void **)
{
    for (int fault = HONEST + 1; fault < FAULTS; fault++) {
        struct module module = {.fault = (enum module_fault)fault};
        struct cmaw_enclave *enclave = enclave_new(&module);
        const int code = lock_or_end(enclave);
        if (code != 0) {
            fail_msg("fault %d: %s", fault, cmaw_code_name((enum cmaw_code)code));
        }
        assert_int_equal(enclave->state, CMAW_ENCLAVE_NEW);
        assert_null(enclave->ak); /* no key before the lock */
        assert_true(module.extended <= 1);
        enclave_drop(enclave);
    }
}

static void a_lock_is_made_once(void **)
{
    struct module module = {.fault = HONEST};
    struct cmaw_enclave *enclave = enclave_new(&module);
    const struct cmaw_slice manifest = cmaw_buf_slice(&world->manifest_bytes);
    struct cmaw_pcr wanted;
    assert_int_equal(cmaw_role_lock_pcr(&world->manifest.mh, 1, &wanted), CMAW_OK);
    assert_int_equal(cmaw_enclave_lock_role(enclave, manifest, 1), CMAW_CODE_OK);
    assert_int_equal(enclave->state, CMAW_ENCLAVE_LOCKED);
    assert_memory_equal(module.value, wanted.bytes, sizeof wanted.bytes);
    assert_true(module.locked);
    const unsigned asked = module.asked;
    const struct cmaw_ec_key *ak = enclave->ak;
    assert_int_equal(cmaw_enclave_lock_role(enclave, manifest, 1), CMAW_CODE_OK);
    /* role 2 with the same measurements: the image would do, the lock does not */
    static struct cmaw_manifest twins;
    CMAW_BUF_AUTO(bytes, CMAW_MANIFEST_MAX);
    assert_int_equal(cmaw_manifest_parse(manifest, &twins), CMAW_OK);
    twins.roles[1].measurements[0] = twins.roles[0].measurements[0];
    cmaw_manifest_encode(&twins, &bytes);
    assert_int_equal(cmaw_enclave_lock_role(enclave, cmaw_buf_slice(&bytes), 2), CMAW_CODE_DENIED);
    assert_int_equal(cmaw_enclave_lock_role(enclave, cmaw_buf_slice(&bytes), 1), CMAW_CODE_DENIED); /* another manifest */
    assert_int_equal(module.asked, asked);
    assert_ptr_equal(enclave->ak, ak);
    assert_true(cmaw_bytes32_eq(&world->manifest.mh, cmaw_bytes32_slice(&enclave->manifest.mh)));
    enclave_drop(enclave);
}

static void a_refused_manifest_asks_nothing_of_the_module(void **)
{
    struct module module = {.fault = HONEST};
    struct cmaw_enclave *enclave = enclave_new(&module);
    const struct cmaw_slice manifest = cmaw_buf_slice(&world->manifest_bytes);
    const uint64_t now = cmaw_monotonic_ms();
    assert_int_equal(cmaw_enclave_lock_role(enclave, manifest, 2), CMAW_CODE_DENIED); /* another image */
    assert_int_equal(cmaw_enclave_lock_role(enclave, manifest, 9), CMAW_CODE_DENIED);
    assert_int_equal(cmaw_enclave_lock_role(enclave, cmaw_slice_sub(manifest, 1, 9), 1), CMAW_CODE_BAD_REQUEST);
    cmaw_clock_set(world->manifest.not_after_ms, now, now);
    assert_int_equal(cmaw_enclave_lock_role(enclave, manifest, 1), CMAW_CODE_EXPIRED);
    assert_int_equal(module.asked, 0);
    assert_int_equal(enclave->state, CMAW_ENCLAVE_NEW);
    enclave_drop(enclave);
}

/* Section 6, point 5: the dispatcher looks at the state before it waits for its turn; what counts is the state after that. */
static void a_ready_enclave_is_closed_to_late_calls(void **)
{
    static const struct cmaw_request request;
    struct module module = {.fault = HONEST};
    struct cmaw_enclave *enclave = enclave_new(&module);
    struct cmaw_reply *reply = calloc(1, sizeof *reply);
    assert_non_null(reply);
    enclave->state = CMAW_ENCLAVE_READY;
    cmaw_handle_provision(enclave, &request, reply);
    assert_int_equal(reply->response.code, CMAW_CODE_DENIED);
    cmaw_handle_configure(enclave, &request, reply);
    assert_int_equal(reply->response.code, CMAW_CODE_DENIED);
    /* another one is at it */
    enclave->state = CMAW_ENCLAVE_NEW;
    assert_int_equal(pthread_mutex_lock(&enclave->lock), 0);
    cmaw_handle_configure(enclave, &request, reply);
    assert_int_equal(reply->response.code, CMAW_CODE_BUSY);
    assert_int_equal(pthread_mutex_unlock(&enclave->lock), 0);
    assert_int_equal(module.asked, 0);
    cmaw_reply_free(reply);
    free(reply);
    enclave_drop(enclave);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lock_that_is_not_confirmed_ends_the_enclave),
        cmocka_unit_test(a_lock_is_made_once),
        cmocka_unit_test(a_refused_manifest_asks_nothing_of_the_module),
        cmocka_unit_test(a_ready_enclave_is_closed_to_late_calls),
    };
    return cmocka_run_group_tests_name("identity", tests, sst_group_setup, sst_group_teardown);
}
