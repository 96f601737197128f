#include <stdio.h>

#include "client/report/parts.h"
#include "client/when.h"

enum { SCALE = 1000, BAR_MIN = 6 }; /* units of the drawings: what takes no time is still to be seen */

struct span {
    uint64_t start, end;
};

static struct span whole(const struct cmaw_page *page)
{
    struct span span = {UINT64_MAX, 0};
    for (size_t i = 0; i < page->plan->step_count; i++) {
        const struct cmaw_verified_step *claims = &page->report->run->steps[i];
        span.start = claims->started_ms < span.start ? claims->started_ms : span.start;
        span.end = claims->finished_ms > span.end ? claims->finished_ms : span.end;
    }
    return span;
}

static unsigned scaled(uint64_t ms, uint64_t total)
{
    return total == 0 ? 0 : (unsigned)((double)ms / (double)total * SCALE);
}

static void draw_bar(struct cmaw_html *html, const struct cmaw_verified_step *claims, const struct span *all, const char *label)
{
    const uint64_t total = all->end - all->start;
    unsigned from = scaled(claims->started_ms - all->start, total);
    unsigned width = scaled(claims->finished_ms - claims->started_ms, total);
    width = width < BAR_MIN ? BAR_MIN : width;
    from = from + width > SCALE ? SCALE - width : from;
    char x[16], w[16];
    (void)snprintf(x, sizeof x, "%u", from);
    (void)snprintf(w, sizeof w, "%u", width);
    cmaw_html_open(html, "svg");
    cmaw_html_attr(html, "class", "bar");
    cmaw_html_attr(html, "role", "img");
    cmaw_html_attrf(html, "viewBox", "0 0 %d 10", SCALE);
    cmaw_html_attr(html, "preserveAspectRatio", "none");
    cmaw_html_leaf(html, "title", NULL, label);
    cmaw_html_void(html, "rect", (const char *const[]){"class", "track", "x", "0", "y", "0", "width", "1000", "height", "10", NULL});
    cmaw_html_void(html, "rect", (const char *const[]){"class", "spent", "x", x, "y", "0", "width", w, "height", "10", NULL});
    cmaw_html_close(html);
}

static void draw_step(struct cmaw_page *page, size_t index, const struct span *all)
{
    struct cmaw_html *html = &page->html;
    const struct cmaw_verified_step *claims = &page->report->run->steps[index];
    char after[CMAW_LASTED_SIZE], lasted[CMAW_LASTED_SIZE], label[128];
    cmaw_lasted_text(claims->started_ms - all->start, after);
    cmaw_lasted_text(claims->finished_ms - claims->started_ms, lasted);
    (void)snprintf(label, sizeof label, "from %s on, for %s", after, lasted);
    cmaw_html_open(html, "li");
    cmaw_html_open(html, "span");
    cmaw_html_attr(html, "class", "what");
    cmaw_html_slice(html, page->plan->steps[index].name);
    cmaw_html_close(html);
    cmaw_html_leaf(html, "span", "when", label);
    draw_bar(html, claims, all, label);
    cmaw_html_close(html);
}

void cmaw_page_timeline(struct cmaw_page *page)
{
    struct cmaw_html *html = &page->html;
    if (page->report->run == NULL) {
        return;
    }
    const struct span all = whole(page);
    char start[CMAW_WHEN_SIZE], lasted[CMAW_LASTED_SIZE];
    cmaw_when_text(all.start, start);
    cmaw_lasted_text(all.end - all.start, lasted);
    cmaw_html_open(html, "section");
    cmaw_html_attr(html, "id", "time");
    cmaw_html_attr(html, "aria-labelledby", "time-heading");
    cmaw_html_open(html, "h2");
    cmaw_html_attr(html, "id", "time-heading");
    cmaw_html_text(html, "Timeline");
    cmaw_html_close(html);
    cmaw_html_open(html, "p");
    cmaw_html_textf(html, "From %s, %s in all, by the clocks of the enclaves, as their receipts say.", start, lasted);
    cmaw_html_close(html);
    cmaw_html_open(html, "ol");
    cmaw_html_attr(html, "class", "timeline");
    for (size_t i = 0; i < page->plan->step_count; i++) {
        draw_step(page, i, &all);
    }
    cmaw_html_close(html);
    cmaw_html_open(html, "p");
    cmaw_html_attr(html, "class", "axis");
    cmaw_html_leaf(html, "span", NULL, "0");
    cmaw_html_leaf(html, "span", NULL, lasted);
    cmaw_html_close(html);
    cmaw_html_close(html);
}
