#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dev/nsm_doc.h"
#include "dev/nsm_store.h"
#include "lib/base/text.h"
#include "lib/cbor/write.h"
#include "tests/unit/nsm_booted.h"

/* The requests of facts/NITRO.md section 2.2, as bytes. */
#define DESCRIBE_NSM "6b44657363726962654e534d"
#define GET_RANDOM "6947657452616e646f6d"
#define DESCRIBE_PCR(index) "a16b4465736372696265504352a165696e646578" index
#define EXTEND_PCR(index, data) "a169457874656e64504352a265696e646578" index "6464617461" data
#define LOCK_PCR(index) "a1674c6f636b504352a165696e646578" index
#define LOCK_PCRS(range) "a1684c6f636b50435273a16572616e6765" range
#define ATTESTATION(user_data, nonce, public_key) \
    "a16b4174746573746174696f6ea369757365725f64617461" user_data "656e6f6e6365" nonce "6a7075626c69635f6b6579" public_key

#define ERROR(text) "a1654572726f72" text
#define INVALID_OPERATION ERROR("70496e76616c69644f7065726174696f6e")
#define INVALID_INDEX ERROR("6c496e76616c6964496e646578")
#define READ_ONLY_INDEX ERROR("6d526561644f6e6c79496e646578")
#define INPUT_TOO_LARGE ERROR("6d496e707574546f6f4c61726765")
#define INVALID_ARGUMENT ERROR("6f496e76616c6964417267756d656e74")

#define ZERO_PCR "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"

static enum cmaw_err fake_sign(void *context, const struct cmaw_nsm_instance *instance,
                               const struct cmaw_nsm_attestation *fields, struct cmaw_buf *document)
{
    (void)context;
    (void)instance;
    (void)fields;
    cmaw_buf_put_cstr(document, "doc");
    return cmaw_buf_err(document);
}

static const struct cmaw_nsm_signer fake_signer = {fake_sign, NULL};

static void ask_bytes(struct cmaw_nsm_instance *instance, struct cmaw_slice request, struct cmaw_buf *response)
{
    cmaw_buf_reset(response);
    assert_int_equal(cmaw_nsm_handle(instance, &fake_signer, request, response), CMAW_OK);
}

static void ask(struct cmaw_nsm_instance *instance, const char *hex, struct cmaw_buf *response)
{
    CMAW_BUF_AUTO(request, CMAW_NSM_REQUEST_MAX);
    assert_int_equal(cmaw_hex_decode(cmaw_slice_of_cstr(hex), &request), CMAW_OK);
    ask_bytes(instance, cmaw_buf_slice(&request), response);
}

static void expect(struct cmaw_nsm_instance *instance, const char *request, const char *expected_hex)
{
    CMAW_BUF_AUTO(response, CMAW_NSM_RESPONSE_MAX);
    CMAW_BUF_AUTO(hex, 2 * CMAW_NSM_RESPONSE_MAX + 1);
    ask(instance, request, &response);
    cmaw_buf_put_hex(&hex, cmaw_buf_slice(&response));
    cmaw_buf_put_u8(&hex, 0);
    if (strcmp((const char *)hex.data, expected_hex) != 0) {
        fail_msg("%s\nanswers %s\nnot     %s", request, (const char *)hex.data, expected_hex);
    }
}

static void operations_answer_as_the_platform(void **state)
{
    (void)state;
    struct cmaw_nsm_instance instance = booted();
    expect(&instance, DESCRIBE_NSM,
           "a16b44657363726962654e534da76d76657273696f6e5f6d616a6f72016d76657273696f6e5f6d696e6f72006d76657273696f6e5f70617463680069"
           "6d6f64756c655f69646a692d30612d656e633031686d61785f706372731820" "6b6c6f636b65645f7063727390000102030405060708090a0b0c0d0e0f"
           "66646967657374" "66534841333834");
    expect(&instance, DESCRIBE_PCR("01"), "a16b4465736372696265504352a2646c6f636bf564646174615830" ZERO_PCR);
    expect(&instance, DESCRIBE_PCR("10"), "a16b4465736372696265504352a2646c6f636bf464646174615830" ZERO_PCR);
    expect(&instance, DESCRIBE_PCR("181f"), "a16b4465736372696265504352a2646c6f636bf464646174615830" ZERO_PCR);
    expect(&instance, LOCK_PCR("10"), "674c6f636b504352");
    expect(&instance, DESCRIBE_PCR("10"), "a16b4465736372696265504352a2646c6f636bf564646174615830" ZERO_PCR);
    expect(&instance, LOCK_PCRS("12"), "684c6f636b50435273");
    assert_int_equal(instance.locked, 0x3ffff);
    expect(&instance, LOCK_PCRS("00"), "684c6f636b50435273");
    assert_int_equal(instance.locked, 0x3ffff);
    expect(&instance, LOCK_PCRS("1820"), "684c6f636b50435273");
    assert_int_equal(instance.locked, 0xffffffff);
    expect(&instance, LOCK_PCRS("1820"), "684c6f636b50435273");
    expect(&instance, ATTESTATION("f6", "f6", "f6"), "a16b4174746573746174696f6ea168646f63756d656e7443646f63");
}

