/* The parts of the page, in the order in which they stand on it. Each appends one section. */
#ifndef CMAW_CLIENT_REPORT_PARTS_H
#define CMAW_CLIENT_REPORT_PARTS_H

#include "client/report/graph.h"
#include "client/report/html.h"
#include "client/report/report.h"

enum { CMAW_LASTED_SIZE = 48 };

/* What the parts have in common. */
struct cmaw_page {
    const struct cmaw_report *report;
    const struct cmaw_plan *plan;
    struct cmaw_html html;
};

/* steps.c: "12 ms", "1.25 s", "3 min 4 s". */
void cmaw_lasted_text(uint64_t ms, char ret_text[static CMAW_LASTED_SIZE]);
/* PCR0, 1, 2 or 8 (index 0..3) of the enclave that did a step, from its attestation document; of an unverified run what the manifest wants of it. Empty: not measured. */
struct cmaw_slice cmaw_step_pcr(const struct cmaw_report *report, const struct cmaw_plan_step *step, size_t index);
const struct cmaw_verified_step *cmaw_step_claims(const struct cmaw_report *report, const struct cmaw_plan_step *step);
/* The name of a step, or of the client for id 0. */
struct cmaw_slice cmaw_end_name(const struct cmaw_plan *plan, uint32_t id);
struct cmaw_slice cmaw_role_name(const struct cmaw_report *report, const struct cmaw_plan_step *step);

/* A table up to its body: caption, and a head of columns, ended by NULL. Body and table are left open. */
void cmaw_table_open(struct cmaw_html *html, const char *css_class, const char *caption, const char *const *columns);

void cmaw_page_verdict(struct cmaw_page *page);
enum cmaw_err cmaw_page_graph(struct cmaw_page *page);
void cmaw_page_steps(struct cmaw_page *page);
void cmaw_page_timeline(struct cmaw_page *page);
void cmaw_page_proofs(struct cmaw_page *page);
enum cmaw_err cmaw_page_evidence(struct cmaw_page *page);

#endif
