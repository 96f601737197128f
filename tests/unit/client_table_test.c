#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "client/run/progress.h"
#include "client/table.h"

static const struct cmaw_table_column columns[] = {{"NAME", 4, false}, {"N", 0, true}, {"WHERE", 3, false}};
static const char *const cells[] = {"a-long-name-indeed", "7", "here", "b", "1234", "over\tthere\033[m"};
static const struct cmaw_table table = {.columns = columns, .column_count = 3, .cells = cells, .row_count = 2};

static void assert_line(size_t width, size_t row, const char *expected)
{
    size_t widths[CMAW_TABLE_COLUMNS_MAX];
    CMAW_BUF_AUTO(line, 256);
    cmaw_table_fit(&table, width, widths);
    cmaw_table_row(&table, widths, row, width, &line);
    cmaw_buf_put_u8(&line, '\0');
    assert_int_equal(line.err, CMAW_OK);
    assert_string_equal((const char *)line.data, expected);
}

static void rows_are_cut_to_the_line(void **state)
{
    (void)state;
    static const struct {
        size_t width, row;
        const char *line;
    } cases[] = {
        {0, SIZE_MAX, "NAME                   N  WHERE"},
        {0, 0, "a-long-name-indeed     7  here"},
        {0, 1, "b                   1234  over?there?[m"}, /* nothing moves the cursor */
        {34, 0, "a-long-name-…     7  here"},
        {24, 0, "a-long-…     7  here"},
        {24, 1, "b         1234  over?th…"},
        {15, 0, "a-l…     7  he…"},
        {10, 0, "a-l…     …"}, /* less than the columns want: the line is cut */
        {1, 0, "…"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_line(cases[i].width, cases[i].row, cases[i].line);
    }
}

static void text_is_broken_at_spaces(void **state)
{
    (void)state;
    CMAW_BUF_AUTO(text, 256);
    cmaw_text_wrap("one two three four", 2, 10, &text);
    cmaw_text_wrap("one two three four", 0, 0, &text);
    cmaw_buf_put_u8(&text, '\0');
    assert_string_equal((const char *)text.data, "  one two\n  three\n  four\none two three four\n");
}

/* What Temporal says is hostile: bytes that are no task or result, steps that are not in the plan, answers nobody waits for. */
static void nonsense_changes_no_step(void **state)
{
    (void)state;
    struct cmaw_progress_steps progress = {.count = 1, .steps = {{.name = "one"}}};
    static const uint8_t step_two[] = {0x0a, 0x01, 'p', 0x12, 0x01, 't', 0x18, 0x02, 0x28, 0x01};
    assert_null(cmaw_progress_started(&progress, 5, CMAW_SLICE_LIT("nonsense"), 1));
    assert_null(cmaw_progress_started(&progress, 5, CMAW_SLICE_ARRAY(step_two), 1));
    assert_null(cmaw_progress_done(&progress, 5, CMAW_SLICE_EMPTY, 2));
    assert_null(cmaw_progress_failed(&progress, 5, "DENIED"));
    assert_int_equal(progress.steps[0].state, CMAW_STEP_PENDING);
    progress.count = 2; /* the same bytes are a task where the plan has that step */
    assert_ptr_equal(cmaw_progress_started(&progress, 5, CMAW_SLICE_ARRAY(step_two), 1), &progress.steps[1]);
}

static void a_result_that_does_not_decode_still_ends_the_step(void **state)
{
    (void)state;
    struct cmaw_progress_steps progress = {.count = 1, .steps = {{.name = "one", .role = "r", .state = CMAW_STEP_RUNNING, .attempt = 2,
                                                                  .scheduled = 5, .since_ms = 100}}};
    assert_null(cmaw_progress_done(&progress, 6, CMAW_SLICE_EMPTY, 400));
    assert_non_null(cmaw_progress_done(&progress, 5, CMAW_SLICE_LIT("nonsense"), 400));
    CMAW_BUF_AUTO(text, 1024);
    cmaw_progress_say(&progress.steps[0], &text);
    cmaw_buf_put_u8(&text, '\0');
    assert_string_equal((const char *)text.data, "step one: done by enclave ? of role r, attempt 2, in 300 ms, state ?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_cut_to_the_line),
        cmocka_unit_test(text_is_broken_at_spaces),
        cmocka_unit_test(nonsense_changes_no_step),
        cmocka_unit_test(a_result_that_does_not_decode_still_ends_the_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
