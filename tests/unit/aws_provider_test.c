/* Renewal, and what an enclave's refusal causes: the provider with a supply of the test's own, and the worker's keeper of an enclave on it. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/worker/enclave.h"
#include "lib/base/log.h"
#include "sys/daemon.h"
#include "tests/unit/fake_enclave.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define OK(expr) assert_int_equal((expr), CMAW_OK)

enum { WAIT_MS = 60000, POLL_US = 5000 };

/* Gives key number kind, which is good for life_s; or fails. */
struct supply {
    atomic_uint fetches;
    atomic_uint kind;
    atomic_int life_s; /* 0: for ever */
    atomic_uint err;
};

static enum cmaw_err fetch(void *context, struct cmaw_aws_keys *ret_keys, struct cmaw_diag *diag)
{
    struct supply *supply = context;
    char id[32];

    atomic_fetch_add(&supply->fetches, 1);
    if (atomic_load(&supply->err) != CMAW_OK) {
        return cmaw_diag_set(diag, (enum cmaw_err)atomic_load(&supply->err), "it was made to fail");
    }
    snprintf(id, sizeof id, "ASIATESTTEST%08u", atomic_load(&supply->kind));
    const struct cmaw_aws_credentials texts = {cmaw_slice_of_cstr(id), CMAW_SLICE_LIT("s3cr3t"), CMAW_SLICE_LIT("t0k3n")};
    CMAW_TRY(cmaw_aws_keys_set(ret_keys, &texts));
    ret_keys->source = CMAW_AWS_IMDS;
    ret_keys->expires_s = atomic_load(&supply->life_s) == 0 ? 0 : time(NULL) + atomic_load(&supply->life_s);
    return CMAW_OK;
}

static struct cmaw_aws_provider *provider_of(struct supply *supply)
{
    const struct cmaw_aws_supply options = {fetch, supply};
    struct cmaw_aws_provider *provider = NULL;
    struct cmaw_diag diag = {0};

    OK(cmaw_aws_provider_open(&options, &provider, &diag));
    return provider;
}

static uint64_t generation_of(struct cmaw_aws_provider *provider)
{
    CMAW_AWS_KEYS_AUTO(keys);
    uint64_t generation = 0;
    return cmaw_aws_provider_get(provider, &keys, &generation) == CMAW_OK ? generation : 0;
}

static void wait_for_generation(struct cmaw_aws_provider *provider, uint64_t generation)
{
    const uint64_t end = cmaw_clock_ms() + WAIT_MS;
    while (generation_of(provider) < generation) {
        assert_true(cmaw_clock_ms() < end);
        usleep(POLL_US);
    }
}

static void wait_for_at_least(atomic_uint *number, unsigned least)
{
    const uint64_t end = cmaw_clock_ms() + WAIT_MS;
    while (atomic_load(number) < least) {
        assert_true(cmaw_clock_ms() < end);
        usleep(POLL_US);
    }
}

static void keys_are_renewed_well_before_they_expire(void **state)
{
    (void)state;
    static const struct {
        int64_t left_s;
        uint64_t least_ms, most_ms;
    } cases[] = {
        {6 * 3600, (6 * 3600 - 1200) * 1000, (6 * 3600 - 900) * 1000}, {3600, 2400000, 2700000}, {1201, 1000, 301000},
        {1200, 150000, 300000}, {600, 150000, 300000}, {60, 15000, 30000}, {4, 1000, 2000}, {1, 1000, 1000}, {0, 1000, 1000}, {-5, 1000, 1000},
    };
    static const uint32_t chances[] = {0, 1, UINT32_MAX / 2, UINT32_MAX};
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (size_t k = 0; k < COUNT(chances); k++) {
            const uint64_t in_ms = cmaw_aws_renew_in_ms(cases[i].left_s, chances[k]);
            assert_in_range(in_ms, cases[i].least_ms, cases[i].most_ms);
        }
        assert_true(cases[i].least_ms == cases[i].most_ms ||
                    cmaw_aws_renew_in_ms(cases[i].left_s, 0) < cmaw_aws_renew_in_ms(cases[i].left_s, UINT32_MAX));
    }
}

static void the_thread_renews(void **state)
{
    (void)state;
    struct supply supply = {.life_s = 4};
    struct cmaw_aws_provider *provider = provider_of(&supply);

    assert_int_equal(generation_of(provider), 1);
    atomic_store(&supply.kind, 1);
    wait_for_generation(provider, 2);
    cmaw_aws_provider_close(provider);
}

