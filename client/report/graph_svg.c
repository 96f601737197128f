#include <stdio.h>
#include <string.h>

#include "client/report/parts.h"
#include "lib/base/text.h"

enum { LABELS_MAX = 24, WIDE = 420, PAGE = 1500, NAME_SHOWN = 20, PCR_SHOWN = 16 };

/* The first characters of a name, with an ellipsis if there are more. */
static void put_short(struct cmaw_html *html, struct cmaw_slice name)
{
    size_t size = name.size;
    if (size > NAME_SHOWN) {
        size = NAME_SHOWN - 1;
        while (size > 0 && (name.data[size] & 0xc0) == 0x80) {
            size--;
        }
    }
    cmaw_html_slice(html, cmaw_slice_sub(name, 0, size));
    cmaw_html_text(html, size < name.size ? "…" : "");
}

static void pcr0_text(const struct cmaw_page *page, const struct cmaw_plan_step *step, size_t digits, char ret_text[static 2 * CMAW_PCR_SIZE + 1])
{
    const struct cmaw_slice pcr = cmaw_step_pcr(page->report, step, 0);
    if (pcr.size != CMAW_PCR_SIZE || cmaw_hex_to_cstr(pcr, ret_text, 2 * CMAW_PCR_SIZE + 1) != CMAW_OK) {
        ret_text[0] = '\0';
        return;
    }
    ret_text[digits] = '\0';
}

static void text_at(struct cmaw_html *html, const char *css_class, int x, int y)
{
    cmaw_html_open(html, "text");
    cmaw_html_attr(html, "class", css_class);
    cmaw_html_attrf(html, "x", "%d", x);
    cmaw_html_attrf(html, "y", "%d", y);
}

static void draw_box(struct cmaw_html *html, const struct cmaw_graph_node *node, int radius)
{
    char x[16], y[16], width[16], height[16], rx[16];
    (void)snprintf(x, sizeof x, "%d", node->x - cmaw_graph_node_width(node) / 2);
    (void)snprintf(y, sizeof y, "%d", node->y - cmaw_graph_node_height(node) / 2);
    (void)snprintf(width, sizeof width, "%d", cmaw_graph_node_width(node));
    (void)snprintf(height, sizeof height, "%d", cmaw_graph_node_height(node));
    (void)snprintf(rx, sizeof rx, "%d", radius);
    cmaw_html_void(html, "rect", (const char *const[]){"x", x, "y", y, "width", width, "height", height, "rx", rx, NULL});
}

static void draw_end(struct cmaw_page *page, const struct cmaw_graph_node *node)
{
    struct cmaw_html *html = &page->html;
    cmaw_html_open(html, "g");
    cmaw_html_attr(html, "class", "end");
    draw_box(html, node, CMAW_GRAPH_END_HEIGHT / 2);
    text_at(html, "name", node->x, node->y + 5);
    cmaw_html_text(html, node->kind == CMAW_GRAPH_SOURCE ? "data owner: inputs" : "data owner: results");
    cmaw_html_close(html);
    cmaw_html_close(html);
}

static void time_text(const struct cmaw_page *page, const struct cmaw_plan_step *step, char *ret_text, size_t size)
{
    const struct cmaw_verified_step *claims = cmaw_step_claims(page->report, step);
    if (claims == NULL) {
        (void)snprintf(ret_text, size, "not proven");
        return;
    }
    char lasted[CMAW_LASTED_SIZE];
    cmaw_lasted_text(claims->finished_ms - claims->started_ms, lasted);
    (void)snprintf(ret_text, size, "%s, attempt %u", lasted, claims->attempt);
}

static void draw_step(struct cmaw_page *page, const struct cmaw_graph_node *node)
{
    struct cmaw_html *html = &page->html;
    const struct cmaw_plan_step *step = cmaw_plan_step_at(page->plan, node->step);
    char pcr0[2 * CMAW_PCR_SIZE + 1], took[96];
    cmaw_html_open(html, "g");
    cmaw_html_attr(html, "class", "step");
    cmaw_html_open(html, "title");
    cmaw_html_slice(html, step->name);
    cmaw_html_text(html, ", role ");
    cmaw_html_slice(html, cmaw_role_name(page->report, step));
    pcr0_text(page, step, 2 * CMAW_PCR_SIZE, pcr0);
    cmaw_html_textf(html, ", PCR0 %s", pcr0);
    cmaw_html_close(html);
    draw_box(html, node, 8);
    const int top = node->y - CMAW_GRAPH_NODE_HEIGHT / 2;
    text_at(html, "name", node->x, top + 22);
    put_short(html, step->name);
    cmaw_html_close(html);
    text_at(html, "small", node->x, top + 41);
    cmaw_html_text(html, "role ");
    put_short(html, cmaw_role_name(page->report, step));
    cmaw_html_close(html);
    pcr0_text(page, step, PCR_SHOWN, pcr0);
    text_at(html, "small mono", node->x, top + 59);
    cmaw_html_textf(html, "%s…", pcr0);
    cmaw_html_close(html);
    time_text(page, step, took, sizeof took);
    text_at(html, "small", node->x, top + 77);
    cmaw_html_text(html, took);
    cmaw_html_close(html);
    cmaw_html_close(html);
}

