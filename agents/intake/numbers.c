#include <string.h>

#include "agents/intake/facts.h"

enum { POLICY_MIN = 6, POLICY_MAX = 24, POLICY_DIGITS_MIN = 4, IBAN_MIN = 15, IBAN_MAX = 34 };

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_upper(uint8_t c)
{
    return c >= 'A' && c <= 'Z';
}

/* One run of capitals and digits; its size, 0 if there is none or if small letters follow. */
static size_t run_at(const struct cmaw_letter *letter, size_t at, size_t *ret_digits)
{
    size_t size = 0;
    *ret_digits = 0;
    for (; is_digit(cmaw_letter_at(letter, at + size)) || is_upper(cmaw_letter_at(letter, at + size)); size++) {
        *ret_digits += is_digit(cmaw_letter_at(letter, at + size)) ? 1 : 0;
    }
    return cmaw_letter_is_word(cmaw_letter_at(letter, at + size)) ? 0 : size;
}

/* A policy number, its groups joined by hyphens however they were written: "HH 2204/118937" is "HH-2204-118937". */
static bool policy_at(const struct cmaw_letter *letter, size_t at, char ret_text[static CMAW_FACT_TEXT_MAX])
{
    char text[POLICY_MAX + 1];
    size_t size = 0;
    size_t digits = 0;
    for (;;) {
        size_t run_digits = 0;
        const size_t run = run_at(letter, at, &run_digits);
        const bool goes_on = size > 0 && (run_digits == 0 || (letter->text.data[at - 1] == ' ' && (run_digits < run || run < 3)));
        if (run == 0 || goes_on || size + 1 + run > POLICY_MAX) {
            break;
        }
        if (size > 0) {
            text[size++] = '-';
        }
        memcpy(text + size, letter->text.data + at, run);
        size += run;
        digits += run_digits;
        at += run;
        const uint8_t mark = cmaw_letter_at(letter, at);
        if (mark != '-' && mark != '/' && mark != ' ' && mark != '.') {
            break;
        }
        at++;
    }
    if (size < POLICY_MIN || digits < POLICY_DIGITS_MIN) {
        return false;
    }
    return cmaw_slice_to_cstr(cmaw_slice_of(text, size), ret_text, CMAW_FACT_TEXT_MAX) == CMAW_OK;
}

/* From the end of a label over "is", "no." and punctuation to where a number can start. */
static size_t skip_label(const struct cmaw_letter *letter, size_t at)
{
    for (size_t i = 0; i < 12; i++, at++) {
        const uint8_t c = cmaw_letter_at(letter, at);
        if (is_digit(c) || is_upper(c)) {
            break;
        }
    }
    return at;
}

static bool names_another_policy(const struct cmaw_letter *letter, const char *number)
{
    struct cmaw_span rest = cmaw_letter_all(letter);
    struct cmaw_span hit;
    for (; cmaw_letter_find(letter, rest, "policy", &hit); rest.at = hit.end) {
        char other[CMAW_FACT_TEXT_MAX];
        if (policy_at(letter, skip_label(letter, hit.end), other) && strcmp(other, number) != 0) {
            return true;
        }
    }
    return false;
}

static void read_policy_number(const struct cmaw_letter *letter, struct cmaw_fact_text *policy)
{
    static const struct {
        const char *phrase;
        int confidence;
    } labels[] = {{"policy number", 95}, {"policy no", 95}, {"policy nr", 95}, {"policy ref*", 95}, {"policy #", 95}, {"policy id", 95},
                  {"insurance number", 90}, {"contract number", 90}, {"certificate number", 90}, {"membership number", 90},
                  {"policy", 85}, {"insured under", 80}, {"insured with you under", 80}};
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        struct cmaw_span rest = cmaw_letter_all(letter);
        struct cmaw_span hit;
        while (cmaw_letter_find(letter, rest, labels[i].phrase, &hit)) {
            if (policy_at(letter, skip_label(letter, hit.end), policy->text)) {
                policy->confidence = names_another_policy(letter, policy->text) ? CMAW_INTAKE_UNSURE : labels[i].confidence;
                return;
            }
            rest.at = hit.end;
        }
    }
}

/* ISO 13616: the first four characters go behind the rest, letters count from 10, and all of it is 1 modulo 97. */
static bool iban_valid(const char *iban, size_t size)
{
    unsigned remainder = 0;
    for (size_t i = 0; i < size; i++) {
        const char c = iban[(i + 4) % size];
        const unsigned value = c >= 'A' ? (unsigned)(c - 'A') + 10 : (unsigned)(c - '0');
        remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97;
    }
    return remainder == 1;
}

/* The longest valid account number that starts at a position, written in groups or not. */
static bool iban_at(const struct cmaw_letter *letter, size_t at, char ret_text[static CMAW_FACT_TEXT_MAX])
{
    char iban[IBAN_MAX + 1];
    size_t size = 0;
    size_t valid = 0;
    for (; size < IBAN_MAX; at++) {
        const uint8_t c = cmaw_letter_at(letter, at);
        const uint8_t next = cmaw_letter_at(letter, at + 1);
        if (c == ' ' && size > 0 && (is_upper(next) || is_digit(next))) {
            continue;
        }
        if (!is_upper(c) && !is_digit(c)) {
            break;
        }
        iban[size++] = (char)c;
        valid = size >= IBAN_MIN && !is_upper(next) && !is_digit(next) && iban_valid(iban, size) ? size : valid;
    }
    return valid > 0 && cmaw_slice_to_cstr(cmaw_slice_of(iban, valid), ret_text, CMAW_FACT_TEXT_MAX) == CMAW_OK;
}

static void read_iban(const struct cmaw_letter *letter, struct cmaw_fact_text *iban)
{
    char found[CMAW_FACT_TEXT_MAX];
    for (size_t at = 0; at + IBAN_MIN <= letter->text.size; at++) {
        const uint8_t *c = letter->text.data + at;
        const bool start = at == 0 || !cmaw_letter_is_word(c[-1]);
        if (!start || !is_upper(c[0]) || !is_upper(c[1]) || !is_digit(c[2]) || !is_digit(c[3]) || !iban_at(letter, at, found)) {
            continue;
        }
        if (iban->confidence == 0) {
            memcpy(iban->text, found, sizeof found);
            iban->confidence = 95;
        } else if (strcmp(iban->text, found) != 0) {
            iban->confidence = CMAW_INTAKE_UNSURE; /* whose is which? */
        }
    }
}

void cmaw_facts_read_numbers(const struct cmaw_letter *letter, struct cmaw_facts *facts)
{
    read_policy_number(letter, &facts->policy_number);
    read_iban(letter, &facts->payee_iban);
}
