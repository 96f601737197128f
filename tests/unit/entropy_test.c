/* No entropy, no key: the boot goes on only where the NSM gave enough and the kernel took it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "enclave/enclave.h"
#include "enclave/platform/platform.h"
#include "lib/cbor/write.h"

/* What the device gives each time, and from which time on something is wrong. */
struct device {
    size_t bytes;
    int refuses_from; /* of the calls, counted from 0; -1: never */
    int calls;
};

static int kernel_refuses_from;
static int credited_calls;
static size_t credited;

enum cmaw_err cmaw_platform_add_entropy(struct cmaw_slice bytes)
{
    if (credited_calls++ == kernel_refuses_from) {
        return CMAW_E_IO;
    }
    credited += bytes.size;
    return CMAW_OK;
}

static enum cmaw_err call(void *context, struct cmaw_slice request, struct cmaw_buf *response)
{
    static const uint8_t random[256];
    struct device *device = context;
    assert_true(cmaw_slice_eq_cstr(request, "\x69GetRandom"));
    if (device->calls++ == device->refuses_from) {
        cmaw_cbor_put_map(response, 1);
        cmaw_cbor_put_cstr(response, "Error");
        cmaw_cbor_put_cstr(response, "InternalError");
        return CMAW_OK;
    }
    cmaw_cbor_put_map(response, 1);
    cmaw_cbor_put_cstr(response, "GetRandom");
    cmaw_cbor_put_map(response, 1);
    cmaw_cbor_put_cstr(response, "random");
    cmaw_cbor_put_bstr(response, cmaw_slice_of(random, device->bytes));
    return CMAW_OK;
}

static void the_boot_needs_entropy(void **state)
{
    (void)state;
    static const struct {
        struct device device;
        int kernel_refuses_from;
        enum cmaw_err expected;
        size_t credited;
    } cases[] = {
        {{256, -1, 0}, -1, CMAW_OK, 1024},
        {{16, -1, 0}, -1, CMAW_OK, 64},
        {{15, -1, 0}, -1, CMAW_E_PEER, 60}, /* too little */
        {{0, -1, 0}, -1, CMAW_E_PEER, 0},
        {{256, 0, 0}, -1, CMAW_E_DENIED, 0},
        {{256, 3, 0}, -1, CMAW_E_DENIED, 768},
        {{256, -1, 0}, 0, CMAW_E_IO, 0},
        {{256, -1, 0}, 3, CMAW_E_IO, 768},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct device device = cases[i].device;
        const struct cmaw_nsm nsm = {call, &device};
        kernel_refuses_from = cases[i].kernel_refuses_from;
        credited = 0;
        credited_calls = 0;
        assert_int_equal(cmaw_enclave_add_entropy(&nsm), cases[i].expected);
        assert_int_equal(credited, cases[i].credited);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_boot_needs_entropy)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
