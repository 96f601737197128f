#include "agents/intake/money.h"

#include <string.h>

#include "agents/currency.h"

enum { DIGITS_MAX = 15, GROUPS_MAX = 8, WORD_MAX = 20 };

/* Digits and the marks between them, as written: "1.234,56" is three groups and the marks '.' and ','. */
struct written {
    struct {
        size_t at;
        size_t size;
    } groups[GROUPS_MAX];
    char marks[GROUPS_MAX]; /* marks[i] stands before groups[i] */
    size_t count;
    size_t end;
};

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static size_t digits_at(const struct cmaw_letter *letter, size_t at)
{
    size_t size = 0;
    while (is_digit(cmaw_letter_at(letter, at + size))) {
        size++;
    }
    return size;
}

static bool read_groups(const struct cmaw_letter *letter, size_t at, struct written *ret)
{
    *ret = (struct written){.end = at};
    char mark = 0;
    for (;;) {
        const size_t size = digits_at(letter, at);
        if (size == 0 || ret->count == GROUPS_MAX) {
            return ret->count > 0;
        }
        if ((mark == ' ' || mark == '\'') && size != 3) {
            return true; /* a space only joins thousands */
        }
        ret->groups[ret->count].at = at;
        ret->groups[ret->count].size = size;
        ret->marks[ret->count++] = mark;
        ret->end = at + size;
        mark = (char)cmaw_letter_at(letter, ret->end);
        if (mark != '.' && mark != ',' && mark != '\'' && mark != ' ') {
            return true;
        }
        at = ret->end + 1;
    }
}

/* How many of the last groups are decimals: 0 or 1. Sure is false where another reading exists. */
static size_t decimals(const struct written *number, int digits, bool *ret_sure)
{
    *ret_sure = true;
    if (number->count < 2) {
        return 0;
    }
    const size_t last = number->count - 1;
    const char mark = number->marks[last];
    if (mark == ' ' || mark == '\'') {
        return 0;
    }
    if (number->groups[last].size != 3) {
        return 1;
    }
    if (number->count == 2) {
        *ret_sure = digits == 3 || mark == ',';
        return digits == 3 ? 1 : 0; /* 1,234 is a thousand and more, except where the minor unit has three digits */
    }
    return mark == number->marks[last - 1] ? 0 : 1;
}

/* Thousands come in threes behind one and the same mark. */
static bool well_grouped(const struct written *number, size_t whole)
{
    for (size_t i = 1; i < whole; i++) {
        if (number->groups[i].size != 3 || number->marks[i] != number->marks[1]) {
            return false;
        }
    }
    return whole >= 1 && (whole == 1 || number->groups[0].size <= 3);
}

static bool append_digits(const struct cmaw_letter *letter, size_t at, size_t size, int64_t *value, size_t *used)
{
    for (size_t i = 0; i < size; i++) {
        if (*used == DIGITS_MAX) {
            return false;
        }
        *value = *value * 10 + (cmaw_letter_at(letter, at + i) - '0');
        *used += *value > 0 ? 1 : 0;
    }
    return true;
}

/* The number in minor units. False if it is not a number of this currency, or too long. */
static bool to_minor(const struct cmaw_letter *letter, const struct written *number, int digits, int64_t *ret_minor, bool *ret_sure)
{
    const size_t fraction = decimals(number, digits, ret_sure);
    const size_t whole = number->count - fraction;
    int64_t minor = 0;
    size_t used = 0;
    if (!well_grouped(number, whole)) {
        return false;
    }
    for (size_t i = 0; i < whole; i++) {
        if (!append_digits(letter, number->groups[i].at, number->groups[i].size, &minor, &used)) {
            return false;
        }
    }
    size_t given = fraction == 1 ? number->groups[whole].size : 0;
    if (given > (size_t)digits || (fraction == 1 && !append_digits(letter, number->groups[whole].at, given, &minor, &used))) {
        return false;
    }
    for (; given < (size_t)digits; given++) {
        minor *= 10;
    }
    *ret_minor = minor;
    return true;
}

