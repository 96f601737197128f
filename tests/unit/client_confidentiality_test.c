/* When the proof of confidentiality may say PASS. What it finds, and in which forms, is in client_search_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the standard headers it needs */
#include <cmocka.h>
#include <stdlib.h>

#include "client/proof/proof.h"

/* Proves a run of one edge that carried content. */
static void prove(const char *content, const char *forbidden, struct cmaw_proof *proof)
{
    struct cmaw_diag diag = {0};
    struct cmaw_verified_run *run = calloc(1, sizeof *run);
    struct cmaw_plaintexts *plaintexts = calloc(1, sizeof *plaintexts);
    assert_true(run != NULL && plaintexts != NULL);
    run->plan.edge_count = 1;
    plaintexts->count = 1;
    plaintexts->opened[0].content.content = cmaw_slice_of_cstr(content);
    const struct cmaw_outcome outcome = {.run = run};
    const struct cmaw_forbidden list = {"list", cmaw_slice_of_cstr(forbidden)};
    assert_int_equal(cmaw_proof_new("confidentiality", proof), CMAW_OK);
    assert_int_equal(cmaw_prove_confidentiality(&outcome, plaintexts, CMAW_SLICE_EMPTY, NULL, &list, proof, &diag), CMAW_OK);
    free(plaintexts);
    free(run);
}

static void a_search_for_something_passes(void **state)
{
    (void)state;
    CMAW_PROOF_AUTO(proof);
    prove("Margarethe", "", &proof);
    assert_true(proof.pass && !proof.incomplete);
}

static void a_search_for_nothing_proves_nothing(void **state)
{
    (void)state;
    CMAW_PROOF_AUTO(proof);
    prove("a b c 12", "", &proof);
    assert_true(!proof.pass && proof.incomplete);
}

static void what_is_forbidden_is_something(void **state)
{
    (void)state;
    CMAW_PROOF_AUTO(proof);
    prove("a b c 12", "Vogel\n", &proof);
    assert_true(proof.pass && !proof.incomplete);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_search_for_something_passes),
        cmocka_unit_test(a_search_for_nothing_proves_nothing),
        cmocka_unit_test(what_is_forbidden_is_something),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
