/* A plan laid out in layers from top to bottom: the client's inputs, the steps, the client's outputs. A step is below everything that it waits for; a line over several
 * layers has a bend in each between. */
#ifndef CMAW_CLIENT_REPORT_GRAPH_H
#define CMAW_CLIENT_REPORT_GRAPH_H

#include "lib/sst/plan.h"

enum cmaw_graph_kind { CMAW_GRAPH_STEP, CMAW_GRAPH_SOURCE, CMAW_GRAPH_SINK, CMAW_GRAPH_BEND };

enum { /* pixels */
    CMAW_GRAPH_NODE_WIDTH = 184, CMAW_GRAPH_NODE_HEIGHT = 88, CMAW_GRAPH_END_HEIGHT = 36, CMAW_GRAPH_BEND_WIDTH = 12,
    CMAW_GRAPH_GAP_X = 20, CMAW_GRAPH_GAP_Y = 52, CMAW_GRAPH_MARGIN = 8,
};

struct cmaw_graph_node {
    enum cmaw_graph_kind kind;
    uint32_t step;   /* id, of a step */
    uint32_t layer;
    uint32_t place;  /* in the layer, from the left */
    int x, y;        /* of its middle */
    int64_t wanted;  /* while it is laid out: mean place of its neighbours, in thousandths */
};

/* All edges from one node to another. */
struct cmaw_graph_line {
    uint32_t from, to;   /* ids of steps; 0: the client */
    uint32_t edges[CMAW_EDGES_MAX]; /* their ids */
    uint32_t edge_count;
    uint32_t first_bend; /* index of a node; the bends follow each other, from top to bottom */
    uint32_t bend_count;
};

/* nodes[0] is the source, nodes[1] the sink, nodes[1 + id] a step; then bends. Freed by cmaw_graph_free. */
struct cmaw_graph {
    struct cmaw_graph_node *nodes;
    size_t node_count;
    struct cmaw_graph_line *lines;
    size_t line_count;
    uint32_t layer_count;
    int width, height;
};
void cmaw_graph_free(struct cmaw_graph *graph);

/* plan has passed cmaw_plan_check: it has no cycle. NO_MEMORY. */
enum cmaw_err cmaw_graph_layout(const struct cmaw_plan *plan, struct cmaw_graph *ret_graph);
/* The ends of a line. */
const struct cmaw_graph_node *cmaw_graph_from(const struct cmaw_graph *graph, const struct cmaw_graph_line *line);
const struct cmaw_graph_node *cmaw_graph_to(const struct cmaw_graph *graph, const struct cmaw_graph_line *line);
int cmaw_graph_node_width(const struct cmaw_graph_node *node);
int cmaw_graph_node_height(const struct cmaw_graph_node *node);

#endif
