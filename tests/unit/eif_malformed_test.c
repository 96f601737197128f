#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* after the standard headers it needs */
#include <cmocka.h>

#include "lib/attest/eif_sign.h"
#include "sys/file.h"
#include "tests/unit/eif_bad.h"
#include "tests/unit/image_run.h"

/* What the tables hold; at least 60 are asked for. */
enum { KINDS = 189 };

static void every_kind_is_refused_with_the_name_of_its_field(void **state)
{
    (void)state;
    assert_int_equal(eif_bad_count(), KINDS);
    for (size_t kind = 0; kind < eif_bad_count(); kind++) {
        CMAW_BUF_AUTO(file, EIF_MAKE_MAX);
        struct eif_bad bad;
        struct cmaw_eif eif;
        const char *field = NULL;
        eif_bad_make(kind, &file, &bad);
        const enum cmaw_err err = cmaw_eif_parse(cmaw_buf_slice(&file), &eif, &field);
        if (bad.only_by_program) {
            assert_int_equal(err, CMAW_OK);
            continue;
        }
        const enum cmaw_err expected = strcmp(bad.field, "version") == 0 ? CMAW_E_UNSUPPORTED : CMAW_E_MALFORMED;
        if (err != expected || field == NULL || strcmp(field, bad.field) != 0) {
            fail_msg("%s: %d, %s instead of %s", bad.name, err, field == NULL ? "nothing" : field, bad.field);
        }
    }
}

static void no_two_kinds_are_one(void **state)
{
    (void)state;
    struct eif_bad all[KINDS];
    for (size_t kind = 0; kind < KINDS; kind++) {
        CMAW_BUF_AUTO(file, EIF_MAKE_MAX);
        eif_bad_make(kind, &file, &all[kind]);
        for (size_t other = 0; other < kind; other++) {
            assert_string_not_equal(all[kind].name, all[other].name);
        }
    }
}

/* One line that says what is wrong, one that says what to do. */
static void the_program_refuses_every_kind_in_one_line(void **state)
{
    (void)state;
    static const char *const verbs[] = {"describe", "measure"};
    char path[] = "/tmp/cmaw-eif-malformed-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    for (size_t kind = 0; kind < eif_bad_count(); kind++) {
        CMAW_BUF_AUTO(file, EIF_MAKE_MAX);
        CMAW_BUF_AUTO(printed, EIF_MAKE_MAX);
        struct eif_bad bad;
        struct cmaw_diag diag = {0};
        char expected[512];
        eif_bad_make(kind, &file, &bad);
        assert_int_equal(cmaw_file_write(path, cmaw_buf_slice(&file), 0600, &diag), CMAW_OK);
        const char *const arguments[] = {verbs[kind % 2], path, NULL};
        const int status = image_run(NULL, arguments, &printed);
        (void)snprintf(expected, sizeof expected, "cmaw-image: %s is not an enclave image: bad %s\nhint: cmaw-image build makes one\n", path, bad.field);
        if (status != 1 || !cmaw_slice_eq_cstr(cmaw_buf_slice(&printed), expected)) {
            fail_msg("%s: exit code %d, and it printed\n%.*sinstead of\n%s", bad.name, status, (int)printed.size, (const char *)printed.data, expected);
        }
    }
    assert_int_equal(unlink(path), 0);
}

static void every_cut_of_a_signed_image_is_refused(void **state)
{
    (void)state;
    struct eif_signer signer = {0};
    CMAW_BUF_AUTO(section, EIF_MAKE_MAX);
    CMAW_BUF_AUTO(file, EIF_MAKE_MAX);
    static const uint8_t pcr0[CMAW_EIF_PCR_SIZE];
    struct cmaw_eif eif = eif_make_content();
    const char *field = NULL;
    eif_signer_make(CMAW_EC_P384, 0, 4000000000, &signer);
    assert_int_equal(cmaw_eif_sign(signer.key, cmaw_buf_slice(&signer.certificate), pcr0, &section), CMAW_OK);
    eif.signature = cmaw_buf_slice(&section);
    assert_int_equal(cmaw_eif_write(&eif, &file), CMAW_OK);
    assert_int_equal(cmaw_eif_parse(cmaw_buf_slice(&file), &eif, &field), CMAW_OK);
    while (file.size > 0) {
        cmaw_buf_truncate(&file, file.size - 1);
        eif_make_repair_crc(&file);
        assert_int_equal(cmaw_eif_parse(cmaw_buf_slice(&file), &eif, &field), CMAW_E_MALFORMED);
        assert_non_null(field);
    }
    eif_signer_free(&signer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_refused_with_the_name_of_its_field),
        cmocka_unit_test(no_two_kinds_are_one),
        cmocka_unit_test(the_program_refuses_every_kind_in_one_line),
        cmocka_unit_test(every_cut_of_a_signed_image_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