static void refusals_are_answers(void **state)
{
    (void)state;
    static const struct {
        const char *request, *answer;
    } cases[] = {
        {"", INVALID_OPERATION},
        {"ff", INVALID_OPERATION},
        {"63466f6f", INVALID_OPERATION},                       /* unknown */
        {DESCRIBE_NSM "00", INVALID_OPERATION},                /* trailing byte */
        {"6b4465736372696265504352", INVALID_OPERATION},       /* DescribePCR without its argument */
        {"a16b4465736372696265504352a0", INVALID_OPERATION},   /* … with none in the map */
        {"a26b4465736372696265504352a165696e64657800" "00" "00", INVALID_OPERATION}, /* two entries */
        {"a169457874656e64504352a165696e64657810", INVALID_OPERATION}, /* ExtendPCR without data */
        {"6b4174746573746174696f6e", INVALID_OPERATION},       /* Attestation as a text */
        {"a16b4174746573746174696f6ef6", INVALID_OPERATION},   /* … with null for its arguments */
        {"a169476574" "52616e646f6da0", INVALID_OPERATION},    /* GetRandom as a map */
        {"a16b44657363726962654e534da0", INVALID_OPERATION},   /* DescribeNSM as a map */
        {DESCRIBE_PCR("20"), INVALID_OPERATION},               /* -1 */
        {DESCRIBE_PCR("1820"), INVALID_INDEX},
        {DESCRIBE_PCR("1bffffffffffffffff"), INVALID_INDEX},
        {EXTEND_PCR("1820", "4161"), INVALID_INDEX},
        {LOCK_PCR("1820"), INVALID_INDEX},
        {LOCK_PCRS("1821"), INVALID_INDEX},
        {LOCK_PCRS("1bffffffffffffffff"), INVALID_INDEX},
        {EXTEND_PCR("00", "4161"), READ_ONLY_INDEX},
        {EXTEND_PCR("0f", "4161"), READ_ONLY_INDEX},
        {LOCK_PCR("0f"), READ_ONLY_INDEX},
        {EXTEND_PCR("10", "f6"), INVALID_OPERATION},
        {ATTESTATION("f6", "f6", "40"), INVALID_ARGUMENT},
        {ATTESTATION("01", "f6", "f6"), INVALID_OPERATION},
    };
    struct cmaw_nsm_instance instance = booted();
    const struct cmaw_nsm_instance before = instance;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect(&instance, cases[i].request, cases[i].answer);
    }
    assert_memory_equal(&instance, &before, sizeof before);
}

static void extend_is_a_hash_chain(void **state)
{
    (void)state;
    struct cmaw_nsm_instance instance = booted();
    CMAW_BUF_AUTO(response, CMAW_NSM_RESPONSE_MAX);
    uint8_t expected[CMAW_PCR_SIZE], input[CMAW_PCR_SIZE + 3] = {0};
    memcpy(input + CMAW_PCR_SIZE, "abc", 3);
    cmaw_sha384(CMAW_SLICE_ARRAY(input), expected);
    ask(&instance, EXTEND_PCR("10", "43616263"), &response);
    assert_memory_equal(instance.pcrs[16], expected, sizeof expected);
    assert_memory_equal(response.data + response.size - CMAW_PCR_SIZE, expected, sizeof expected);
    memcpy(input, expected, CMAW_PCR_SIZE);
    cmaw_sha384(CMAW_SLICE_ARRAY(input), expected);
    ask(&instance, EXTEND_PCR("10", "43616263"), &response);
    assert_memory_equal(instance.pcrs[16], expected, sizeof expected);
    expect(&instance, LOCK_PCR("10"), "674c6f636b504352");
    expect(&instance, EXTEND_PCR("10", "43616263"), READ_ONLY_INDEX);
    expect(&instance, LOCK_PCR("10"), READ_ONLY_INDEX);
    assert_memory_equal(instance.pcrs[16], expected, sizeof expected);
}

