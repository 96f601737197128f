#include "agents/intake/datescan.h"
#include "agents/intake/facts.h"

enum { DATES_MAX = 64, NOTICE_LINES = 25 };

static const char *const event_words[] = {
    "happened", "occurred", "took place", "collid*", "collision", "crash*", "accident", "hit", "struck", "ran into", "burst", "leak*",
    "flood*", "stolen", "stole", "theft", "broke in", "broke into", "broken into", "break-in", "burgl*", "robbed", "fire", "caught", "burn*",
    "fell", "slipped", "injur*", "cancelled", "canceled", "missed", "admitted", "taken ill", "fell ill", "operated", "surgery",
    "storm", "damage*", "treated", "treatment", "came home", "came back", "discovered", "noticed", NULL};
static const char *const other_words[] = {"born", "birth", "invoice*", "since", "dated", "issued", "purchased", "bought", "appointment",
                                          "valid", "inception", "quot*", "report*", "took out", "expires", "due", "booked", NULL};
static const char *const loss_labels[] = {"date of loss", "date of the loss", "loss date", "date of incident", "date of the incident",
                                          "date of accident", "date of the accident", "date of event", "date of damage",
                                          "date of theft", "date of treatment", "incident date", "when", NULL};
static const char *const notice_labels[] = {"date:", "sent:", "dated:", "written on", NULL};

struct dates {
    struct cmaw_written_date found[DATES_MAX];
    size_t count;
};

static void collect(const struct cmaw_letter *letter, struct dates *dates)
{
    for (size_t at = 0; at < letter->text.size && dates->count < DATES_MAX;) {
        struct cmaw_written_date date;
        if (cmaw_written_date_at(letter, at, &date)) {
            dates->found[dates->count++] = date;
            at = date.span.end;
        } else {
            at++;
        }
    }
}

/* The part of the sentence before a date, up to back bytes of it. */
static struct cmaw_span before_date(const struct cmaw_letter *letter, const struct cmaw_written_date *date, size_t back)
{
    const struct cmaw_span sentence = cmaw_letter_sentence_at(letter, date->span.at);
    const size_t start = date->span.at > back ? date->span.at - back : 0;
    return (struct cmaw_span){start > sentence.at ? start : sentence.at, date->span.at};
}

static bool labels_loss(const struct cmaw_letter *letter, const struct cmaw_written_date *date)
{
    struct cmaw_span hit;
    return cmaw_letter_find_any(letter, before_date(letter, date, 60), loss_labels, &hit) &&
           cmaw_letter_line_at(letter, hit.at).end >= date->span.at;
}

/* A line near the top that says "Date: …", or a place and a date and nothing else. */
static bool is_notice(const struct cmaw_letter *letter, const struct cmaw_written_date *date, size_t line_number)
{
    const struct cmaw_span line = cmaw_letter_line_at(letter, date->span.at);
    struct cmaw_span hit;
    if (line_number >= NOTICE_LINES || date->date.year == 0 || labels_loss(letter, date)) {
        return false;
    }
    if (cmaw_letter_find_any(letter, line, notice_labels, &hit) && hit.end <= date->span.at + 1) {
        return true;
    }
    const size_t rest = (line.end - line.at) - (date->span.end - date->span.at);
    return rest <= 30 && !cmaw_letter_find(letter, line, ":", &hit) && !cmaw_letter_find_any(letter, line, event_words, &hit) &&
           (line.at == 0 || line.end == letter->text.size || letter->text.data[line.at - 1] == '\n') && date->span.end + 1 >= line.end;
}

static size_t line_number_of(const struct cmaw_letter *letter, size_t at)
{
    size_t lines = 0;
    for (size_t i = 0; i < at; i++) {
        lines += letter->text.data[i] == '\n' ? 1 : 0;
    }
    return lines;
}

