#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/attest/document.h"
#include "client/report/parts.h"
#include "client/report/style.h"
#include "client/unsigned.h"
#include "client/when.h"
#include "lib/base/text.h"
#include "lib/crypto/hash.h"

/* What holds for the page: the worst of its proofs. */
struct verdict {
    const char *css_class, *text, *sentence;
};

static const struct verdict verdicts[] = {
    {"pass", "PASS", "All three proofs hold."},
    {"incomplete", "INCOMPLETE", "Nothing was refuted, but not everything could be looked at."},
    {"fail", "FAIL", "Not every proof holds."},
};

static const struct verdict *verdict_of(const struct cmaw_report *report)
{
    size_t worst = 0;
    for (size_t i = 0; i < report->proof_count; i++) {
        const size_t one = report->proofs[i].pass ? 0 : report->proofs[i].incomplete ? 1 : 2;
        worst = one > worst ? one : worst;
    }
    return &verdicts[worst];
}

/* Nothing is loaded, run or sent; the one style sheet is named by its hash. */
static enum cmaw_err put_policy(struct cmaw_html *html)
{
    uint8_t digest[CMAW_SHA256_SIZE];
    cmaw_sha256(cmaw_report_style(), digest);
    CMAW_BUF_AUTO(policy, 512);
    cmaw_buf_put_cstr(&policy, "default-src 'none'; style-src 'sha256-");
    cmaw_buf_put_base64(&policy, CMAW_SLICE_ARRAY(digest));
    cmaw_buf_put_cstr(&policy, "'; img-src data:; base-uri 'none'; form-action 'none'");
    cmaw_buf_put_u8(&policy, 0);
    CMAW_TRY(policy.err);
    cmaw_html_void(html, "meta", (const char *const[]){"http-equiv", "Content-Security-Policy", "content", (const char *)policy.data, NULL});
    return CMAW_OK;
}

static enum cmaw_err put_head(struct cmaw_page *page, const struct verdict *verdict)
{
    struct cmaw_html *html = &page->html;
    cmaw_html_open(html, "head");
    cmaw_html_void(html, "meta", (const char *const[]){"charset", "utf-8", NULL});
    CMAW_TRY(put_policy(html));
    cmaw_html_void(html, "meta", (const char *const[]){"name", "viewport", "content", "width=device-width, initial-scale=1", NULL});
    cmaw_html_void(html, "meta", (const char *const[]){"name", "color-scheme", "content", "light dark", NULL});
    cmaw_html_void(html, "meta", (const char *const[]){"name", "referrer", "content", "no-referrer", NULL});
    cmaw_html_open(html, "title");
    cmaw_html_textf(html, "%s: run of %s", verdict->text, page->report->record->name);
    cmaw_html_close(html);
    cmaw_html_style(html, cmaw_report_style());
    cmaw_html_close(html);
    return CMAW_OK;
}

static void fact(struct cmaw_html *html, const char *name, const char *element, const char *value)
{
    cmaw_html_open(html, "div");
    cmaw_html_leaf(html, "dt", NULL, name);
    cmaw_html_open(html, "dd");
    cmaw_html_leaf(html, element, NULL, value);
    cmaw_html_close(html);
    cmaw_html_close(html);
}

/* Everything attested hangs from it, so the page says whose it is. */
static enum cmaw_err put_root(struct cmaw_page *page)
{
    struct cmaw_html *html = &page->html;
    char hex[2 * CMAW_HASH_SIZE + 1];
    CMAW_TRY(cmaw_hex_to_cstr(page->report->manifest->attestation_root, hex, sizeof hex));
    cmaw_html_open(html, "div");
    cmaw_html_leaf(html, "dt", NULL, "Attestation root");
    cmaw_html_open(html, "dd");
    cmaw_html_leaf(html, "code", NULL, hex);
    cmaw_html_text(html, strcmp(hex, CMAW_AWS_ROOT_SHA256) == 0 ? " (AWS's)" : " (not AWS's: a simulation, or a private root)");
    cmaw_html_close(html);
    cmaw_html_close(html);
    return CMAW_OK;
}

static enum cmaw_err put_facts(struct cmaw_page *page)
{
    struct cmaw_html *html = &page->html;
    const struct cmaw_run_record *record = page->report->record;
    char hex[2 * CMAW_HASH_SIZE + 1], when[CMAW_WHEN_SIZE];
    cmaw_html_open(html, "dl");
    cmaw_html_attr(html, "class", "facts");
    fact(html, "Workflow", "span", record->name);
    CMAW_TRY(cmaw_hex_to_cstr(cmaw_bytes32_slice(&record->run_id), hex, sizeof hex));
    fact(html, "Run", "code", hex);
    CMAW_TRY(cmaw_hex_to_cstr(cmaw_bytes32_slice(&record->mh), hex, sizeof hex));
    fact(html, "Manifest", "code", hex);
    CMAW_TRY(put_root(page));
    cmaw_when_text(page->report->made_ms, when);
    fact(html, "Verified", "span", when);
    cmaw_html_close(html);
    return CMAW_OK;
}

