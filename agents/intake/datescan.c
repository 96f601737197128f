#include "agents/intake/datescan.h"

#include <string.h>

struct scan {
    const struct cmaw_letter *letter;
    size_t at;
};

static uint8_t peek(const struct scan *scan)
{
    return scan->at < scan->letter->low.size ? scan->letter->low.data[scan->at] : 0;
}

static bool take(struct scan *scan, uint8_t c)
{
    if (peek(scan) != c) {
        return false;
    }
    scan->at++;
    return true;
}

static bool take_word(struct scan *scan, const char *word)
{
    struct cmaw_span hit;
    const struct cmaw_span in = {scan->at, scan->at + strlen(word)};
    if (in.end > scan->letter->low.size || !cmaw_letter_find(scan->letter, in, word, &hit) || hit.at != scan->at) {
        return false;
    }
    scan->at = hit.end;
    return true;
}

static void skip_space(struct scan *scan)
{
    while (peek(scan) == ' ' || peek(scan) == '\n') {
        scan->at++;
    }
}

/* A number of at least min and at most max digits, not more; -1 if there is none. */
static int number(struct scan *scan, size_t min, size_t max)
{
    int value = 0;
    size_t count = 0;
    for (; peek(scan) >= '0' && peek(scan) <= '9'; scan->at++, count++) {
        if (count == max) {
            return -1;
        }
        value = value * 10 + (peek(scan) - '0');
    }
    return count < min ? -1 : value;
}

static bool month_name(struct scan *scan, int *ret_month)
{
    static const char *const names[12][3] = {
        {"january", "jan"}, {"february", "feb"}, {"march", "mar"}, {"april", "apr"}, {"may"}, {"june", "jun"},
        {"july", "jul"}, {"august", "aug"}, {"september", "sept", "sep"}, {"october", "oct"}, {"november", "nov"}, {"december", "dec"},
    };
    for (int month = 0; month < 12; month++) {
        for (size_t i = 0; i < 3 && names[month][i] != NULL; i++) {
            if (take_word(scan, names[month][i])) {
                (void)take(scan, '.');
                *ret_month = month + 1;
                return true;
            }
        }
    }
    return false;
}

static void skip_ordinal(struct scan *scan)
{
    static const char *const endings[] = {"st", "nd", "rd", "th"};
    for (size_t i = 0; i < 4; i++) {
        const struct cmaw_slice two = cmaw_slice_sub(cmaw_buf_slice(&scan->letter->low), scan->at, 2);
        if (cmaw_slice_eq_cstr(two, endings[i]) && !cmaw_letter_is_word(cmaw_letter_at(scan->letter, scan->at + 2))) {
            scan->at += 2;
            return;
        }
    }
}

/* A year after a day and a month, which people leave out. The position is kept where there is none. */
static int optional_year(struct scan *scan)
{
    struct scan ahead = *scan;
    (void)take(&ahead, ',');
    skip_space(&ahead);
    const int year = number(&ahead, 4, 4);
    if (year < 1900 || cmaw_letter_is_word(peek(&ahead))) {
        return 0;
    }
    *scan = ahead;
    return year;
}

static bool finish(const struct scan *scan, size_t start, struct cmaw_date date, struct cmaw_written_date *ret_date)
{
    const bool no_year = date.year == 0;
    const struct cmaw_date check = {no_year ? 2000 : date.year, date.month, date.day};
    if (!cmaw_date_valid(check) || cmaw_letter_is_word(peek(scan))) {
        return false;
    }
    *ret_date = (struct cmaw_written_date){.date = date, .span = {start, scan->at}};
    return true;
}

static bool year_first(struct scan scan, struct cmaw_written_date *ret_date)
{
    const size_t start = scan.at;
    const int year = number(&scan, 4, 4);
    const uint8_t mark = peek(&scan);
    if (year < 0 || (mark != '-' && mark != '/' && mark != '.') || !take(&scan, mark)) {
        return false;
    }
    const int month = number(&scan, 1, 2);
    if (month < 0 || !take(&scan, mark)) {
        return false;
    }
    const int day = number(&scan, 1, 2);
    return day >= 0 && finish(&scan, start, (struct cmaw_date){year, month, day}, ret_date);
}

/* 14.01.2026, 14/1/26, 14-01-2026; with a slash or a hyphen, people in some countries put the month first. */
static bool all_digits(struct scan scan, struct cmaw_written_date *ret_date)
{
    const size_t start = scan.at;
    const int first = number(&scan, 1, 2);
    const uint8_t mark = peek(&scan);
    if (first < 0 || (mark != '-' && mark != '/' && mark != '.') || !take(&scan, mark)) {
        return false;
    }
    (void)take(&scan, ' ');
    const int second = number(&scan, 1, 2);
    if (second < 0 || !take(&scan, mark)) {
        return false;
    }
    (void)take(&scan, ' ');
    const size_t year_at = scan.at;
    int year = number(&scan, 2, 4);
    if (year < 0 || scan.at - year_at == 3) {
        return false;
    }
    year += scan.at - year_at == 2 ? 2000 : 0;
    const struct cmaw_date day_first = {year, second, first};
    const struct cmaw_date month_first = {year, first, second};
    if (mark == '.' || !cmaw_date_valid(month_first) || first == second) {
        return finish(&scan, start, day_first, ret_date);
    }
    if (!cmaw_date_valid(day_first)) {
        return finish(&scan, start, month_first, ret_date);
    }
    if (!finish(&scan, start, day_first, ret_date)) {
        return false;
    }
    ret_date->swapped = month_first;
    return true;
}

static bool day_then_month(struct scan scan, struct cmaw_written_date *ret_date)
{
    const size_t start = scan.at;
    const int day = number(&scan, 1, 2);
    if (day < 0) {
        return false;
    }
    skip_ordinal(&scan);
    (void)take(&scan, '.');
    skip_space(&scan);
    if (take_word(&scan, "day")) {
        skip_space(&scan);
    }
    if (take_word(&scan, "of")) {
        skip_space(&scan);
    }
    int month = 0;
    if (!month_name(&scan, &month)) {
        return false;
    }
    const int year = optional_year(&scan);
    return finish(&scan, start, (struct cmaw_date){year, month, day}, ret_date);
}

static bool month_then_day(struct scan scan, struct cmaw_written_date *ret_date)
{
    const size_t start = scan.at;
    int month = 0;
    if (!month_name(&scan, &month)) {
        return false;
    }
    skip_space(&scan);
    const int day = number(&scan, 1, 2);
    if (day < 0) {
        return false;
    }
    skip_ordinal(&scan);
    const int year = optional_year(&scan);
    return finish(&scan, start, (struct cmaw_date){year, month, day}, ret_date);
}

bool cmaw_written_date_at(const struct cmaw_letter *letter, size_t at, struct cmaw_written_date *ret_date)
{
    const struct scan scan = {letter, at};
    const uint8_t before = at == 0 ? ' ' : letter->low.data[at - 1];
    if (cmaw_letter_is_word(before) || before == '/' || before == '.') {
        return false;
    }
    if (peek(&scan) >= '0' && peek(&scan) <= '9') {
        return year_first(scan, ret_date) || all_digits(scan, ret_date) || day_then_month(scan, ret_date);
    }
    return peek(&scan) >= 'a' && peek(&scan) <= 's' && month_then_day(scan, ret_date);
}
