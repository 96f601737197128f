#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/report/graph.h"
#include "client/report/html.h"

static void whatever_is_shown_is_text(void **state)
{
    (void)state;
    static const struct {
        const char *text, *shown;
    } table[] = {
        {"plain \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "plain \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"},
        {"\" onload='x' &amp;", "&quot; onload=&#39;x&#39; &amp;amp;"},
        {"</title></style>-->", "&lt;/title&gt;&lt;/style&gt;--&gt;"},
        {"a\x1b[31mb\x7f\xc2\x85", "a\xef\xbf\xbd[31mb\xef\xbf\xbd\xef\xbf\xbd"},
        {"a\xff" "b\xc3", "a\xef\xbf\xbd" "b\xef\xbf\xbd"},
        {"\xc0\xbc", "\xef\xbf\xbd\xef\xbf\xbd"},                     /* "<" in two bytes */
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},       /* a surrogate */
        {"evil\xe2\x80\xae" "gpj.exe", "evil\xef\xbf\xbdgpj.exe"},       /* writes the rest from right to left */
        {"\xe2\x81\xa6x\xef\xbb\xbf", "\xef\xbf\xbdx\xef\xbf\xbd"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        CMAW_BUF_AUTO(buf, 4096);
        CMAW_BUF_AUTO(want, 4096);
        struct cmaw_html html = {.buf = &buf};
        cmaw_html_open(&html, "p");
        cmaw_html_attr(&html, "title", table[i].text);
        cmaw_html_text(&html, table[i].text);
        cmaw_html_close(&html);
        assert_int_equal(cmaw_html_end(&html), CMAW_OK);
        cmaw_buf_printf(&want, "\n<p title=\"%s\">%s</p>", table[i].shown, table[i].shown);
        if (!cmaw_slice_eq(cmaw_buf_slice(&buf), cmaw_buf_slice(&want))) {
            fail_msg("%.*s", (int)buf.size, (const char *)buf.data);
        }
    }
}

static void elements_close_as_they_opened(void **state)
{
    (void)state;
    CMAW_BUF_AUTO(buf, 4096);
    struct cmaw_html html = {.buf = &buf};
    cmaw_html_open(&html, "a");
    cmaw_html_attr_base64(&html, "href", "data:x;base64,", CMAW_SLICE_LIT("\xff\xff<"));
    cmaw_html_void(&html, "rect", (const char *const[]){"x", "1", NULL});
    assert_int_equal(cmaw_html_end(&html), CMAW_E_BUG);
    cmaw_html_close(&html);
    assert_int_equal(cmaw_html_end(&html), CMAW_OK);
    cmaw_buf_put_u8(&buf, 0);
    assert_string_equal((const char *)buf.data, "\n<a href=\"data:x;base64,//88\">\n<rect x=\"1\"/></a>");
    cmaw_html_close(&html);
    assert_int_equal(cmaw_html_end(&html), CMAW_E_BUG);
}

static void too_deep_is_an_error(void **state)
{
    (void)state;
    CMAW_BUF_AUTO(buf, 4096);
    struct cmaw_html html = {.buf = &buf};
    for (size_t i = 0; i <= CMAW_HTML_DEPTH; i++) {
        cmaw_html_open(&html, "b");
    }
    assert_int_equal(cmaw_html_end(&html), CMAW_E_BUG);
}

static uint32_t next(uint32_t *seed, uint32_t below)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % below;
}

static void add_edge(struct cmaw_plan *plan, uint32_t from, uint32_t to)
{
    const uint32_t id = plan->edge_count + 1;
    plan->edges[plan->edge_count++] = (struct cmaw_plan_edge){.id = id, .from = from, .to = to, .name = CMAW_SLICE_LIT("e")};
}

/* Steps in any order of ids, each on a way from the client to the client. */
static void make_plan(uint32_t seed, uint32_t steps, uint32_t more, struct cmaw_plan *plan)
{
    uint32_t order[CMAW_STEPS_MAX];
    bool gives[CMAW_STEPS_MAX + 1] = {false};
    *plan = (struct cmaw_plan){.step_count = steps};
    for (uint32_t i = 0; i < steps; i++) {
        const uint32_t at = next(&seed, i + 1);
        order[i] = order[at];
        order[at] = i + 1;
        plan->steps[i] = (struct cmaw_plan_step){.id = i + 1};
    }
    for (uint32_t i = 0; i < steps + more; i++) {
        const uint32_t to = i < steps ? i : next(&seed, steps);
        const uint32_t from = to == 0 || next(&seed, 4) == 0 ? 0 : order[next(&seed, to)];
        add_edge(plan, from, order[to]);
        gives[from] = true;
    }
    for (uint32_t i = 1; i <= steps; i++) {
        if (!gives[i] || next(&seed, 5) == 0) {
            add_edge(plan, i, 0);
        }
    }
}

