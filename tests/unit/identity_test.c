/* The role lock before an NSM that fails or lies (PROTOCOL.md section 6, point 1): an enclave whose lock is not confirmed ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "enclave/clock.h"
#include "enclave/enclave.h"
#include "enclave/platform/platform.h"
#include "lib/cbor/write.h"
#include "lib/rpc/frame.h"
#include "sst_group.h"

enum fault { HONEST, EXTEND_REFUSED, EXTEND_LOST, LOCK_REFUSED, LEFT_UNLOCKED, OTHER_VALUE, DESCRIBE_REFUSED, FAULTS };

/* A module of one register, and what it gets wrong. */
struct module {
    enum fault fault;
    uint8_t value[CMAW_NSM_PCR_SIZE];
    bool locked;
    unsigned extended;
    unsigned asked;
};

static jmp_buf ended;

/* The platform that the enclave is linked with here. */
enum cmaw_tier cmaw_platform_tier(void) { return CMAW_TIER_SIM; }
enum cmaw_doc_trust cmaw_platform_doc_trust(void) { return CMAW_DOC_SIGNED; }
enum cmaw_err cmaw_platform_start(void) { return CMAW_E_BUG; }
enum cmaw_err cmaw_platform_connect(uint32_t, uint32_t, int *) { return CMAW_E_BUG; }
enum cmaw_err cmaw_platform_accept(int *) { return CMAW_E_BUG; }
enum cmaw_err cmaw_platform_nsm_call(void *, struct cmaw_slice, struct cmaw_buf *) { return CMAW_E_BUG; }
enum cmaw_err cmaw_platform_add_entropy(struct cmaw_slice) { return CMAW_E_BUG; }
void cmaw_platform_end(int status) { longjmp(ended, status); }

static bool asks(struct cmaw_slice request, const char *name)
{
    return memmem(request.data, request.size, name, strlen(name)) != NULL;
}

static void put_answer(struct cmaw_buf *response, const char *name, size_t fields)
{
    cmaw_cbor_put_map(response, 1);
    cmaw_cbor_put_cstr(response, name);
    cmaw_cbor_put_map(response, fields);
}

static void put_data(struct cmaw_buf *response, const struct module *module)
{
    cmaw_cbor_put_cstr(response, "data");
    cmaw_cbor_put_bstr(response, CMAW_SLICE_ARRAY(module->value));
}

static enum cmaw_err refuse(struct cmaw_buf *response)
{
    cmaw_cbor_put_map(response, 1);
    cmaw_cbor_put_cstr(response, "Error");
    cmaw_cbor_put_cstr(response, "InvalidOperation");
    return CMAW_OK;
}

static enum cmaw_err extend(struct module *module, struct cmaw_slice request, struct cmaw_buf *response)
{
    /* the data is the last field, and longer than 23 and shorter than 256 bytes */
    const uint8_t *name = memmem(request.data, request.size, "data", 4);
    const size_t before = (size_t)(name - request.data) + 6;
    const struct cmaw_slice parts[] = {CMAW_SLICE_ARRAY(module->value), cmaw_slice_sub(request, before, request.size - before)};
    if (module->fault == EXTEND_REFUSED) {
        return refuse(response);
    }
    uint8_t value[CMAW_NSM_PCR_SIZE];
    cmaw_sha384_parts(parts, 2, value);
    memcpy(module->value, value, sizeof value);
    module->extended++;
    put_answer(response, "ExtendPCR", 1);
    put_data(response, module);
    return module->fault == EXTEND_LOST ? CMAW_E_CLOSED : CMAW_OK;
}

static enum cmaw_err describe(struct module *module, struct cmaw_buf *response)
{
    if (module->fault == DESCRIBE_REFUSED) {
        return refuse(response);
    }
    module->value[0] ^= module->fault == OTHER_VALUE;
    put_answer(response, "DescribePCR", 2);
    cmaw_cbor_put_cstr(response, "lock");
    cmaw_cbor_put_bool(response, module->locked && module->fault != LEFT_UNLOCKED);
    put_data(response, module);
    return CMAW_OK;
}

static enum cmaw_err module_call(void *context, struct cmaw_slice request, struct cmaw_buf *response)
{
    struct module *module = context;
    module->asked++;
    if (asks(request, "ExtendPCR")) {
        return extend(module, request, response);
    }
    if (asks(request, "LockPCR")) {
        if (module->fault == LOCK_REFUSED) {
            return refuse(response);
        }
        module->locked = true;
        cmaw_cbor_put_cstr(response, "LockPCR");
        return CMAW_OK;
    }
    return asks(request, "DescribePCR") ? describe(module, response) : CMAW_E_BUG;
}

/* An enclave of role 1's image that has just booted. */
static struct cmaw_enclave *enclave_new(struct module *module)
{
    struct cmaw_enclave *enclave = calloc(1, sizeof *enclave);
    assert_non_null(enclave);
    enclave->nsm = (struct cmaw_nsm){module_call, module};
    enclave->state = CMAW_ENCLAVE_NEW;
    memcpy(enclave->pcrs, world->pcrs[0], sizeof enclave->pcrs);
    memcpy(enclave->conf.attestation_root, world->manifest.attestation_root.data, sizeof enclave->conf.attestation_root);
    const uint64_t now = cmaw_monotonic_ms();
    cmaw_clock_set(SST_NOW_MS, now, now);
    return enclave;
}

static void enclave_drop(struct cmaw_enclave *enclave)
{
    cmaw_ec_key_free(enclave->ak);
    free(enclave);
}

/* The code of the lock's answer, or 0 where the enclave ended instead. */
[[gnu::noinline]] static int lock_or_end(struct cmaw_enclave *enclave)
{
    if (setjmp(ended) != 0) {
        return 0;
    }
    return (int)cmaw_enclave_lock_role(enclave, cmaw_buf_slice(&world->manifest_bytes), 1);
}

static void a_lock_that_is_not_confirmed_ends_the_enclave(void **)
{
    for (int fault = HONEST + 1; fault < FAULTS; fault++) {
        struct module module = {.fault = (enum fault)fault};
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
    assert_int_equal(pthread_mutex_init(&enclave->lock, NULL), 0);
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
