/* The tables of steps, measurements and edges, and what the parts ask about a step. */
#include <stdio.h>

#include "client/report/parts.h"
#include "client/when.h"
#include "lib/attest/doc.h"
#include "lib/base/text.h"
#include "lib/sst/state.h"

static const uint32_t pcr_numbers[CMAW_MEASURED_PCRS] = {0, 1, 2, 8};

void cmaw_lasted_text(uint64_t ms, char ret_text[static CMAW_LASTED_SIZE])
{
    const unsigned long long value = ms;
    if (value < 1000) {
        (void)snprintf(ret_text, CMAW_LASTED_SIZE, "%llu ms", value);
    } else if (value < 60000) {
        (void)snprintf(ret_text, CMAW_LASTED_SIZE, "%llu.%02llu s", value / 1000, value % 1000 / 10);
    } else {
        (void)snprintf(ret_text, CMAW_LASTED_SIZE, "%llu min %llu s", value / 60000, value % 60000 / 1000);
    }
}

const struct cmaw_verified_step *cmaw_step_claims(const struct cmaw_report *report, const struct cmaw_plan_step *step)
{
    return report->run == NULL ? NULL : &report->run->steps[step->id - 1];
}

struct cmaw_slice cmaw_step_pcr(const struct cmaw_report *report, const struct cmaw_plan_step *step, size_t index)
{
    const struct cmaw_verified_step *claims = cmaw_step_claims(report, step);
    struct cmaw_doc doc;
    /* of a verified run: whether it may be unsigned has been decided */
    if (claims != NULL &&
        cmaw_doc_parse_trusting(report->run->evidence->ak_docs[claims->doc], CMAW_DOC_UNSIGNED_QEMU_TOO, &doc) == CMAW_OK) {
        return cmaw_doc_pcr(&doc, pcr_numbers[index]);
    }
    const struct cmaw_role *role = cmaw_manifest_role(report->manifest, step->role);
    return role == NULL ? CMAW_SLICE_EMPTY : role->measurements[0].pcrs[index];
}

struct cmaw_slice cmaw_end_name(const struct cmaw_plan *plan, uint32_t id)
{
    const struct cmaw_plan_step *step = cmaw_plan_step_at(plan, id);
    return step == NULL ? CMAW_SLICE_LIT("data owner") : step->name;
}

struct cmaw_slice cmaw_role_name(const struct cmaw_report *report, const struct cmaw_plan_step *step)
{
    const struct cmaw_role *role = cmaw_manifest_role(report->manifest, step->role);
    return role == NULL ? CMAW_SLICE_LIT("unknown") : role->name;
}

void cmaw_table_open(struct cmaw_html *html, const char *css_class, const char *caption, const char *const *columns)
{
    cmaw_html_open(html, "table");
    cmaw_html_attr(html, "class", css_class);
    cmaw_html_leaf(html, "caption", NULL, caption);
    cmaw_html_open(html, "thead");
    cmaw_html_open(html, "tr");
    for (size_t i = 0; columns[i] != NULL; i++) {
        cmaw_html_open(html, "th");
        cmaw_html_attr(html, "scope", "col");
        cmaw_html_text(html, columns[i]);
        cmaw_html_close(html);
    }
    cmaw_html_close(html);
    cmaw_html_close(html);
    cmaw_html_open(html, "tbody");
}

static void end_table(struct cmaw_html *html)
{
    cmaw_html_close(html);
    cmaw_html_close(html);
}

static void row_head(struct cmaw_html *html, struct cmaw_slice name)
{
    cmaw_html_open(html, "tr");
    cmaw_html_open(html, "th");
    cmaw_html_attr(html, "scope", "row");
    cmaw_html_slice(html, name);
    cmaw_html_close(html);
}

static void cell(struct cmaw_html *html, const char *element, struct cmaw_slice text)
{
    cmaw_html_open(html, element);
    cmaw_html_slice(html, text);
    cmaw_html_close(html);
}

