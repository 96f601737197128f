#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dev/kms_blob.h"
#include "lib/base/text.h"
#include "lib/crypto/random.h"

struct fixture {
    struct cmaw_secret material;
    uint8_t material_id[CMAW_KMS_MATERIAL_SIZE];
    struct cmaw_buf blob;
};

static const struct cmaw_slice context = {(const uint8_t *)"context", 7};

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.blob = CMAW_BUF(CMAW_KMS_BLOB_MAX)};
    assert_int_equal(cmaw_random_secret(CMAW_KMS_MATERIAL_SIZE, &fixture.material), CMAW_OK);
    assert_int_equal(cmaw_random(fixture.material_id, sizeof fixture.material_id), CMAW_OK);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    cmaw_secret_release(&fixture->material);
    cmaw_buf_free(&fixture->blob);
    return 0;
}

static void seal(struct fixture *fixture, size_t size)
{
    static uint8_t plaintext[CMAW_KMS_PLAINTEXT_MAX];
    cmaw_buf_reset(&fixture->blob);
    assert_int_equal(cmaw_kms_blob_seal(&fixture->material, CMAW_SLICE_ARRAY(fixture->material_id), context,
                                        cmaw_slice_of(plaintext, size), &fixture->blob), CMAW_OK);
}

static enum cmaw_err open_as(const struct fixture *fixture, struct cmaw_slice in_context, struct cmaw_slice blob)
{
    CMAW_BUF_AUTO(plaintext, CMAW_KMS_PLAINTEXT_MAX);
    return cmaw_kms_blob_open(&fixture->material, in_context, blob, &plaintext);
}

static void every_size_opens(void **state)
{
    struct fixture *fixture = *state;
    static const size_t sizes[] = {1, 16, 32, 35, 36, 37, 99, 100, 101, 127, 128, 200, 227, 228, 229, 256, 1024, 4095, 4096};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        CMAW_BUF_AUTO(plaintext, CMAW_KMS_PLAINTEXT_MAX);
        seal(fixture, sizes[i]);
        assert_int_equal(cmaw_kms_blob_open(&fixture->material, context, cmaw_buf_slice(&fixture->blob), &plaintext), CMAW_OK);
        assert_int_equal(plaintext.size, sizes[i]);
        assert_true(cmaw_slice_is_zero(cmaw_buf_slice(&plaintext)));
    }
}

/* facts/KMS.md section 5: n + 152 bytes for n <= 35, and what public samples begin with. */
static void the_layout_is_the_real_one(void **state)
{
    struct fixture *fixture = *state;
    CMAW_BUF_AUTO(text, 1024);
    seal(fixture, 32);
    assert_int_equal(fixture->blob.size, 184);
    cmaw_buf_put_base64(&text, cmaw_buf_slice(&fixture->blob));
    assert_memory_equal(text.data, "AQICAH", 6);
    seal(fixture, 35);
    assert_int_equal(fixture->blob.size, 187);
    struct cmaw_slice material_id;
    assert_int_equal(cmaw_kms_blob_material_id(cmaw_buf_slice(&fixture->blob), &material_id), CMAW_OK);
    assert_true(cmaw_slice_eq(material_id, CMAW_SLICE_ARRAY(fixture->material_id)));
}

static void every_flipped_bit_is_refused(void **state)
{
    struct fixture *fixture = *state;
    seal(fixture, 32);
    for (size_t bit = 0; bit < 8 * fixture->blob.size; bit++) {
        fixture->blob.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
        const enum cmaw_err err = open_as(fixture, context, cmaw_buf_slice(&fixture->blob));
        assert_true(err == CMAW_E_AUTH || err == CMAW_E_MALFORMED);
        fixture->blob.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    assert_int_equal(open_as(fixture, context, cmaw_buf_slice(&fixture->blob)), CMAW_OK);
}

static void every_other_length_is_refused(void **state)
{
    struct fixture *fixture = *state;
    seal(fixture, 200);
    for (size_t size = 0; size < fixture->blob.size; size++) {
        assert_int_equal(open_as(fixture, context, cmaw_slice_of(fixture->blob.data, size)), CMAW_E_MALFORMED);
    }
    cmaw_buf_put_u8(&fixture->blob, 0);
    assert_int_equal(open_as(fixture, context, cmaw_buf_slice(&fixture->blob)), CMAW_E_MALFORMED);
}

static void another_context_or_key_is_refused(void **state)
{
    struct fixture *fixture = *state;
    CMAW_SECRET_AUTO(other);
    CMAW_BUF_AUTO(plaintext, CMAW_KMS_PLAINTEXT_MAX);
    seal(fixture, 32);
    assert_int_equal(open_as(fixture, CMAW_SLICE_LIT("contexT"), cmaw_buf_slice(&fixture->blob)), CMAW_E_AUTH);
    assert_int_equal(open_as(fixture, CMAW_SLICE_EMPTY, cmaw_buf_slice(&fixture->blob)), CMAW_E_AUTH);
    assert_int_equal(cmaw_random_secret(CMAW_KMS_MATERIAL_SIZE, &other), CMAW_OK);
    assert_int_equal(cmaw_kms_blob_open(&other, context, cmaw_buf_slice(&fixture->blob), &plaintext), CMAW_E_AUTH);
    assert_int_equal(plaintext.size, 0);
}

static void put_context(struct cmaw_buf *buf, const char *text)
{
    json_t *object = json_loads(text, 0, NULL);
    cmaw_kms_context_put(buf, object);
    assert_int_equal(cmaw_buf_err(buf), CMAW_OK);
    json_decref(object);
}

static void contexts_are_told_apart_and_have_no_order(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } cases[] = {
        {"{\"a\":\"1\",\"b\":\"2\"}", "{\"b\":\"2\",\"a\":\"1\"}", true},
        {"{\"ab\":\"c\"}", "{\"a\":\"bc\"}", false},
        {"{\"a\":\"1\"}", "{\"A\":\"1\"}", false},
        {"{\"a\":\"1\"}", "{\"a\":\"1\",\"b\":\"\"}", false},
        {"{}", "null", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CMAW_BUF_AUTO(a, 1024);
        CMAW_BUF_AUTO(b, 1024);
        put_context(&a, cases[i].a);
        put_context(&b, cases[i].b);
        assert_int_equal(cmaw_slice_eq(cmaw_buf_slice(&a), cmaw_buf_slice(&b)), cases[i].same);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_size_opens, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_layout_is_the_real_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_flipped_bit_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_other_length_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_context_or_key_is_refused, set_up, tear_down),
        cmocka_unit_test(contexts_are_told_apart_and_have_no_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