static void assert_apart(const struct cmaw_graph *graph)
{
    for (size_t i = 0; i < graph->node_count; i++) {
        const struct cmaw_graph_node *a = &graph->nodes[i];
        assert_true(a->x - cmaw_graph_node_width(a) / 2 >= 0 && a->x + cmaw_graph_node_width(a) / 2 <= graph->width);
        assert_true(a->y - cmaw_graph_node_height(a) / 2 >= 0 && a->y + cmaw_graph_node_height(a) / 2 <= graph->height);
        for (size_t j = 0; j < i; j++) {
            const struct cmaw_graph_node *b = &graph->nodes[j];
            if (a->layer == b->layer) {
                assert_int_equal(a->y, b->y);
                assert_true(abs(a->x - b->x) >= (cmaw_graph_node_width(a) + cmaw_graph_node_width(b)) / 2);
            } else {
                assert_true((a->layer < b->layer) == (a->y < b->y));
                assert_true(abs(a->y - b->y) > (cmaw_graph_node_height(a) + cmaw_graph_node_height(b)) / 2);
            }
        }
    }
}

static void assert_lines(const struct cmaw_plan *plan, const struct cmaw_graph *graph)
{
    size_t edges = 0;
    for (size_t i = 0; i < graph->line_count; i++) {
        const struct cmaw_graph_line *line = &graph->lines[i];
        const uint32_t from = cmaw_graph_from(graph, line)->layer, to = cmaw_graph_to(graph, line)->layer;
        assert_true(from < to);
        assert_int_equal(line->bend_count, to - from - 1);
        for (uint32_t j = 0; j < line->bend_count; j++) {
            assert_int_equal(graph->nodes[line->first_bend + j].kind, CMAW_GRAPH_BEND);
            assert_int_equal(graph->nodes[line->first_bend + j].layer, from + 1 + j);
        }
        for (uint32_t j = 0; j < line->edge_count; j++) {
            const struct cmaw_plan_edge *edge = cmaw_plan_edge_at(plan, line->edges[j]);
            assert_true(edge->from == line->from && edge->to == line->to);
        }
        edges += line->edge_count;
    }
    assert_int_equal(edges, plan->edge_count);
}

static void every_plan_is_laid_out(void **state)
{
    (void)state;
    struct cmaw_plan *plan = calloc(1, sizeof *plan);
    assert_non_null(plan);
    for (uint32_t seed = 1; seed <= 120; seed++) {
        make_plan(seed, seed % CMAW_STEPS_MAX + 1, seed % 5 == 0 ? 60 : seed % 7, plan);
        struct cmaw_graph graph;
        assert_int_equal(cmaw_graph_layout(plan, &graph), CMAW_OK);
        assert_apart(&graph);
        assert_lines(plan, &graph);
        cmaw_graph_free(&graph);
    }
    free(plan);
}

/* a and b cross unless the layout sees it. */
static void crossings_are_undone(void **state)
{
    (void)state;
    struct cmaw_plan *plan = calloc(1, sizeof *plan);
    assert_non_null(plan);
    plan->step_count = 4;
    static const uint32_t edges[][2] = {{0, 1}, {0, 2}, {1, 4}, {2, 3}, {3, 0}, {4, 0}};
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
        add_edge(plan, edges[i][0], edges[i][1]);
    }
    struct cmaw_graph graph;
    assert_int_equal(cmaw_graph_layout(plan, &graph), CMAW_OK);
    assert_true((graph.nodes[2].x < graph.nodes[3].x) == (graph.nodes[5].x < graph.nodes[4].x));
    cmaw_graph_free(&graph);
    free(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_is_shown_is_text),
        cmocka_unit_test(elements_close_as_they_opened),
        cmocka_unit_test(too_deep_is_an_error),
        cmocka_unit_test(every_plan_is_laid_out),
        cmocka_unit_test(crossings_are_undone),
    };
    return cmocka_run_group_tests_name("client_report", tests, NULL, NULL);
}
