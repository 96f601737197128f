/* The agent adjudicate: each rule on a claim of its own, and what it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agents/adjudicate/adjudicate.h"
#include "agents/adjudicate/rules.h"
#include "tests/unit/agent_files.h"

static void payable_is_exact(void **state)
{
    (void)state;
    const struct cmaw_cover cover = {.limit = 1000, .deductible = 100, .share_percent = 75};
    static const struct {
        int64_t claimed, minor, deducted, own_share, over_limit;
    } cases[] = {
        {0, 0, 0, 0, 0}, {100, 0, 100, 0, 0}, {101, 1, 100, 0, 0}, {102, 2, 100, 0, 0}, {103, 2, 100, 1, 0},
        {1433, 1000, 100, 333, 0}, {1435, 1000, 100, 334, 1}, {5000, 1000, 100, 1225, 2675},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct cmaw_payable got = cmaw_payable_of(&cover, cases[i].claimed);
        assert_int_equal(got.minor, cases[i].minor);
        assert_int_equal(got.deducted, cases[i].deducted);
        assert_int_equal(got.own_share, cases[i].own_share);
        assert_int_equal(got.over_limit, cases[i].over_limit);
        assert_int_equal(got.minor + got.deducted + got.own_share + got.over_limit, cases[i].claimed);
    }
}

/* A claim that approves as it stands; each case changes one field, and one rule answers. */
static const char base_claim[] =
    "{\"schema\":\"claim/1\",\"claimant\":\"Margarethe Vogel\",\"policy_number\":\"HH-2204-118937\",\"date_of_notice\":\"2026-01-19\","
    "\"date_of_loss\":\"2026-01-14\",\"kind\":\"water\",\"amounts\":{\"claimed\":{\"minor\":100000,\"currency\":\"EUR\",\"by\":\"sum\"},\"found\":[]},"
    "\"injuries\":[],\"third_parties\":[],\"circumstances\":[],\"payee_iban\":\"DE89370400440532013000\",\"missing\":[],"
    "\"confidence\":{\"claimant\":80,\"policy_number\":95,\"date_of_loss\":85,\"kind\":85,\"amounts\":90},"
    "\"letter\":{\"bytes\":10,\"cut\":false},\"trail\":[{\"agent\":\"intake\",\"version\":\"1\"}]}";

static enum cmaw_err adjudicate_changed(const char *key, const char *value, json_t **ret_decision)
{
    CMAW_BUF_AUTO(policies, FILE_MAX);
    CMAW_BUF_AUTO(out, FILE_MAX);
    const char *problem = "";
    read_file(&policies, "agents", "policies.json");
    json_t *claim = json_loads(base_claim, 0, NULL);
    assert_non_null(claim);
    if (value != NULL) {
        json_object_set_new(claim, key, json_loads(value, JSON_DECODE_ANY, NULL));
    } else if (key != NULL) {
        json_object_del(claim, key);
    }
    char *text = json_dumps(claim, 0);
    const enum cmaw_err err = cmaw_adjudicate(cmaw_slice_of_cstr(text), cmaw_buf_slice(&policies), &out, &problem);
    if (err == CMAW_OK) {
        *ret_decision = parse(&out);
    } else {
        assert_string_not_equal(problem, "");
    }
    free(text);
    json_decref(claim);
    return err;
}

static void each_rule_answers_for_its_own_fault(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value, *decision, *rule;
    } cases[] = {
        {NULL, NULL, "approve", "R-COV-0"},
        {"letter", "{\"bytes\":200000,\"cut\":true}", "refer", "R-FORM-1"},
        {"claimant", "null", "refer", "R-FORM-2"},
        {"policy_number", "null", "refer", "R-FORM-3"},
        {"date_of_loss", "null", "refer", "R-FORM-4"},
        {"kind", "null", "refer", "R-FORM-5"},
        {"amounts", "{\"claimed\":null,\"found\":[]}", "refer", "R-FORM-6"},
        {"confidence", "{\"claimant\":59}", "refer", "R-CONF-1"},
        {"confidence", "{\"claimant\":60}", "approve", "R-COV-0"},
        {"policy_number", "\"HH-2204-118938\"", "refer", "R-POL-1"},
        {"claimant", "\"Margarete Vogel\"", "refer", "R-POL-2"},
        {"date_of_notice", "\"2026-01-13\"", "refer", "R-DATE-1"},
        {"date_of_notice", "\"2026-01-14\"", "approve", "R-COV-0"},
        {"date_of_loss", "\"2024-02-29\"", "deny", "R-POL-3"},
        {"kind", "\"travel\"", "deny", "R-COV-1"},
        {"date_of_loss", "\"2024-03-30\"", "deny", "R-WAIT-1"},   /* 2024-03-01 and 30 days are 2024-03-31 */
        {"date_of_loss", "\"2024-03-31\"", "refer", "R-NOT-1"},   /* no longer waiting; but notified in 2026 */
        {"circumstances", "[{\"tag\":\"flood\",\"sure\":true,\"quote\":\"the river\"}]", "deny", "R-EXC-1"},
        {"circumstances", "[{\"tag\":\"flood\",\"sure\":false,\"quote\":\"the river\"}]", "refer", "R-EXC-2"},
        {"circumstances", "[{\"tag\":\"unlocked\",\"sure\":true,\"quote\":\"x\"}]", "approve", "R-COV-0"}, /* excluded for theft only */
        {"date_of_notice", "\"2026-02-13\"", "approve", "R-COV-0"},
        {"date_of_notice", "\"2026-02-14\"", "refer", "R-NOT-1"},
        {"date_of_notice", "null", "refer", "R-NOT-2"},
        {"confidence", "{\"payee_iban\":59}", "refer", "R-CONF-1"},
        {"amounts", "{\"claimed\":{\"minor\":100000,\"currency\":\"USD\"}}", "refer", "R-CUR-1"},
        {"amounts", "{\"claimed\":{\"minor\":25000,\"currency\":\"EUR\"}}", "deny", "R-DED-2"},
        {"amounts", "{\"claimed\":{\"minor\":25001,\"currency\":\"EUR\"}}", "approve", "R-COV-0"},
        {"amounts", "{\"claimed\":{\"minor\":1025000,\"currency\":\"EUR\"}}", "approve", "R-COV-0"},
        {"amounts", "{\"claimed\":{\"minor\":1025001,\"currency\":\"EUR\"}}", "refer", "R-LIM-2"},
        {"amounts", "{\"claimed\":{\"minor\":9223372036854775,\"currency\":\"EUR\"}}", "refer", "R-LIM-2"},
        {"injuries", "[\"my leg is broken\"]", "refer", "R-INJ-1"},
        {"injuries", "null", "approve", "R-COV-0"},
        {"payee_iban", "null", "refer", "R-PAY-1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *decision = NULL;
        print_message("# %s %s: %s\n", cases[i].key, cases[i].value, cases[i].rule);
        assert_int_equal(adjudicate_changed(cases[i].key, cases[i].value, &decision), CMAW_OK);
        assert_string_equal(field(decision, "decision"), cases[i].decision);
        assert_string_equal(field(json_array_get(json_object_get(decision, "reasons"), 0), "rule"), cases[i].rule);
        json_decref(decision);
    }
}

