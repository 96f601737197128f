/* The example agents in doubt: one letter, told in many ways, and what a careful person would decide about each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "agents/adjudicate/adjudicate.h"
#include "agents/intake/intake.h"
#include "sys/file.h"

enum { FILE_MAX = 1 << 20 };

struct told {
    const char *body;
    const char *decision;
    const char *rule; /* the first reason */
};

#define DATED "Stuttgart, 19 January 2026\n\n"
#define NOBODY "Nobody was hurt.\n"

struct frame {
    const char *sender;
    const char *event;
    const char *end;
};
#define MARGARETHE "Margarethe Vogel\nLindenstrasse 48\n70193 Stuttgart\n\n"
#define HER_POLICY "Policy number: HH-2204-118937\n\nDear Sir or Madam,\n\non 14 January 2026 "
#define HER_END "My account is DE89 3704 0044 0532 0130 00.\n\nYours faithfully,\n\nMargarethe Vogel\n"

static const struct frame household = {MARGARETHE, HER_POLICY "the pipe under the sink burst and the water ruined the parquet.", HER_END};
static const struct frame theft = {
    MARGARETHE, HER_POLICY "my ring was stolen in a burglary. The police report is enclosed. It was EUR 900.", HER_END};
static const struct frame motor = {
    "Daniel Okafor\n14 Mill Lane\nLeeds\n\n",
    "Policy MO-7731-204455\n\nDear claims team,\n\non 14 January 2026 a van ran into the back of my car at a roundabout. The bumper is GBP 1,200.00.",
    "My account is GB29 NWBK 6016 1331 9268 19.\n\nKind regards\nDaniel Okafor\n"};

static json_t *decide(const char *letter)
{
    CMAW_BUF_AUTO(claim, FILE_MAX);
    CMAW_BUF_AUTO(policies, FILE_MAX);
    CMAW_BUF_AUTO(decision, FILE_MAX);
    struct cmaw_diag diag = {0};
    const char *problem = "";
    assert_int_equal(cmaw_file_read(CMAW_SOURCE_ROOT "/agents/policies.json", &policies, &diag), CMAW_OK);
    assert_int_equal(cmaw_intake(cmaw_slice_of_cstr(letter), &claim), CMAW_OK);
    assert_int_equal(cmaw_adjudicate(cmaw_buf_slice(&claim), cmaw_buf_slice(&policies), &decision, &problem), CMAW_OK);
    json_t *json = json_loadb((const char *)decision.data, decision.size, 0, NULL);
    assert_non_null(json);
    return json;
}

static void check(const struct frame *frame, const char *dated, const struct told *told, const char *people)
{
    static char letter[64 * 1024];
    (void)snprintf(letter, sizeof letter, "%s%s%s\n\n%s\n\n%s\n%s", frame->sender, dated, frame->event, told->body, people, frame->end);
    json_t *decision = decide(letter);
    print_message("# %.80s: %s %s\n", told->body, told->decision, told->rule);
    assert_string_equal(json_string_value(json_object_get(decision, "decision")), told->decision);
    assert_string_equal(json_string_value(json_object_get(json_array_get(json_object_get(decision, "reasons"), 0), "rule")), told->rule);
    json_decref(decision);
}