static void steps_table(struct cmaw_page *page)
{
    struct cmaw_html *html = &page->html;
    const bool proven = page->report->run != NULL;
    cmaw_table_open(html, "steps", "Steps", proven ? (const char *const[]){"Step", "Role", "Started (UTC)", "Took", "Attempt", NULL}
                                                   : (const char *const[]){"Step", "Role", NULL});
    for (size_t i = 0; i < page->plan->step_count; i++) {
        const struct cmaw_plan_step *step = &page->plan->steps[i];
        const struct cmaw_verified_step *claims = cmaw_step_claims(page->report, step);
        row_head(html, step->name);
        cell(html, "td", cmaw_role_name(page->report, step));
        if (claims != NULL) {
            char when[CMAW_WHEN_SIZE], lasted[CMAW_LASTED_SIZE];
            cmaw_when_text(claims->started_ms, when);
            for (char *at = when; *at != '\0'; at++) {
                *at = *at == 'T' || *at == 'Z' ? ' ' : *at; /* lines may break there */
            }
            cmaw_lasted_text(claims->finished_ms - claims->started_ms, lasted);
            cmaw_html_leaf(html, "td", NULL, when);
            cmaw_html_leaf(html, "td", NULL, lasted);
            cmaw_html_open(html, "td");
            cmaw_html_textf(html, "%u", claims->attempt);
            cmaw_html_close(html);
        }
        cmaw_html_close(html);
    }
    end_table(html);
}

static void measurement_row(struct cmaw_page *page, const struct cmaw_plan_step *step, size_t index)
{
    struct cmaw_html *html = &page->html;
    char hex[2 * CMAW_PCR_SIZE + 1];
    const struct cmaw_slice pcr = cmaw_step_pcr(page->report, step, index);
    if (pcr.size == CMAW_PCR_SIZE && cmaw_hex_to_cstr(pcr, hex, sizeof hex) == CMAW_OK) {
        row_head(html, step->name);
        cmaw_html_open(html, "td");
        cmaw_html_textf(html, "PCR%u", pcr_numbers[index]);
        cmaw_html_close(html);
        cmaw_html_open(html, "td");
        cmaw_html_leaf(html, "code", NULL, hex);
        cmaw_html_close(html);
        cmaw_html_close(html);
    }
}

static void measurements_table(struct cmaw_page *page)
{
    cmaw_table_open(&page->html, "measurements", page->report->run != NULL ? "Measurements of the enclaves that did the steps, as they attested them"
                                                                           : "Measurements that the manifest asks for",
                    (const char *const[]){"Step", "Register", "Value (SHA-384)", NULL});
    for (size_t i = 0; i < page->plan->step_count; i++) {
        for (size_t j = 0; j < CMAW_MEASURED_PCRS; j++) {
            measurement_row(page, &page->plan->steps[i], j);
        }
    }
    end_table(&page->html);
}

static void edges_table(struct cmaw_page *page)
{
    struct cmaw_html *html = &page->html;
    cmaw_table_open(html, "edges", "Edges: what was handed on, sealed", (const char *const[]){"Edge", "From", "To", "Size class", NULL});
    for (size_t i = 0; i < page->plan->edge_count; i++) {
        const struct cmaw_plan_edge *edge = &page->plan->edges[i];
        row_head(html, edge->name);
        cell(html, "td", cmaw_end_name(page->plan, edge->from));
        cell(html, "td", cmaw_end_name(page->plan, edge->to));
        cmaw_html_open(html, "td");
        if (edge->size_class == 0) {
            cmaw_html_text(html, "smallest that fits");
        } else {
            cmaw_html_textf(html, "%u: %zu KiB", edge->size_class, cmaw_class_size(edge->size_class) / 1024);
        }
        cmaw_html_close(html);
        cmaw_html_close(html);
    }
    end_table(html);
}

void cmaw_page_steps(struct cmaw_page *page)
{
    steps_table(page);
    measurements_table(page);
    edges_table(page);
}