/* Whoever renews meanwhile shows that there was time. */
static void what_does_not_expire_is_not_fetched_again(void **state)
{
    (void)state;
    struct supply lasting = {0}, passing = {.life_s = 2};
    struct cmaw_aws_provider *provider = provider_of(&lasting), *other = provider_of(&passing);

    atomic_store(&passing.kind, 1);
    wait_for_generation(other, 2);
    assert_int_equal(lasting.fetches, 1);
    cmaw_aws_provider_close(provider);
    cmaw_aws_provider_close(other);
}

static void a_source_that_is_down_is_asked_again(void **state)
{
    (void)state;
    static const enum cmaw_err passing[] = {CMAW_E_UNAVAILABLE, CMAW_E_TIMEOUT, CMAW_E_BUSY};
    for (size_t i = 0; i < COUNT(passing); i++) {
        struct supply supply = {.err = passing[i]};
        struct cmaw_aws_provider *provider = provider_of(&supply);
        assert_int_equal(generation_of(provider), 0);
        atomic_store(&supply.err, CMAW_OK);
        wait_for_generation(provider, 1);
        cmaw_aws_provider_close(provider);
    }
}

static void a_source_that_has_none_ends_it(void **state)
{
    (void)state;
    static const enum cmaw_err lasting[] = {CMAW_E_NOT_FOUND, CMAW_E_PEER, CMAW_E_MALFORMED, CMAW_E_UNSUPPORTED, CMAW_E_DENIED};
    for (size_t i = 0; i < COUNT(lasting); i++) {
        struct supply supply = {.err = lasting[i]};
        const struct cmaw_aws_supply options = {fetch, &supply};
        struct cmaw_aws_provider *provider = NULL;
        struct cmaw_diag diag = {0};
        assert_int_equal(cmaw_aws_provider_open(&options, &provider, &diag), lasting[i]);
        assert_string_equal(diag.text, "it was made to fail");
    }
}

static void keys_stay_while_they_cannot_be_renewed(void **state)
{
    (void)state;
    struct supply supply = {.life_s = 2};
    struct cmaw_aws_provider *provider = provider_of(&supply);

    atomic_store(&supply.err, CMAW_E_TIMEOUT);
    wait_for_at_least(&supply.fetches, 3);
    assert_int_equal(generation_of(provider), 1);
    atomic_store(&supply.kind, 1);
    atomic_store(&supply.err, CMAW_OK);
    wait_for_generation(provider, 2);
    cmaw_aws_provider_close(provider);
}

struct reporter {
    struct cmaw_aws_provider *provider;
    bool newer;
};

static void *report(void *argument)
{
    struct reporter *reporter = argument;
    reporter->newer = cmaw_aws_provider_refused(reporter->provider, 1);
    return NULL;
}

/* Ten enclaves report the same keys: one fetch, whether it finds others or not. */
static void refused_keys_are_fetched_once(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 2; kind++) {
        struct supply supply = {0};
        struct cmaw_aws_provider *provider = provider_of(&supply);
        pthread_t threads[10];
        struct reporter reporters[10];
        atomic_store(&supply.kind, kind);
        for (size_t i = 0; i < COUNT(threads); i++) {
            reporters[i] = (struct reporter){.provider = provider};
            assert_int_equal(pthread_create(&threads[i], NULL, report, &reporters[i]), 0);
        }
        for (size_t i = 0; i < COUNT(threads); i++) {
            pthread_join(threads[i], NULL);
            assert_int_equal(reporters[i].newer, kind == 1);
        }
        assert_int_equal(supply.fetches, 2);
        assert_int_equal(generation_of(provider), kind == 1 ? 2 : 1);
        cmaw_aws_provider_close(provider);
    }
}

/* An enclave, its keeper, and a supply whose first key KMS does not take. */
struct rig {
    struct supply supply;
    struct cmaw_aws_provider *provider;
    struct run_make made;
    struct cmaw_role_key key;
    struct fake_enclave fake;
    struct cmaw_enclave *enclave;
};

