/* The NSM client against a device that the test plays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "enclave/nsm/nsm.h"
#include "lib/base/text.h"
#include "lib/cbor/write.h"

/* What the device answers, and what it was asked last. */
struct device {
    struct cmaw_buf answer;
    struct cmaw_buf asked;
    enum cmaw_err err;
    int calls;
    int fail_first; /* this many calls fail with err, the rest succeed */
};

static enum cmaw_err device_call(void *context, struct cmaw_slice request, struct cmaw_buf *response)
{
    struct device *device = context;
    device->calls++;
    cmaw_buf_reset(&device->asked);
    cmaw_buf_put(&device->asked, request);
    if (device->calls <= device->fail_first) {
        return device->err;
    }
    cmaw_buf_put(response, cmaw_buf_slice(&device->answer));
    return cmaw_buf_err(response);
}

#define DEVICE_AUTO(name) \
    [[gnu::cleanup(device_free)]] struct device name = {CMAW_BUF(1 << 16), CMAW_BUF(1 << 16), CMAW_OK, 0, 0}

static void device_free(struct device *device)
{
    cmaw_buf_free(&device->answer);
    cmaw_buf_free(&device->asked);
}

static struct cmaw_nsm nsm_of(struct device *device)
{
    return (struct cmaw_nsm){device_call, device};
}

static void assert_asked(const struct device *device, const char *hex)
{
    CMAW_BUF_AUTO(text, 1 << 16);
    cmaw_buf_put_hex(&text, cmaw_buf_slice(&device->asked));
    cmaw_buf_put_u8(&text, 0);
    assert_string_equal((const char *)text.data, hex);
}

static const uint8_t value[CMAW_NSM_PCR_SIZE] = {1, 2, 3};

/* {"DescribePCR": {…}} in either order of fields. */
static void put_pcr(struct cmaw_buf *buf, bool data_first, bool locked, size_t size)
{
    cmaw_cbor_put_map(buf, 1);
    cmaw_cbor_put_cstr(buf, "DescribePCR");
    cmaw_cbor_put_map(buf, 2);
    for (int i = 0; i < 2; i++) {
        if ((i == 0) == data_first) {
            cmaw_cbor_put_cstr(buf, "data");
            cmaw_cbor_put_bstr(buf, cmaw_slice_of(value, size));
        } else {
            cmaw_cbor_put_cstr(buf, "lock");
            cmaw_cbor_put_bool(buf, locked);
        }
    }
}

static void requests_are_the_documented_bytes(void **state)
{
    (void)state;
    DEVICE_AUTO(device);
    const struct cmaw_nsm nsm = nsm_of(&device);
    CMAW_BUF_AUTO(out, 1024);
    struct cmaw_nsm_pcr pcr;
    CMAW_IGNORE(cmaw_nsm_attest(&nsm, CMAW_SLICE_EMPTY, CMAW_SLICE_EMPTY, CMAW_SLICE_EMPTY, &out));
    assert_asked(&device, "a16b4174746573746174696f6ea369757365725f64617461f6656e6f6e6365f66a7075626c69635f6b6579f6");
    CMAW_IGNORE(cmaw_nsm_attest(&nsm, CMAW_SLICE_LIT("u"), CMAW_SLICE_LIT("n"), CMAW_SLICE_LIT("k"), &out));
    assert_asked(&device, "a16b4174746573746174696f6ea369757365725f646174614175656e6f6e6365416e6a7075626c69635f6b6579416b");
    CMAW_IGNORE(cmaw_nsm_random(&nsm, &out));
    assert_asked(&device, "6947657452616e646f6d");
    CMAW_IGNORE(cmaw_nsm_describe_pcr(&nsm, 16, &pcr));
    assert_asked(&device, "a16b4465736372696265504352a165696e64657810");
    CMAW_IGNORE(cmaw_nsm_extend_pcr(&nsm, 24, CMAW_SLICE_LIT("x")));
    assert_asked(&device, "a169457874656e64504352a265696e64657818186464617461" "4178");
    CMAW_IGNORE(cmaw_nsm_lock_pcr(&nsm, 16));
    assert_asked(&device, "a1674c6f636b504352a165696e64657810");
}

static void a_pcr_is_read_in_any_order(void **state)
{
    (void)state;
    for (int order = 0; order < 2; order++) {
        DEVICE_AUTO(device);
        const struct cmaw_nsm nsm = nsm_of(&device);
        struct cmaw_nsm_pcr pcr;
        put_pcr(&device.answer, order == 0, true, CMAW_NSM_PCR_SIZE);
        assert_int_equal(cmaw_nsm_describe_pcr(&nsm, 16, &pcr), CMAW_OK);
        assert_true(pcr.locked);
        assert_memory_equal(pcr.value, value, sizeof value);
    }
}

