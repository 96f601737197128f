#include "client/report/graph.h"

#include <stdlib.h>

enum { SOURCE = 0, SINK = 1, SWEEPS = 8, SCALE = 1000 };

void cmaw_graph_free(struct cmaw_graph *graph)
{
    free(graph->nodes);
    free(graph->lines);
    *graph = (struct cmaw_graph){0};
}

static struct cmaw_graph_node *from_of(const struct cmaw_graph *graph, const struct cmaw_graph_line *line)
{
    return &graph->nodes[line->from == 0 ? SOURCE : line->from + 1];
}

static struct cmaw_graph_node *to_of(const struct cmaw_graph *graph, const struct cmaw_graph_line *line)
{
    return &graph->nodes[line->to == 0 ? SINK : line->to + 1];
}

const struct cmaw_graph_node *cmaw_graph_from(const struct cmaw_graph *graph, const struct cmaw_graph_line *line)
{
    return from_of(graph, line);
}

const struct cmaw_graph_node *cmaw_graph_to(const struct cmaw_graph *graph, const struct cmaw_graph_line *line)
{
    return to_of(graph, line);
}

int cmaw_graph_node_width(const struct cmaw_graph_node *node)
{
    return node->kind == CMAW_GRAPH_BEND ? CMAW_GRAPH_BEND_WIDTH : CMAW_GRAPH_NODE_WIDTH;
}

int cmaw_graph_node_height(const struct cmaw_graph_node *node)
{
    return node->kind == CMAW_GRAPH_STEP ? CMAW_GRAPH_NODE_HEIGHT : node->kind == CMAW_GRAPH_BEND ? 0 : CMAW_GRAPH_END_HEIGHT;
}

static void take_edge(const struct cmaw_plan_edge *edge, struct cmaw_graph *graph)
{
    for (size_t i = 0; i < graph->line_count; i++) {
        struct cmaw_graph_line *line = &graph->lines[i];
        if (line->from == edge->from && line->to == edge->to) {
            line->edges[line->edge_count++] = edge->id;
            return;
        }
    }
    graph->lines[graph->line_count++] = (struct cmaw_graph_line){.from = edge->from, .to = edge->to, .edges = {edge->id}, .edge_count = 1};
}

/* Longest path from the source. Without a cycle it is found in as many rounds as there are steps. */
static void set_layers(size_t step_count, struct cmaw_graph *graph)
{
    bool moved = true;
    for (size_t round = 0; moved && round <= step_count + 1; round++) {
        moved = false;
        for (size_t i = 0; i < graph->line_count; i++) {
            const uint32_t layer = from_of(graph, &graph->lines[i])->layer + 1;
            struct cmaw_graph_node *to = to_of(graph, &graph->lines[i]);
            if (to->layer < layer) {
                to->layer = layer;
                moved = true;
            }
        }
    }
    graph->layer_count = graph->nodes[SINK].layer + 1;
}

static enum cmaw_err add_bends(struct cmaw_graph *graph)
{
    size_t bends = 0;
    for (size_t i = 0; i < graph->line_count; i++) {
        struct cmaw_graph_line *line = &graph->lines[i];
        line->bend_count = to_of(graph, line)->layer - from_of(graph, line)->layer - 1;
        line->first_bend = (uint32_t)(graph->node_count + bends);
        bends += line->bend_count;
    }
    struct cmaw_graph_node *nodes = reallocarray(graph->nodes, graph->node_count + bends, sizeof *nodes);
    CMAW_REQUIRE(nodes != NULL, CMAW_E_NO_MEMORY);
    graph->nodes = nodes;
    graph->node_count += bends;
    for (size_t i = 0; i < graph->line_count; i++) {
        const struct cmaw_graph_line *line = &graph->lines[i];
        for (uint32_t j = 0; j < line->bend_count; j++) {
            nodes[line->first_bend + j] = (struct cmaw_graph_node){.kind = CMAW_GRAPH_BEND, .layer = from_of(graph, line)->layer + 1 + j};
        }
    }
    return CMAW_OK;
}

static struct cmaw_graph_node *line_node(const struct cmaw_graph *graph, const struct cmaw_graph_line *line, uint32_t index)
{
    return index == 0 ? from_of(graph, line) : index == line->bend_count + 1 ? to_of(graph, line) : &graph->nodes[line->first_bend + index - 1];
}

/* Nodes by layer, and in it from left to right. */
struct order {
    struct cmaw_graph_node **nodes;
    size_t *neighbours; /* of graph->nodes, on the side that is looked at */
};

static int by_place(const void *a, const void *b)
{
    const struct cmaw_graph_node *left = *(const struct cmaw_graph_node *const *)a, *right = *(const struct cmaw_graph_node *const *)b;
    if (left->layer != right->layer) {
        return left->layer < right->layer ? -1 : 1;
    }
    if (left->wanted != right->wanted) {
        return left->wanted < right->wanted ? -1 : 1;
    }
    return left->place < right->place ? -1 : left->place > right->place;
}

static void number_places(const struct cmaw_graph *graph, const struct order *order)
{
    qsort(order->nodes, graph->node_count, sizeof(struct cmaw_graph_node *), by_place);
    for (size_t i = 0; i < graph->node_count; i++) {
        order->nodes[i]->place = i > 0 && order->nodes[i - 1]->layer == order->nodes[i]->layer ? order->nodes[i - 1]->place + 1 : 0;
    }
}

