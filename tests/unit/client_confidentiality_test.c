/* When the proof of confidentiality may say PASS. What it finds, and in which forms, is in client_search_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the standard headers it needs */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/proof/places.h"
#include "client/proof/proof.h"
#include "sys/file.h"

static const char *const folders[] = {"temporal", "logs"};

/* A stack that has run nothing; the state of each test is its description. */
static int make_stack(void **state)
{
    char path[CMAW_PATH_MAX];
    struct cmaw_stack *stack = calloc(1, sizeof *stack);
    assert_non_null(stack);
    (void)snprintf(stack->dir, sizeof stack->dir, "/tmp/cmaw-test-XXXXXX");
    assert_non_null(mkdtemp(stack->dir));
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        assert_int_equal(cmaw_path(path, "%s/%s", stack->dir, folders[i]), CMAW_OK);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    *state = stack;
    return 0;
}

static void log_path(const struct cmaw_stack *stack, int number, char path[static CMAW_PATH_MAX])
{
    assert_int_equal(cmaw_path(path, "%s/logs/%d.log", stack->dir, number), CMAW_OK);
}

static int remove_stack(void **state)
{
    char path[CMAW_PATH_MAX];
    struct cmaw_stack *stack = *state;
    for (int i = 0; i <= CMAW_PLACES_MAX; i++) {
        log_path(stack, i, path);
        (void)unlink(path);
    }
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        assert_int_equal(cmaw_path(path, "%s/%s", stack->dir, folders[i]), CMAW_OK);
        assert_int_equal(rmdir(path), 0);
    }
    assert_int_equal(rmdir(stack->dir), 0);
    cmaw_stack_free(&stack);
    return 0;
}

/* Proves a run of one edge that carried content. */
static enum cmaw_err try_to_prove(const struct cmaw_stack *stack, const char *content, const char *forbidden, struct cmaw_proof *proof, struct cmaw_diag *diag)
{
    struct cmaw_verified_run *run = calloc(1, sizeof *run);
    struct cmaw_plaintexts *plaintexts = calloc(1, sizeof *plaintexts);
    assert_true(run != NULL && plaintexts != NULL);
    run->plan.edge_count = 1;
    plaintexts->count = 1;
    plaintexts->opened[0].content.content = cmaw_slice_of_cstr(content);
    const struct cmaw_outcome outcome = {.run = run};
    const struct cmaw_forbidden list = {"list", cmaw_slice_of_cstr(forbidden)};
    assert_int_equal(cmaw_proof_new("confidentiality", proof), CMAW_OK);
    const enum cmaw_err err = cmaw_prove_confidentiality(&outcome, plaintexts, CMAW_SLICE_EMPTY, stack, &list, proof, diag);
    free(plaintexts);
    free(run);
    return err;
}

static void prove(const struct cmaw_stack *stack, const char *content, const char *forbidden, struct cmaw_proof *proof)
{
    struct cmaw_diag diag = {0};
    assert_int_equal(try_to_prove(stack, content, forbidden, proof, &diag), CMAW_OK);
}

static void a_search_for_something_passes(void **state)
{
    CMAW_PROOF_AUTO(proof);
    prove(*state, "Margarethe", "", &proof);
    assert_true(proof.pass && !proof.incomplete);
}

static void a_search_for_nothing_proves_nothing(void **state)
{
    CMAW_PROOF_AUTO(proof);
    prove(*state, "a b c 12", "", &proof);
    assert_true(!proof.pass && proof.incomplete);
}

static void what_is_forbidden_is_something(void **state)
{
    CMAW_PROOF_AUTO(proof);
    prove(*state, "a b c 12", "Vogel\n", &proof);
    assert_true(proof.pass && !proof.incomplete);
}

static void a_search_without_the_stack_proves_nothing_about_it(void **state)
{
    (void)state;
    CMAW_PROOF_AUTO(proof);
    prove(NULL, "Margarethe", "", &proof);
    assert_true(!proof.pass && proof.incomplete);
    assert_non_null(strstr(proof.summary, "database and logs were not looked at"));
    cmaw_buf_put_u8(&proof.text, 0);
    assert_non_null(strstr((const char *)proof.text.data, "MISSING    the server's database and the logs"));
}

static void more_files_than_are_searched_are_an_error_that_says_so(void **state)
{
    struct cmaw_diag diag = {0};
    CMAW_PROOF_AUTO(proof);
    for (int i = 0; i < CMAW_PLACES_MAX; i++) {
        char path[CMAW_PATH_MAX];
        log_path(*state, i, path);
        assert_int_equal(cmaw_file_write(path, CMAW_SLICE_EMPTY, 0600, &diag), CMAW_OK);
    }
    assert_int_equal(try_to_prove(*state, "Margarethe", "", &proof, &diag), CMAW_E_TOO_LARGE);
    assert_non_null(strstr(diag.text, "more than 256 places to search: "));
    assert_non_null(strstr(diag.hint, "old logs"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_search_for_something_passes, make_stack, remove_stack),
        cmocka_unit_test_setup_teardown(a_search_for_nothing_proves_nothing, make_stack, remove_stack),
        cmocka_unit_test_setup_teardown(what_is_forbidden_is_something, make_stack, remove_stack),
        cmocka_unit_test_setup_teardown(a_search_without_the_stack_proves_nothing_about_it, make_stack, remove_stack),
        cmocka_unit_test_setup_teardown(more_files_than_are_searched_are_an_error_that_says_so, make_stack, remove_stack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
