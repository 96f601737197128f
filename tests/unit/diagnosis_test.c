/* What an operator is told about a failure of KMS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after the standard headers it needs */
#include <cmocka.h>

#include "lib/rpc/diagnosis.h"
#include "lib/sst/keys.h"

static const uint8_t a[48] = {0xaa, 1}, b[48] = {0xbb, 2}, zero[48];
#define A_SHOWN "aa01000000000000..."
#define B_SHOWN "bb02000000000000..."

static struct cmaw_manifest manifest = {.role_count = 1, .mh = {{5}}};
static struct cmaw_pcr lock;

static const char *said(const struct cmaw_kms_error *error)
{
    static char text[1024];
    CMAW_BUF_AUTO(buf, sizeof text - 1);
    cmaw_kms_error_say(error, &buf);
    assert_int_equal(cmaw_slice_to_cstr(cmaw_buf_slice(&buf), text, sizeof text), CMAW_OK);
    return text;
}

static const char *compared(const struct cmaw_kms_error *error)
{
    static char text[1024];
    CMAW_BUF_AUTO(buf, sizeof text - 1);
    cmaw_kms_error_compare(error, &manifest, &manifest.roles[0], &buf);
    assert_int_equal(cmaw_slice_to_cstr(cmaw_buf_slice(&buf), text, sizeof text), CMAW_OK);
    return text;
}

static int make_role(void **state)
{
    (void)state;
    manifest.roles[0] = (struct cmaw_role){.id = 3, .measurement_count = 1, .measurements = {{.pcrs = {CMAW_SLICE_ARRAY(a)}}}};
    return cmaw_role_lock_pcr(&manifest.mh, 3, &lock) == CMAW_OK ? 0 : -1;
}

static void what_kms_said_is_one_line(void **state)
{
    (void)state;
    const struct cmaw_kms_error denied = {.type = CMAW_SLICE_LIT("AccessDeniedException"), .message = CMAW_SLICE_LIT("no"),
                                          .request_id = CMAW_SLICE_LIT("id-1"), .http_status = 400, .recipient_sent = 1};
    const struct cmaw_kms_error local = {.type = CMAW_SLICE_LIT("NoAnswer")};
    const struct cmaw_kms_error nameless = {.type = CMAW_SLICE_LIT("UnknownError"), .http_status = 502};
    assert_string_equal(said(&denied), "AccessDeniedException: no (HTTP 400, request id-1, with an attestation document)");
    assert_string_equal(said(&local), "NoAnswer (no attestation document sent)");
    assert_string_equal(said(&nameless), "UnknownError (HTTP 502, request without an id, no attestation document sent)");
}

static void measurements_stand_beside_the_expected_ones(void **state)
{
    (void)state;
    struct cmaw_kms_error error = {.pcrs = {CMAW_SLICE_ARRAY(a), CMAW_SLICE_ARRAY(b), CMAW_SLICE_ARRAY(b), CMAW_SLICE_ARRAY(zero), cmaw_pcr_slice(&lock)}};
    assert_string_equal(compared(&error), "PCR0 as expected, PCR1 not compared, PCR2 not compared, PCR8 not compared, PCR16 as expected");
    manifest.roles[0].measurements[0].pcrs[1] = CMAW_SLICE_ARRAY(a);
    manifest.roles[0].measurements[0].pcrs[3] = CMAW_SLICE_ARRAY(zero);
    error.pcrs[0] = CMAW_SLICE_ARRAY(b);
    error.pcrs[4] = CMAW_SLICE_EMPTY;
    const char *text = compared(&error);
    assert_non_null(strstr(text, "PCR0 is " B_SHOWN ", not " A_SHOWN " as the manifest expects, PCR1 is " B_SHOWN ", not " A_SHOWN));
    assert_non_null(strstr(text, "PCR8 as expected, PCR16 not locked, not "));
    manifest.roles[0].measurement_count = 2; /* another image of the role */
    manifest.roles[0].measurements[1].pcrs[0] = CMAW_SLICE_ARRAY(b);
    assert_non_null(strstr(compared(&error), "PCR0 as expected"));
    error.pcrs[0] = CMAW_SLICE_ARRAY(zero);
    assert_non_null(strstr(compared(&error), "or another as the manifest expects"));
}

static void zeros_are_debug_mode(void **state)
{
    (void)state;
    struct cmaw_kms_error error = {.type = CMAW_SLICE_LIT("AccessDeniedException"),
                                   .pcrs = {CMAW_SLICE_ARRAY(zero), CMAW_SLICE_ARRAY(zero), CMAW_SLICE_ARRAY(zero)}};
    assert_non_null(strstr(compared(&error), "debug mode"));
    error.pcrs[2] = CMAW_SLICE_ARRAY(a);
    assert_null(strstr(compared(&error), "debug mode"));
    assert_string_equal(compared(&(struct cmaw_kms_error){0}), ""); /* of an enclave that does not tell */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_kms_said_is_one_line, make_role),
        cmocka_unit_test_setup(measurements_stand_beside_the_expected_ones, make_role),
        cmocka_unit_test_setup(zeros_are_debug_mode, make_role),
    };
    return cmocka_run_group_tests_name("diagnosis", tests, NULL, NULL);
}