static void want(const struct cmaw_graph *graph, const struct order *order, struct cmaw_graph_node *node, const struct cmaw_graph_node *neighbour)
{
    size_t *count = &order->neighbours[node - graph->nodes];
    node->wanted = *count == 0 ? 0 : node->wanted;
    node->wanted += (int64_t)neighbour->place * SCALE;
    ++*count;
}

/* Each node moves to the mean place of those above it, or below it: what crosses most is undone first. */
static void sweep(const struct cmaw_graph *graph, const struct order *order, bool down)
{
    for (size_t i = 0; i < graph->node_count; i++) {
        graph->nodes[i].wanted = (int64_t)graph->nodes[i].place * SCALE;
        order->neighbours[i] = 0;
    }
    for (size_t i = 0; i < graph->line_count; i++) {
        const struct cmaw_graph_line *line = &graph->lines[i];
        for (uint32_t j = 0; j <= line->bend_count; j++) {
            struct cmaw_graph_node *above = line_node(graph, line, j), *below = line_node(graph, line, j + 1);
            want(graph, order, down ? below : above, down ? above : below);
        }
    }
    for (size_t i = 0; i < graph->node_count; i++) {
        graph->nodes[i].wanted /= order->neighbours[i] > 0 ? (int64_t)order->neighbours[i] : 1;
    }
    number_places(graph, order);
}

/* Layers are centred. order->nodes is sorted. */
static void set_positions(struct cmaw_graph *graph, const struct order *order)
{
    int widths[CMAW_STEPS_MAX + 2] = {0};
    int x = 0, widest = 0;
    for (size_t i = 0; i < graph->node_count; i++) {
        struct cmaw_graph_node *node = order->nodes[i];
        x = node->place == 0 ? 0 : x + CMAW_GRAPH_GAP_X;
        node->x = x + cmaw_graph_node_width(node) / 2;
        x += cmaw_graph_node_width(node);
        widths[node->layer] = x;
        widest = x > widest ? x : widest;
    }
    const int step = CMAW_GRAPH_NODE_HEIGHT + CMAW_GRAPH_GAP_Y;
    const int first = CMAW_GRAPH_MARGIN + CMAW_GRAPH_END_HEIGHT / 2;
    const int ends = (CMAW_GRAPH_NODE_HEIGHT - CMAW_GRAPH_END_HEIGHT) / 2; /* the ends are lower than steps: less room is left */
    for (size_t i = 0; i < graph->node_count; i++) {
        struct cmaw_graph_node *node = &graph->nodes[i];
        node->x += CMAW_GRAPH_MARGIN + (widest - widths[node->layer]) / 2;
        node->y = first + (int)node->layer * step - (node->layer > 0 ? ends : 0) - (node->kind == CMAW_GRAPH_SINK ? ends : 0);
    }
    graph->width = widest + 2 * CMAW_GRAPH_MARGIN;
    graph->height = graph->nodes[SINK].y + first;
}

static enum cmaw_err place_nodes(struct cmaw_graph *graph)
{
    struct order order = {.nodes = calloc(graph->node_count, sizeof *order.nodes), .neighbours = calloc(graph->node_count, sizeof *order.neighbours)};
    const bool good = order.nodes != NULL && order.neighbours != NULL;
    for (size_t i = 0; good && i < graph->node_count; i++) {
        order.nodes[i] = &graph->nodes[i];
        graph->nodes[i].place = (uint32_t)i;
    }
    if (good) {
        number_places(graph, &order);
        for (int i = 0; i < SWEEPS; i++) {
            sweep(graph, &order, i % 2 == 0);
        }
        set_positions(graph, &order);
    }
    free((void *)order.nodes);
    free(order.neighbours);
    return good ? CMAW_OK : CMAW_E_NO_MEMORY;
}

static enum cmaw_err layout(const struct cmaw_plan *plan, struct cmaw_graph *graph)
{
    graph->node_count = plan->step_count + 2;
    graph->nodes = calloc(graph->node_count, sizeof *graph->nodes);
    graph->lines = calloc(plan->edge_count + 1, sizeof *graph->lines);
    CMAW_REQUIRE(graph->nodes != NULL && graph->lines != NULL, CMAW_E_NO_MEMORY);
    graph->nodes[SOURCE].kind = CMAW_GRAPH_SOURCE;
    graph->nodes[SINK] = (struct cmaw_graph_node){.kind = CMAW_GRAPH_SINK, .layer = 2};
    for (uint32_t i = 0; i < plan->step_count; i++) {
        graph->nodes[i + 2] = (struct cmaw_graph_node){.kind = CMAW_GRAPH_STEP, .step = i + 1, .layer = 1};
    }
    for (size_t i = 0; i < plan->edge_count; i++) {
        take_edge(&plan->edges[i], graph);
    }
    set_layers(plan->step_count, graph);
    CMAW_TRY(add_bends(graph));
    return place_nodes(graph);
}

enum cmaw_err cmaw_graph_layout(const struct cmaw_plan *plan, struct cmaw_graph *ret_graph)
{
    struct cmaw_graph graph = {0};
    const enum cmaw_err err = layout(plan, &graph);
    if (err != CMAW_OK) {
        cmaw_graph_free(&graph);
        return err;
    }
    *ret_graph = graph;
    return CMAW_OK;
}