static void rig_open(struct rig *rig, const char *refused_type)
{
    run_make(&rig->made, "1", "0>1 1>0", 1, 1, 10);
    rig->key = (struct cmaw_role_key){.role = 1, .birth_cert = CMAW_SLICE_LIT("c"), .ak_doc = CMAW_SLICE_LIT("d"), .kms_blob = CMAW_SLICE_LIT("b")};
    snprintf(rig->fake.path, sizeof rig->fake.path, "/tmp/cmaw-keeper-%d.sock", (int)getpid());
    rig->fake.role = 1;
    rig->fake.manifest = &rig->made.manifest;
    rig->fake.refused_key = "ASIATESTTEST00000000";
    rig->fake.refused_type = refused_type;
    fake_enclave_start(&rig->fake);
    rig->provider = provider_of(&rig->supply);
}

static void rig_watch(struct rig *rig)
{
    struct cmaw_enclave_options options = {.role_name = "one", .manifest = &rig->made.manifest, .key = &rig->key, .credentials = rig->provider,
        .connections = 2};
    char addr[160];
    struct cmaw_diag diag = {0};

    snprintf(addr, sizeof addr, "uds:%s:5000", rig->fake.path);
    OK(cmaw_addr_parse(addr, &options.addr, &diag));
    OK(cmaw_enclave_open(&options, &rig->enclave));
}

static void rig_close(struct rig *rig)
{
    cmaw_enclave_close(rig->enclave);
    cmaw_aws_provider_close(rig->provider);
    fake_enclave_stop(&rig->fake);
    run_make_free(&rig->made);
}

static void expired_keys_are_fetched_and_sent_once_more_at_once(void **state)
{
    (void)state;
    static const char *const types[] = {"ExpiredTokenException", "UnrecognizedClientException"};
    for (size_t i = 0; i < COUNT(types); i++) {
        struct rig rig = {0};
        rig_open(&rig, types[i]);
        atomic_store(&rig.supply.kind, 1); /* what the next fetch gives */
        rig_watch(&rig);
        wait_for_at_least(&rig.fake.configured, 1);
        assert_int_equal(rig.fake.refused, 1);
        assert_int_equal(rig.supply.fetches, 2);
        rig_close(&rig);
    }
}

static void expired_keys_without_others_are_fetched_once(void **state)
{
    (void)state;
    struct rig rig = {0};
    rig_open(&rig, "ExpiredTokenException");
    rig_watch(&rig);
    wait_for_at_least(&rig.fake.refused, 4); /* the keeper goes on, at its own pace */
    assert_int_equal(rig.supply.fetches, 2);
    assert_int_equal(rig.fake.configured, 0);
    rig_close(&rig);
}

static void another_refusal_fetches_nothing(void **state)
{
    (void)state;
    struct rig rig = {0};
    rig_open(&rig, "AccessDeniedException");
    atomic_store(&rig.supply.kind, 1);
    rig_watch(&rig);
    wait_for_at_least(&rig.fake.refused, 3);
    assert_int_equal(rig.supply.fetches, 1);
    rig_close(&rig);
}

static char logged[64 * 1024];
static size_t logged_size;
static pthread_mutex_t logged_lock = PTHREAD_MUTEX_INITIALIZER;

static void keep_line(const char *line, size_t size)
{
    pthread_mutex_lock(&logged_lock);
    if (size < sizeof logged - logged_size) {
        memcpy(logged + logged_size, line, size);
        logged_size += size;
    }
    pthread_mutex_unlock(&logged_lock);
}

static void no_part_of_a_key_was_logged(void **state)
{
    (void)state;
    cmaw_log_to(NULL);
    assert_non_null(strstr(logged, "credentials.renewed source=imds"));
    assert_non_null(strstr(logged, "ExpiredTokenException"));
    assert_null(strstr(logged, "s3cr3t"));
    assert_null(strstr(logged, "t0k3n"));
    assert_null(strstr(logged, "ASIATEST"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_renewed_well_before_they_expire),
        cmocka_unit_test(the_thread_renews),
        cmocka_unit_test(what_does_not_expire_is_not_fetched_again),
        cmocka_unit_test(a_source_that_is_down_is_asked_again),
        cmocka_unit_test(a_source_that_has_none_ends_it),
        cmocka_unit_test(keys_stay_while_they_cannot_be_renewed),
        cmocka_unit_test(refused_keys_are_fetched_once),
        cmocka_unit_test(expired_keys_are_fetched_and_sent_once_more_at_once),
        cmocka_unit_test(expired_keys_without_others_are_fetched_once),
        cmocka_unit_test(another_refusal_fetches_nothing),
        cmocka_unit_test(no_part_of_a_key_was_logged),
    };
    cmaw_log_to(keep_line);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
