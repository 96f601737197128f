#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/text.h"
#include "lib/crypto/scrypt.h"

/* RFC 7914 section 12 */
static void the_vector_of_the_rfc_comes_out(void **state)
{
    (void)state;
    CMAW_SECRET_AUTO(key);
    const struct cmaw_scrypt_cost cost = {.log_n = 14, .r = 8, .p = 1};
    assert_int_equal(cmaw_scrypt(CMAW_SLICE_LIT("pleaseletmein"), CMAW_SLICE_LIT("SodiumChloride"), cost, 64, &key), CMAW_OK);
    char hex[129];
    assert_int_equal(cmaw_hex_to_cstr(cmaw_secret_slice(&key), hex, sizeof hex), CMAW_OK);
    assert_string_equal(hex, "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
                             "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887");
}

static void a_cost_out_of_range_is_refused(void **state)
{
    (void)state;
    const struct cmaw_scrypt_cost costs[] = {{9, 8, 1}, {21, 8, 1}, {14, 0, 1}, {14, 33, 1}, {14, 8, 0}, {14, 8, 17}};
    for (size_t i = 0; i < sizeof costs / sizeof costs[0]; i++) {
        CMAW_SECRET_AUTO(key);
        assert_int_equal(cmaw_scrypt(CMAW_SLICE_LIT("x"), CMAW_SLICE_LIT("y"), costs[i], 32, &key), CMAW_E_MALFORMED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vector_of_the_rfc_comes_out),
        cmocka_unit_test(a_cost_out_of_range_is_refused),
    };
    return cmocka_run_group_tests_name("scrypt", tests, NULL, NULL);
}