static void random_is_fresh(void **state)
{
    (void)state;
    struct cmaw_nsm_instance instance = booted();
    CMAW_BUF_AUTO(first, CMAW_NSM_RESPONSE_MAX);
    CMAW_BUF_AUTO(second, CMAW_NSM_RESPONSE_MAX);
    ask(&instance, GET_RANDOM, &first);
    ask(&instance, GET_RANDOM, &second);
    assert_int_equal(first.size, 1 + 10 + 1 + 7 + 3 + 256);
    assert_false(cmaw_slice_eq(cmaw_buf_slice(&first), cmaw_buf_slice(&second)));
}

/* One of the three fields of an Attestation, of this size. */
static void attest_with(struct cmaw_nsm_instance *instance, size_t field, size_t size, struct cmaw_buf *response)
{
    static const char *const names[] = {"user_data", "nonce", "public_key"};
    static const uint8_t zeros[2048];
    CMAW_BUF_AUTO(request, CMAW_NSM_REQUEST_MAX);
    cmaw_cbor_put_map(&request, 1);
    cmaw_cbor_put_cstr(&request, "Attestation");
    cmaw_cbor_put_map(&request, 3);
    for (size_t i = 0; i < 3; i++) {
        cmaw_cbor_put_cstr(&request, names[i]);
        if (i == field) {
            cmaw_cbor_put_bstr(&request, cmaw_slice_of(zeros, size));
        } else {
            cmaw_cbor_put_null(&request);
        }
    }
    ask_bytes(instance, cmaw_buf_slice(&request), response);
}

static void fields_have_limits(void **state)
{
    (void)state;
    static const size_t limits[] = {512, 512, 1024};
    struct cmaw_nsm_instance instance = booted();
    CMAW_BUF_AUTO(response, CMAW_NSM_RESPONSE_MAX);
    CMAW_BUF_AUTO(too_large, 64);
    assert_int_equal(cmaw_hex_decode(cmaw_slice_of_cstr(INPUT_TOO_LARGE), &too_large), CMAW_OK);
    for (size_t field = 0; field < 3; field++) {
        attest_with(&instance, field, limits[field], &response);
        assert_false(cmaw_slice_eq(cmaw_buf_slice(&response), cmaw_buf_slice(&too_large)));
        attest_with(&instance, field, limits[field] + 1, &response);
        assert_true(cmaw_slice_eq(cmaw_buf_slice(&response), cmaw_buf_slice(&too_large)));
    }
}

static void instances_are_described_strictly(void **state)
{
    (void)state;
#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    static const char *const bad[] = {
        "", "i-0a-enc01 0 " A " " A " " A " - -", "i-0a-enc01 0 " A " " A " " A " - - - -",
        "i-0a 0 " A " " A " " A " - - -", "-enc01 0 " A " " A " " A " - - -", "i-0a-enc01 2 " A " " A " " A " - - -",
        "i-0a-enc01 0 - " A " " A " - - -", "i-0a-enc01 0 " A "a " A " " A " - - -", "i/0a-enc01 0 " A " " A " " A " - - -",
    };
    struct cmaw_nsm_instance instance;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (cmaw_nsm_parse_new(bad[i], &instance) == CMAW_OK) {
            fail_msg("accepted: %s", bad[i]);
        }
    }
    assert_int_equal(cmaw_nsm_parse_new("i-0a-enc01 0 " A " " A " " A " " A " - -", &instance), CMAW_OK);
    assert_int_equal(instance.pcrs[0][0], 0xaa);
    assert_int_equal(instance.pcrs[3][47], 0xaa);
    assert_int_equal(instance.pcrs[4][0], 0);
    assert_int_equal(instance.locked, 0xffff);
    /* debug mode zeroes 0, 1, 2 and 8, not 3 and 4 */
    assert_int_equal(cmaw_nsm_parse_new("i-0a-enc01 1 " A " " A " " A " " A " " A " " A, &instance), CMAW_OK);
    for (size_t i = 0; i < 16; i++) {
        assert_int_equal(instance.pcrs[i][0], i == 3 || i == 4 ? 0xaa : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_answer_as_the_platform),
        cmocka_unit_test(refusals_are_answers),
        cmocka_unit_test(extend_is_a_hash_chain),
        cmocka_unit_test(random_is_fresh),
        cmocka_unit_test(fields_have_limits),
        cmocka_unit_test(instances_are_described_strictly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