static void a_figure_that_nobody_could_pay_is_not_paid(void **state)
{
    (void)state;
    static const struct told cases[] = {
        {"The repair costs EUR 2,500.", "approve", "R-COV-0"},
        {"The repair costs EUR 2,500. The plumber charged EUR 318.", "approve", "R-COV-0"},
        {"The repair will cost between EUR 2,500 and EUR 3,500.", "refer", "R-CONF-1"},
        {"The repair will cost EUR 2,500 to EUR 3,500.", "refer", "R-CONF-1"},
        {"The repair will cost EUR 2,500-3,500.", "refer", "R-CONF-1"},
        {"The repair will cost EUR 2,500 - 3,500.", "refer", "R-CONF-1"},
        {"The repair will cost approximately EUR 2,500.", "refer", "R-CONF-1"},
        {"The repair will cost up to EUR 2,500.", "refer", "R-CONF-1"},
        {"Two chairs were ruined, EUR 300 each.", "refer", "R-CONF-1"},
        {"The parquet costs EUR 2,500.00. As I said, the parquet is EUR 2,500.00.", "refer", "R-CONF-1"},
        {"The parquet costs EUR 2,500. I do not claim the EUR 700 for the carpet.", "refer", "R-CONF-1"},
        {"The parquet costs EUR 2,500. My neighbour has paid me EUR 700 of it.", "refer", "R-CONF-1"},
        {"The parquet costs EUR 2,500. I received EUR 700 from the maker.", "refer", "R-CONF-1"},
        {"The parquet costs EUR 2,500, less a discount of EUR 500.", "refer", "R-CONF-1"},
        {"The parquet costs EUR 2,500. I also have policy KV-9083-552210 with you.", "refer", "R-CONF-1"},
        {"The parquet costs EUR 2,500. The plumber has FR14 2004 1010 0505 0001 3M02 606.", "refer", "R-CONF-1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check(&household, DATED, &cases[i], NOBODY);
    }
}

static void more_figures_than_are_read_are_not_summed_up(void **state)
{
    (void)state;
    static char body[32 * 1024];
    size_t size = 0;
    for (int i = 1; i <= 65; i++) {
        size += (size_t)snprintf(body + size, sizeof body - size, "- tile number %c: EUR %d.00\n", 'a' + i % 26, i + 10);
    }
    const struct told told = {body, "refer", "R-CONF-1"};
    check(&household, DATED, &told, NOBODY);
}

static void a_letter_without_a_date_may_be_late(void **state)
{
    (void)state;
    const struct told told = {"The repair costs EUR 2,500.", "refer", "R-NOT-2"};
    check(&household, "", &told, NOBODY);
}

static void whoever_was_hurt_is_seen(void **state)
{
    (void)state;
    static const char *const people[] = {"My daughter slipped and broke her arm.\n", "My husband died in the accident.\n", "I cut my hand.\n",
                                         "I was unhurt, but my son complains of neck pain.\n", "She was hospitalised.\n"};
    const struct told told = {"The repair costs EUR 2,500.", "refer", "R-INJ-1"};
    for (size_t i = 0; i < sizeof people / sizeof people[0]; i++) {
        check(&household, DATED, &told, people[i]);
    }
}

static void nothing_is_denied_for_what_the_letter_does_not_say(void **state)
{
    (void)state;
    static const struct {
        const struct frame *frame;
        struct told told;
    } cases[] = {
        {&household, {"It is EUR 2,500. I live next to the river.", "approve", "R-COV-0"}},
        {&household, {"It is EUR 2,500. The river did not burst its banks, and no flood water came.", "approve", "R-COV-0"}},
        {&household, {"It is EUR 2,500. The river burst its banks that night.", "deny", "R-EXC-1"}},
        {&household, {"It is EUR 2,500. I have paid my premium for months and for years.", "approve", "R-COV-0"}},
        {&theft, {"When I came home I unlocked the door and saw it.", "approve", "R-COV-0"}},
        {&theft, {"The balcony door was unlocked.", "deny", "R-EXC-1"}},
        {&theft, {"The thieves left open every drawer.", "approve", "R-COV-0"}},
        {&motor, {"I had been drinking.", "deny", "R-EXC-1"}},
        {&motor, {"I had not been drinking alcohol.", "approve", "R-COV-0"}},
        {&motor, {"The other driver had been drinking.", "refer", "R-EXC-2"}},
        {&motor, {"The other driver had been drinking. I had been drinking, too.", "deny", "R-EXC-1"}},
        {&motor, {"I had not been drinking before noon. Later I had been drinking.", "deny", "R-EXC-1"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check(cases[i].frame, DATED, &cases[i].told, NOBODY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_figure_that_nobody_could_pay_is_not_paid),
        cmocka_unit_test(more_figures_than_are_read_are_not_summed_up),
        cmocka_unit_test(a_letter_without_a_date_may_be_late),
        cmocka_unit_test(whoever_was_hurt_is_seen),
        cmocka_unit_test(nothing_is_denied_for_what_the_letter_does_not_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