static void draw_label(struct cmaw_page *page, const struct cmaw_graph_line *line, int x, int y)
{
    struct cmaw_html *html = &page->html;
    text_at(html, "label", x, y);
    if (line->edge_count > 1) {
        cmaw_html_textf(html, "%u edges", line->edge_count);
    } else {
        put_short(html, cmaw_plan_edge_at(page->plan, line->edges[0])->name);
    }
    cmaw_html_close(html);
}

/* A curve from the bottom of the upper node through the bends to the top of the lower one. Returns where its first piece is half way. */
static void curve(const struct cmaw_graph *graph, const struct cmaw_graph_line *line, struct cmaw_buf *path, int *ret_x, int *ret_y)
{
    const struct cmaw_graph_node *from = cmaw_graph_from(graph, line), *to = cmaw_graph_to(graph, line);
    int x = from->x, y = from->y + cmaw_graph_node_height(from) / 2;
    cmaw_buf_printf(path, "M%d %d", x, y);
    for (uint32_t i = 0; i <= line->bend_count; i++) {
        const bool last = i == line->bend_count;
        const struct cmaw_graph_node *next = last ? to : &graph->nodes[line->first_bend + i];
        const int end_x = next->x, end_y = next->y - (last ? cmaw_graph_node_height(next) / 2 + 7 : CMAW_GRAPH_NODE_HEIGHT / 2);
        if (i == 0) {
            *ret_x = (x + end_x) / 2;
            *ret_y = (y + end_y) / 2 + 4;
        }
        cmaw_buf_printf(path, "C%d %d %d %d %d %d", x, (y + end_y) / 2, end_x, (y + end_y) / 2, end_x, end_y);
        x = end_x;
        y = end_y;
        if (!last) {
            y += CMAW_GRAPH_NODE_HEIGHT;
            cmaw_buf_printf(path, "L%d %d", x, y);
        }
    }
}

static enum cmaw_err draw_line(struct cmaw_page *page, const struct cmaw_graph *graph, const struct cmaw_graph_line *line)
{
    struct cmaw_html *html = &page->html;
    CMAW_BUF_AUTO(path, 64 * 1024);
    int x = 0, y = 0;
    curve(graph, line, &path, &x, &y);
    cmaw_buf_put_u8(&path, 0);
    CMAW_TRY(path.err);
    cmaw_html_open(html, "g");
    cmaw_html_open(html, "title");
    for (uint32_t i = 0; i < line->edge_count; i++) {
        cmaw_html_text(html, i > 0 ? ", " : "");
        cmaw_html_slice(html, cmaw_plan_edge_at(page->plan, line->edges[i])->name);
    }
    cmaw_html_close(html);
    cmaw_html_void(html, "path", (const char *const[]){"class", "edge", "marker-end", "url(#arrow)", "d", (const char *)path.data, NULL});
    cmaw_html_close(html);
    return html->buf->err;
}

/* Over the lines, which they interrupt. */
static enum cmaw_err draw_labels(struct cmaw_page *page, const struct cmaw_graph *graph)
{
    for (size_t i = 0; graph->line_count <= LABELS_MAX && i < graph->line_count; i++) {
        CMAW_BUF_AUTO(path, 64 * 1024);
        int x = 0, y = 0;
        curve(graph, &graph->lines[i], &path, &x, &y);
        CMAW_TRY(path.err);
        draw_label(page, &graph->lines[i], x, y);
    }
    return CMAW_OK;
}

static void describe(struct cmaw_page *page)
{
    struct cmaw_html *html = &page->html;
    for (size_t i = 0; i < page->plan->step_count; i++) {
        const struct cmaw_plan_step *step = &page->plan->steps[i];
        char pcr0[2 * CMAW_PCR_SIZE + 1], took[96];
        pcr0_text(page, step, 2 * CMAW_PCR_SIZE, pcr0);
        time_text(page, step, took, sizeof took);
        cmaw_html_text(html, "Step ");
        cmaw_html_slice(html, step->name);
        cmaw_html_text(html, ", role ");
        cmaw_html_slice(html, cmaw_role_name(page->report, step));
        cmaw_html_textf(html, ", PCR0 %s, %s. ", pcr0, took);
    }
    for (size_t i = 0; i < page->plan->edge_count; i++) {
        const struct cmaw_plan_edge *edge = &page->plan->edges[i];
        cmaw_html_slice(html, edge->name);
        cmaw_html_text(html, " goes from ");
        cmaw_html_slice(html, cmaw_end_name(page->plan, edge->from));
        cmaw_html_text(html, " to ");
        cmaw_html_slice(html, cmaw_end_name(page->plan, edge->to));
        cmaw_html_text(html, ". ");
    }
}