/* The currency whose word ends right before a position, over at most one space. */
static const char *currency_before(const struct cmaw_letter *letter, size_t at, size_t *ret_start)
{
    const size_t end = at > 0 && cmaw_letter_at(letter, at - 1) == ' ' ? at - 1 : at;
    for (size_t size = WORD_MAX; size >= 1; size--) {
        const struct cmaw_slice word = size > end ? CMAW_SLICE_EMPTY : cmaw_slice_sub(cmaw_buf_slice(&letter->low), end - size, size);
        const char *code = word.size == 0 ? NULL : cmaw_currency_of_word(word);
        const bool letters = word.size > 0 && word.data[0] >= 'a' && word.data[0] <= 'z';
        if (code != NULL && !(letters && end > size && cmaw_letter_is_word(cmaw_letter_at(letter, end - size - 1)))) {
            *ret_start = end - size;
            return code;
        }
    }
    return NULL;
}

/* The currency whose word starts right behind a position; Swiss ".-" and one space may stand between. */
static const char *currency_behind(const struct cmaw_letter *letter, size_t at, size_t *ret_end)
{
    at += cmaw_slice_eq_cstr(cmaw_slice_sub(cmaw_buf_slice(&letter->low), at, 2), ".-") ? 2 : 0;
    at += cmaw_letter_at(letter, at) == ' ' || cmaw_letter_at(letter, at) == '\n' ? 1 : 0;
    for (size_t size = WORD_MAX; size >= 1; size--) {
        const struct cmaw_slice word = cmaw_slice_sub(cmaw_buf_slice(&letter->low), at, size);
        const char *code = word.size == 0 ? NULL : cmaw_currency_of_word(word);
        if (code != NULL && !(word.data[0] >= 'a' && word.data[0] <= 'z' && cmaw_letter_is_word(cmaw_letter_at(letter, at + size)))) {
            const size_t next = at + size + (cmaw_letter_at(letter, at + size) == ' ' ? 1 : 0);
            *ret_end = at + size;
            return is_digit(cmaw_letter_at(letter, next)) ? NULL : code; /* "in 2026 EUR 500": it belongs to what follows */
        }
    }
    return NULL;
}

/* "12k", "3 thousand", "1.5 million"; 1 where nothing follows. */
static int64_t multiplier(const struct cmaw_letter *letter, size_t *at)
{
    static const struct {
        const char *word;
        int64_t times;
    } words[] = {{"k", 1000}, {" thousand", 1000}, {"m", 1000000}, {" million", 1000000}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        const size_t size = strlen(words[i].word);
        if (cmaw_slice_eq_cstr(cmaw_slice_sub(cmaw_buf_slice(&letter->low), *at, size), words[i].word) &&
            !cmaw_letter_is_word(cmaw_letter_at(letter, *at + size))) {
            *at += size;
            return words[i].times;
        }
    }
    return 1;
}

/* The later part of a number or a date: "…1", "01.2026". */
static bool inside_number(const struct cmaw_letter *letter, size_t at)
{
    const uint8_t before = at < 1 ? 0 : cmaw_letter_at(letter, at - 1);
    const uint8_t two_before = at < 2 ? 0 : cmaw_letter_at(letter, at - 2);
    const bool joins = before == '.' || before == ',' || before == '/' || before == '-' || before == '\'';
    return is_digit(before) || (joins && is_digit(two_before));
}

bool cmaw_money_at(const struct cmaw_letter *letter, size_t at, struct cmaw_fact_amount *ret_amount)
{
    struct written number;
    struct cmaw_span span = {at, at};
    if (!is_digit(cmaw_letter_at(letter, at)) || inside_number(letter, at) || !read_groups(letter, at, &number)) {
        return false;
    }
    size_t end = number.end;
    const int64_t times = multiplier(letter, &end);
    const char *code = currency_before(letter, at, &span.at);
    span.end = end;
    if (code == NULL) {
        code = currency_behind(letter, end, &span.end);
    }
    bool sure = false;
    int64_t minor = 0;
    if (code == NULL || !to_minor(letter, &number, cmaw_currency_digits(code), &minor, &sure) || minor > INT64_MAX / 1000000000) {
        return false;
    }
    *ret_amount = (struct cmaw_fact_amount){.minor = minor * times, .confidence = sure ? 90 : 50, .span = span};
    memcpy(ret_amount->currency, code, 4);
    return true;
}
