/* What intake reads out of a letter. Confidence is in percent: 90 and more where the letter labels the fact, 80s where a
 * sentence says it, below CMAW_INTAKE_SURE where a person should look, 0 where nothing was found. */
#ifndef CMAW_AGENTS_INTAKE_FACTS_H
#define CMAW_AGENTS_INTAKE_FACTS_H

#include "agents/calendar.h"
#include "agents/intake/letter.h"

enum {
    CMAW_INTAKE_SURE = 60,
    CMAW_INTAKE_UNSURE = CMAW_INTAKE_SURE - 10, /* it was found, and may not be meant so */
    CMAW_FACT_TEXT_MAX = 96,
    CMAW_FACT_AMOUNTS_MAX = 64,
    CMAW_FACT_LIST_MAX = 16,
};

struct cmaw_fact_text {
    char text[CMAW_FACT_TEXT_MAX]; /* "" : not found */
    int confidence;
};

struct cmaw_fact_date {
    struct cmaw_date date;
    int confidence;
};

enum cmaw_amount_role { CMAW_AMOUNT_ITEM, CMAW_AMOUNT_TOTAL, CMAW_AMOUNT_OTHER };

struct cmaw_fact_amount {
    int64_t minor;
    char currency[4];
    enum cmaw_amount_role role;
    int confidence; /* of reading the number and the currency */
    struct cmaw_span span;
};

struct cmaw_fact_amounts {
    struct cmaw_fact_amount found[CMAW_FACT_AMOUNTS_MAX];
    size_t count;
    int64_t claimed; /* minor units; counts only where claimed_by is not NULL */
    char currency[4];
    const char *claimed_by; /* "total" or "sum"; NULL: cannot be told */
    int confidence;
};

/* Spans with a constant word for what each is: sentences on injuries, hits of circumstances. */
struct cmaw_fact_spans {
    struct {
        const char *tag;
        struct cmaw_span span;
        char name[CMAW_FACT_TEXT_MAX]; /* third parties only; "" where the letter names none */
        bool sure;                     /* circumstances only; false where the sentence names another person */
    } found[CMAW_FACT_LIST_MAX];
    size_t count;
    int confidence; /* 0: the letter says nothing on it; otherwise an empty list means that it says there is none */
};

struct cmaw_facts {
    struct cmaw_fact_text claimant;
    struct cmaw_fact_text policy_number;
    struct cmaw_fact_text payee_iban;
    struct cmaw_fact_date date_of_notice;
    struct cmaw_fact_date date_of_loss;
    const char *kind; /* NULL: not found */
    int kind_confidence;
    struct cmaw_fact_amounts amounts;
    struct cmaw_fact_spans injuries;
    struct cmaw_fact_spans third_parties;
    struct cmaw_fact_spans circumstances;
};

/* Each fills its part of facts and reads no other, except that dates of loss are read in the light of the notice's. */
void cmaw_facts_read_claimant(const struct cmaw_letter *letter, struct cmaw_facts *facts);
void cmaw_facts_read_numbers(const struct cmaw_letter *letter, struct cmaw_facts *facts);
void cmaw_facts_read_dates(const struct cmaw_letter *letter, struct cmaw_facts *facts);
void cmaw_facts_read_kind(const struct cmaw_letter *letter, struct cmaw_facts *facts);
void cmaw_facts_read_amounts(const struct cmaw_letter *letter, struct cmaw_facts *facts);
void cmaw_facts_read_people(const struct cmaw_letter *letter, struct cmaw_facts *facts);
void cmaw_facts_read_circumstances(const struct cmaw_letter *letter, struct cmaw_facts *facts);

/* Shared by the readers of people: the name that starts at a position (two to five capitalised words, or a title and one),
 * without its title; false if none does. */
bool cmaw_facts_name_at(const struct cmaw_letter *letter, size_t at, size_t end, char ret_name[static CMAW_FACT_TEXT_MAX],
                        size_t *ret_end);

#endif