/* The date of the letter, taken out of the candidates for the loss. */
static void take_notice(const struct cmaw_letter *letter, struct dates *dates, struct cmaw_fact_date *notice)
{
    for (size_t i = 0; i < dates->count; i++) {
        const struct cmaw_written_date *date = &dates->found[i];
        if (!is_notice(letter, date, line_number_of(letter, date->span.at))) {
            continue;
        }
        *notice = (struct cmaw_fact_date){date->date, date->swapped.year == 0 ? 95 : 50};
        dates->count--;
        for (size_t j = i; j < dates->count; j++) {
            dates->found[j] = dates->found[j + 1];
        }
        return;
    }
}

static bool after(struct cmaw_date a, struct cmaw_date b)
{
    return cmaw_date_days(a) > cmaw_date_days(b);
}

/* How sure the place of a date makes us that the loss is meant; 0 if another thing is. */
static int weigh(const struct cmaw_letter *letter, const struct cmaw_written_date *date)
{
    struct cmaw_span hit;
    if (labels_loss(letter, date)) {
        return 95;
    }
    if (cmaw_letter_find_any(letter, before_date(letter, date, 25), other_words, &hit)) {
        return 0;
    }
    const struct cmaw_span sentence = cmaw_letter_sentence_at(letter, date->span.at);
    return cmaw_letter_find_any(letter, sentence, event_words, &hit) ? 85 : 50;
}

/* Settles the year and the order of day and month with the date of the notice, which no loss is after. */
static struct cmaw_fact_date settle(const struct cmaw_written_date *date, const struct cmaw_fact_date *notice, int confidence)
{
    struct cmaw_fact_date fact = {date->date, confidence};
    const bool known = notice->confidence > 0;
    if (fact.date.year == 0) {
        if (!known) {
            return (struct cmaw_fact_date){0};
        }
        fact.date.year = notice->date.year;
        fact.date.year -= after(fact.date, notice->date) ? 1 : 0;
        fact.confidence -= 15;
        return cmaw_date_valid(fact.date) ? fact : (struct cmaw_fact_date){0};
    }
    if (date->swapped.year == 0) {
        return fact;
    }
    const bool first_late = known && after(date->date, notice->date);
    const bool second_late = known && after(date->swapped, notice->date);
    if (first_late == second_late) {
        fact.confidence -= 40;
    } else if (first_late) {
        fact.date = date->swapped;
    }
    return fact;
}

/* "yesterday", "last night": what a letter with a date says without one. */
static void read_relative(const struct cmaw_letter *letter, struct cmaw_facts *facts)
{
    static const struct {
        const char *phrase;
        int days;
    } words[] = {{"yesterday", 1}, {"last night", 1}, {"the night before last", 2}, {"this morning", 0}, {"today", 0}, {"two days ago", 2}, {"three days ago", 3}};
    for (size_t i = 0; facts->date_of_notice.confidence > 0 && i < sizeof words / sizeof words[0]; i++) {
        struct cmaw_span hit;
        if (cmaw_letter_find(letter, cmaw_letter_all(letter), words[i].phrase, &hit) &&
            cmaw_letter_find_any(letter, cmaw_letter_sentence_at(letter, hit.at), event_words, &hit)) {
            const int64_t days = cmaw_date_days(facts->date_of_notice.date) - words[i].days;
            facts->date_of_loss = (struct cmaw_fact_date){cmaw_date_of_days(days), 65};
            return;
        }
    }
}

void cmaw_facts_read_dates(const struct cmaw_letter *letter, struct cmaw_facts *facts)
{
    struct dates dates = {.count = 0};
    collect(letter, &dates);
    take_notice(letter, &dates, &facts->date_of_notice);
    for (size_t i = 0; i < dates.count; i++) {
        const int weight = weigh(letter, &dates.found[i]);
        const struct cmaw_fact_date fact = settle(&dates.found[i], &facts->date_of_notice, weight);
        if (weight > 0 && fact.confidence > facts->date_of_loss.confidence) {
            facts->date_of_loss = fact;
        }
    }
    if (facts->date_of_loss.confidence < CMAW_INTAKE_SURE) {
        read_relative(letter, facts);
    }
}