static void every_cut_and_every_extension_is_refused(void **state)
{
    (void)state;
    CMAW_BUF_AUTO(good, 1024);
    put_pcr(&good, true, true, CMAW_NSM_PCR_SIZE);
    for (size_t size = 0; size <= good.size; size++) {
        DEVICE_AUTO(device);
        const struct cmaw_nsm nsm = nsm_of(&device);
        struct cmaw_nsm_pcr pcr = {false, {9}};
        cmaw_buf_put(&device.answer, cmaw_slice_of(good.data, size));
        if (size == good.size) {
            cmaw_buf_put_u8(&device.answer, 0);
        }
        assert_int_not_equal(cmaw_nsm_describe_pcr(&nsm, 16, &pcr), CMAW_OK);
        assert_int_equal(pcr.value[0], 9); /* untouched */
    }
}

static void wrong_shapes_are_refused(void **state)
{
    (void)state;
    static const struct { const char *name; const char *hex; enum cmaw_err err; } cases[] = {
        {"error text", "a1654572726f726d52656164 4f6e6c79496e646578", CMAW_E_DENIED},
        {"other operation", "a1674c6f636b504352a0", CMAW_E_PEER},
        {"unit of another name", "674c6f636b504352", CMAW_E_PEER},
        {"unit of the name", "6b4465736372696265504352", CMAW_E_PEER},
        {"empty map", "a0", CMAW_E_PEER},
        {"no lock", "a16b4465736372696265504352a0", CMAW_E_PEER},
        {"number", "01", CMAW_E_PEER},
        {"nothing", "", CMAW_E_PEER},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        DEVICE_AUTO(device);
        const struct cmaw_nsm nsm = nsm_of(&device);
        struct cmaw_nsm_pcr pcr;
        char hex[128];
        size_t used = 0;
        for (const char *c = cases[i].hex; *c != '\0'; c++) {
            if (*c != ' ') {
                hex[used++] = *c;
            }
        }
        assert_int_equal(cmaw_hex_decode(cmaw_slice_of(hex, used), &device.answer), CMAW_OK);
        const enum cmaw_err err = cmaw_nsm_describe_pcr(&nsm, 16, &pcr);
        if (err != cases[i].err) {
            fail_msg("%s: %s", cases[i].name, cmaw_err_text(err));
        }
    }
}

static void a_pcr_of_another_size_is_refused(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 32, CMAW_NSM_PCR_SIZE - 1};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        DEVICE_AUTO(device);
        const struct cmaw_nsm nsm = nsm_of(&device);
        struct cmaw_nsm_pcr pcr;
        put_pcr(&device.answer, false, true, sizes[i]);
        assert_int_equal(cmaw_nsm_describe_pcr(&nsm, 16, &pcr), CMAW_E_PEER);
    }
}

static void a_device_that_comes_back_is_asked_again(void **state)
{
    (void)state;
    DEVICE_AUTO(device);
    const struct cmaw_nsm nsm = nsm_of(&device);
    struct cmaw_nsm_pcr pcr;
    device.err = CMAW_E_UNAVAILABLE;
    device.fail_first = 2;
    put_pcr(&device.answer, true, false, CMAW_NSM_PCR_SIZE);
    assert_int_equal(cmaw_nsm_describe_pcr(&nsm, 16, &pcr), CMAW_OK);
    assert_int_equal(device.calls, 3);
}

static void an_extension_is_sent_once(void **state)
{
    (void)state;
    DEVICE_AUTO(device);
    const struct cmaw_nsm nsm = nsm_of(&device);
    device.err = CMAW_E_CLOSED;
    device.fail_first = 1;
    assert_int_equal(cmaw_nsm_extend_pcr(&nsm, 16, CMAW_SLICE_LIT("x")), CMAW_E_CLOSED);
    assert_int_equal(device.calls, 1);
}

static void oversized_fields_are_not_sent(void **state)
{
    (void)state;
    static uint8_t big[CMAW_NSM_FIELD_MAX + 1];
    DEVICE_AUTO(device);
    const struct cmaw_nsm nsm = nsm_of(&device);
    CMAW_BUF_AUTO(out, 1024);
    assert_int_equal(cmaw_nsm_attest(&nsm, CMAW_SLICE_EMPTY, CMAW_SLICE_ARRAY(big), CMAW_SLICE_EMPTY, &out), CMAW_E_TOO_LARGE);
    assert_int_equal(device.calls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_the_documented_bytes),
        cmocka_unit_test(a_pcr_is_read_in_any_order),
        cmocka_unit_test(every_cut_and_every_extension_is_refused),
        cmocka_unit_test(wrong_shapes_are_refused),
        cmocka_unit_test(a_pcr_of_another_size_is_refused),
        cmocka_unit_test(a_device_that_comes_back_is_asked_again),
        cmocka_unit_test(an_extension_is_sent_once),
        cmocka_unit_test(oversized_fields_are_not_sent),
    };
    return cmocka_run_group_tests_name("nsm", tests, NULL, NULL);
}
