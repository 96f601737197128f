#include "client/run/input.h"

#include <string.h>
#include <unistd.h>

enum { READ_MAX = 8 * 1024 * 1024 };

static const struct {
    const char *suffix;
    const char *type;
} content_types[] = {{".txt", "text/plain; charset=utf-8"}, {".eml", "message/rfc822"}, {".json", "application/json"},
                     {".xml", "application/xml"},           {".pdf", "application/pdf"}};

static const char *content_type_of(const char *path)
{
    const size_t size = strlen(path);
    for (size_t i = 0; i < sizeof content_types / sizeof content_types[0]; i++) {
        const size_t suffix = strlen(content_types[i].suffix);
        if (size > suffix && strcmp(path + size - suffix, content_types[i].suffix) == 0) {
            return content_types[i].type;
        }
    }
    return "application/octet-stream";
}

/* The file named for an edge; NULL: none. */
static const char *file_of(const struct cmaw_run_request *request, const struct cmaw_plan_edge *edge, size_t edges)
{
    if (request->input != NULL && edges == 1) {
        return request->input;
    }
    for (size_t i = 0; i < request->inputs->count; i++) {
        const char *word = request->inputs->items[i];
        if (strncmp(word, (const char *)edge->name.data, edge->name.size) == 0 && word[edge->name.size] == '=') {
            return word + edge->name.size + 1;
        }
    }
    return NULL;
}

/* The largest content that a state of this content type can hold on the edge. */
static size_t content_limit(const struct cmaw_plan_edge *edge, const struct cmaw_agent_state *content)
{
    static const uint8_t salt[CMAW_HASH_SIZE];
    struct cmaw_agent_state largest = *content;
    largest.salt = CMAW_SLICE_ARRAY(salt);
    const size_t room = cmaw_class_size(edge->size_class == 0 ? CMAW_SIZE_CLASSES : edge->size_class) - 4;
    /* the length's own length shrinks with the content, so settle from above */
    size_t limit = room;
    for (int i = 0; i < 4 && limit > 0; i++) {
        largest.content = cmaw_slice_of(content->content.data, limit);
        const size_t size = cmaw_agent_state_size(&largest);
        if (size <= room) {
            break;
        }
        limit -= size - room < limit ? size - room : limit;
    }
    return limit;
}

static enum cmaw_err seal_edge(const struct cmaw_new_run *run, const struct cmaw_plan_edge *edge, const char *file,
                               const char *content_type, struct cmaw_buf *states, struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(content, READ_MAX);
    const bool is_stdin = strcmp(file, "-") == 0;
    const enum cmaw_err read_err = is_stdin ? cmaw_file_read_fd(STDIN_FILENO, "standard input", &content, diag) : cmaw_file_read(file, &content, diag);
    if (read_err != CMAW_OK) {
        cmaw_diag_hint(diag, "is the path right, seen from this folder?");
        return read_err;
    }
    const struct cmaw_agent_state state = {.content_type = cmaw_slice_of_cstr(content_type == NULL ? content_type_of(file) : content_type),
                                           .content = cmaw_buf_slice(&content)};
    CMAW_BUF_AUTO(sealed, 2 * 1024 * 1024);
    struct cmaw_sealed info;
    const enum cmaw_err err = cmaw_run_seal_input(run, edge->id, &state, &sealed, &info);
    if (err == CMAW_E_TOO_LARGE) {
        const bool is_largest = edge->size_class == 0 || edge->size_class == CMAW_SIZE_CLASSES;
        cmaw_diag_hint(diag, is_largest ? "split the input: this is the largest size class" : "split the input, or give the edge a larger size_class");
        return cmaw_diag_set(diag, err, "%s is too large: %zu bytes, and edge %.*s takes at most %zu (TOO_LARGE)", is_stdin ? "the input" : file,
                             content.size, (int)edge->name.size, (const char *)edge->name.data, content_limit(edge, &state));
    }
    if (err != CMAW_OK) {
        return cmaw_diag_set(diag, err, "cannot seal %s: %s", is_stdin ? "the input" : file,
                             err == CMAW_E_MALFORMED ? "the content type is not printable ASCII of at most 128 characters" : cmaw_err_text(err));
    }
    cmaw_buf_put_lp(states, cmaw_buf_slice(&sealed));
    return states->err;
}

static size_t client_edges(const struct cmaw_plan *plan)
{
    size_t count = 0;
    for (uint32_t cursor = 0; cmaw_plan_next_out(plan, 0, &cursor) != NULL;) {
        count++;
    }
    return count;
}

/* Every --input must be for an edge that there is. */
static enum cmaw_err check_names(const struct cmaw_plan *plan, const struct cmaw_run_request *request, size_t edges, struct cmaw_diag *diag)
{
    if (request->input != NULL && edges != 1) {
        cmaw_diag_hint(diag, "name each with --input NAME=FILE");
        return cmaw_diag_set(diag, CMAW_E_USAGE, "this workflow has %zu inputs", edges);
    }
    if (request->input != NULL && request->inputs->count > 0) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "INPUT and --input together make no sense");
    }
    for (size_t i = 0; i < request->inputs->count; i++) {
        const size_t size = strcspn(request->inputs->items[i], "=");
        bool found = false;
        const struct cmaw_plan_edge *edge;
        for (uint32_t cursor = 0; (edge = cmaw_plan_next_out(plan, 0, &cursor)) != NULL;) {
            found = found || cmaw_slice_eq(edge->name, cmaw_slice_of(request->inputs->items[i], size));
        }
        if (!found || request->inputs->items[i][size] != '=') {
            return cmaw_diag_set(diag, CMAW_E_USAGE, "--input %.80s: this workflow has no input of that name", request->inputs->items[i]);
        }
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_inputs_seal(const struct cmaw_new_run *run, const struct cmaw_run_request *request, struct cmaw_buf *states,
                               struct cmaw_diag *diag)
{
    const size_t edges = client_edges(&run->plan);
    CMAW_TRY(check_names(&run->plan, request, edges, diag));
    const struct cmaw_plan_edge *edge;
    for (uint32_t cursor = 0; (edge = cmaw_plan_next_out(&run->plan, 0, &cursor)) != NULL;) {
        const char *file = file_of(request, edge, edges);
        if (file == NULL) {
            cmaw_diag_hint(diag, edges == 1 ? "give the file after the workflow" : "name each with --input NAME=FILE");
            return cmaw_diag_set(diag, CMAW_E_USAGE, "no input for %.*s", (int)edge->name.size, (const char *)edge->name.data);
        }
        CMAW_TRY(seal_edge(run, edge, file, request->content_type, states, diag));
    }
    return CMAW_OK;
}