static void a_claim_of_the_wrong_shape_is_refused(void **state)
{
    (void)state;
    static const char *const keys[] = {"schema", "claimant", "policy_number", "kind", "payee_iban", "date_of_loss", "date_of_notice", "injuries",
                                       "third_parties", "circumstances", "trail", "confidence", "amounts", "letter"};
    json_t *decision = NULL;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        assert_int_equal(adjudicate_changed(keys[i], NULL, &decision), CMAW_E_MALFORMED);
    }
    assert_int_equal(adjudicate_changed("schema", "\"claim/2\"", &decision), CMAW_E_MALFORMED);
    assert_int_equal(adjudicate_changed("claimant", "7", &decision), CMAW_E_MALFORMED);
    assert_int_equal(adjudicate_changed("date_of_loss", "\"2026-02-30\"", &decision), CMAW_E_MALFORMED);
    assert_int_equal(adjudicate_changed("circumstances", "[7]", &decision), CMAW_E_MALFORMED);
    assert_int_equal(adjudicate_changed("amounts", "{\"claimed\":{\"minor\":-1,\"currency\":\"EUR\"}}", &decision), CMAW_E_MALFORMED);
    assert_int_equal(adjudicate_changed("amounts", "{\"claimed\":{\"minor\":9223372036854775807,\"currency\":\"EUR\"}}", &decision), CMAW_E_MALFORMED);
    assert_int_equal(adjudicate_changed("amounts", "{\"claimed\":{\"minor\":1.5,\"currency\":\"EUR\"}}", &decision), CMAW_E_MALFORMED);
}

static void a_table_with_a_mistake_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to;
    } mistakes[] = {
        {"\"limit\": 1500000", "\"limit\": 15000.00"}, {"\"deductible\": 25000", "\"deductable\": 25000"}, {"\"share_percent\": 80", "\"share_percent\": 0"},
        {"\"from\": \"2024-03-01\"", "\"from\": \"2024-02-30\""}, {"\"to\": \"2027-02-28\"", "\"to\": \"2023-02-28\""},
        {"\"currency\": \"GBP\"", "\"currency\": \"GBB\""}, {"\"version\": 1", "\"version\": 2"}, {"[\"flood\", \"wear\"]", "[1]"}, {"{", ""},
    };
    CMAW_BUF_AUTO(policies, FILE_MAX);
    read_file(&policies, "agents", "policies.json");
    cmaw_buf_put_u8(&policies, 0);
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        CMAW_BUF_AUTO(changed, FILE_MAX);
        json_t *table = NULL;
        const char *problem = "";
        const char *text = (const char *)policies.data;
        const char *at = strstr(text, mistakes[i].from);
        assert_non_null(at);
        cmaw_buf_put(&changed, cmaw_slice_of(text, (size_t)(at - text)));
        cmaw_buf_put_cstr(&changed, mistakes[i].to);
        cmaw_buf_put_cstr(&changed, at + strlen(mistakes[i].from));
        assert_int_equal(cmaw_policies_parse(cmaw_buf_slice(&changed), &table, &problem), CMAW_E_MALFORMED);
        assert_string_not_equal(problem, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(payable_is_exact),
        cmocka_unit_test(each_rule_answers_for_its_own_fault),
        cmocka_unit_test(a_claim_of_the_wrong_shape_is_refused),
        cmocka_unit_test(a_table_with_a_mistake_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