static void open_drawing(struct cmaw_page *page, const struct cmaw_graph *graph)
{
    struct cmaw_html *html = &page->html;
    cmaw_html_open(html, "svg");
    cmaw_html_attrf(html, "class", "graph%s%s", graph->width > WIDE ? " wide" : "", graph->height <= PAGE ? " paged" : "");
    cmaw_html_attr(html, "role", "img");
    cmaw_html_attr(html, "aria-labelledby", "graph-title graph-desc");
    cmaw_html_attrf(html, "width", "%d", graph->width);
    cmaw_html_attrf(html, "height", "%d", graph->height);
    cmaw_html_attrf(html, "viewBox", "0 0 %d %d", graph->width, graph->height);
    cmaw_html_open(html, "title");
    cmaw_html_attr(html, "id", "graph-title");
    cmaw_html_textf(html, "The workflow: %u steps, %u edges", page->plan->step_count, page->plan->edge_count);
    cmaw_html_close(html);
    cmaw_html_open(html, "desc");
    cmaw_html_attr(html, "id", "graph-desc");
    describe(page);
    cmaw_html_close(html);
    cmaw_html_open(html, "defs");
    cmaw_html_open(html, "marker");
    cmaw_html_attr(html, "id", "arrow");
    cmaw_html_attr(html, "viewBox", "0 0 8 8");
    cmaw_html_attr(html, "refX", "1");
    cmaw_html_attr(html, "refY", "4");
    cmaw_html_attr(html, "markerWidth", "8");
    cmaw_html_attr(html, "markerHeight", "8");
    cmaw_html_attr(html, "markerUnits", "userSpaceOnUse");
    cmaw_html_attr(html, "orient", "auto");
    cmaw_html_void(html, "path", (const char *const[]){"class", "arrow", "d", "M0 0L8 4L0 8Z", NULL});
    cmaw_html_close(html);
    cmaw_html_close(html);
}

static enum cmaw_err draw(struct cmaw_page *page, const struct cmaw_graph *graph)
{
    open_drawing(page, graph);
    for (size_t i = 0; i < graph->line_count; i++) {
        CMAW_TRY(draw_line(page, graph, &graph->lines[i]));
    }
    CMAW_TRY(draw_labels(page, graph));
    for (size_t i = 0; i < graph->node_count; i++) {
        const struct cmaw_graph_node *node = &graph->nodes[i];
        if (node->kind == CMAW_GRAPH_STEP) {
            draw_step(page, node);
        } else if (node->kind != CMAW_GRAPH_BEND) {
            draw_end(page, node);
        }
    }
    cmaw_html_close(&page->html);
    return CMAW_OK;
}

enum cmaw_err cmaw_page_graph(struct cmaw_page *page)
{
    struct cmaw_html *html = &page->html;
    struct cmaw_graph graph;
    CMAW_TRY(cmaw_graph_layout(page->plan, &graph));
    cmaw_html_open(html, "section");
    cmaw_html_attr(html, "id", "workflow");
    cmaw_html_attr(html, "aria-labelledby", "workflow-heading");
    cmaw_html_open(html, "h2");
    cmaw_html_attr(html, "id", "workflow-heading");
    cmaw_html_text(html, "Workflow");
    cmaw_html_close(html);
    cmaw_html_leaf(html, "p", NULL, page->report->run != NULL
        ? "Each box is a step, with its role, the start of the measurement (PCR0) of the image that did it, and how long it took. The tables below have all of it."
        : "The plan as its owner made it, with the measurement (PCR0) that the manifest asks for. The run does not verify, so nothing is said about what happened.");
    cmaw_html_open(html, "div");
    cmaw_html_attr(html, "class", "scroll");
    if (graph.width > WIDE) { /* it may have to be moved by keyboard */
        cmaw_html_attr(html, "tabindex", "0");
        cmaw_html_attr(html, "role", "region");
        cmaw_html_attr(html, "aria-label", "Drawing of the workflow");
    }
    const enum cmaw_err err = draw(page, &graph);
    cmaw_html_close(html);
    cmaw_graph_free(&graph);
    CMAW_TRY(err);
    cmaw_page_steps(page);
    cmaw_html_close(html);
    return CMAW_OK;
}