static enum cmaw_err put_top(struct cmaw_page *page, const struct verdict *verdict)
{
    struct cmaw_html *html = &page->html;
    cmaw_html_open(html, "section");
    cmaw_html_attrf(html, "class", "verdict %s", verdict->css_class);
    cmaw_html_attr(html, "id", "verdict");
    cmaw_html_attr(html, "aria-labelledby", "verdict-heading");
    cmaw_html_open(html, "h1");
    cmaw_html_attr(html, "id", "verdict-heading");
    cmaw_html_leaf(html, "span", "word", verdict->text);
    cmaw_html_leaf(html, "span", "sentence", verdict->sentence);
    cmaw_html_close(html);
    if (page->report->insecure) {
        cmaw_html_open(html, "p");
        cmaw_html_attr(html, "class", "insecure");
        cmaw_html_leaf(html, "strong", NULL, "INSECURE: ");
        cmaw_html_text(html, CMAW_UNSIGNED_NOTE ".");
        cmaw_html_close(html);
    }
    cmaw_page_verdict(page);
    CMAW_TRY(put_facts(page));
    cmaw_html_close(html);
    return CMAW_OK;
}

static void put_nav(struct cmaw_page *page)
{
    static const char *const links[][2] = {{"#workflow", "Workflow"}, {"#time", "Timeline"}, {"#proofs", "Proofs"}, {"#evidence", "Evidence"}};
    struct cmaw_html *html = &page->html;
    cmaw_html_open(html, "nav");
    cmaw_html_attr(html, "aria-label", "Parts of this page");
    cmaw_html_open(html, "ul");
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        if (page->report->run == NULL && strcmp(links[i][0], "#time") == 0) {
            continue;
        }
        cmaw_html_open(html, "li");
        cmaw_html_open(html, "a");
        cmaw_html_attr(html, "href", links[i][0]);
        cmaw_html_text(html, links[i][1]);
        cmaw_html_close(html);
        cmaw_html_close(html);
    }
    cmaw_html_close(html);
    cmaw_html_close(html);
}

static enum cmaw_err put_body(struct cmaw_page *page, const struct verdict *verdict)
{
    struct cmaw_html *html = &page->html;
    cmaw_html_open(html, "body");
    cmaw_html_attr(html, "class", verdict->css_class);
    cmaw_html_open(html, "a");
    cmaw_html_attr(html, "class", "skip");
    cmaw_html_attr(html, "href", "#main");
    cmaw_html_text(html, "Skip to the verdict");
    cmaw_html_close(html);
    cmaw_html_open(html, "header");
    cmaw_html_leaf(html, "p", NULL, "cmaw: proofs of a run");
    put_nav(page);
    cmaw_html_close(html);
    cmaw_html_open(html, "main");
    cmaw_html_attr(html, "id", "main");
    cmaw_html_attr(html, "tabindex", "-1");
    CMAW_TRY(put_top(page, verdict));
    CMAW_TRY(cmaw_page_graph(page));
    cmaw_page_timeline(page);
    cmaw_page_proofs(page);
    CMAW_TRY(cmaw_page_evidence(page));
    cmaw_html_close(html);
    cmaw_html_open(html, "footer");
    cmaw_html_leaf(html, "p", NULL, "This page says what its maker's cmaw found. Whoever does not trust its maker checks the evidence in it, with a manifest hash from elsewhere.");
    cmaw_html_close(html);
    cmaw_html_close(html);
    return CMAW_OK;
}

static enum cmaw_err write_page(struct cmaw_page *page)
{
    struct cmaw_html *html = &page->html;
    const struct verdict *verdict = verdict_of(page->report);
    cmaw_buf_put_cstr(html->buf, "<!DOCTYPE html>");
    cmaw_html_open(html, "html");
    cmaw_html_attr(html, "lang", "en");
    CMAW_TRY(put_head(page, verdict));
    CMAW_TRY(put_body(page, verdict));
    cmaw_html_close(html);
    cmaw_buf_put_cstr(html->buf, "\n");
    return cmaw_html_end(html);
}

enum cmaw_err cmaw_report_write(const struct cmaw_report *report, struct cmaw_buf *page)
{
    struct cmaw_plan *plan = calloc(1, sizeof *plan);
    CMAW_REQUIRE(plan != NULL, CMAW_E_NO_MEMORY);
    struct cmaw_page parts = {.report = report, .plan = plan, .html = {.buf = page}};
    enum cmaw_err err = cmaw_plan_parse(cmaw_buf_slice(&report->record->plan), report->manifest, plan);
    err = err != CMAW_OK ? err : write_page(&parts);
    free(plan);
    return err;
}
