/* The claim as adjudicate takes it in: what another agent wrote, so every field is checked for its type and its bounds. */
#ifndef CMAW_AGENTS_ADJUDICATE_CLAIM_H
#define CMAW_AGENTS_ADJUDICATE_CLAIM_H

#include <jansson.h>

#include "agents/calendar.h"

enum { CMAW_CLAIM_SURE = 60 }; /* percent of confidence below which a person decides */

struct cmaw_claim {
    const char *claimant;      /* NULL where the claim lacks it; borrowed from the JSON */
    const char *policy_number;
    const char *kind;
    const char *payee_iban;
    struct cmaw_date date_of_loss;   /* year 0: missing */
    struct cmaw_date date_of_notice; /* year 0: missing */
    int64_t claimed;           /* minor units; counts only where currency is not NULL */
    const char *currency;
    const json_t *injuries;      /* array, or NULL where nothing is known */
    const json_t *third_parties; /* array, or NULL where nothing is known */
    const json_t *circumstances; /* array */
    const json_t *trail;         /* array */
    const json_t *confidence;    /* object */
    bool cut;
};

/* Reads json, which must outlive the claim. MALFORMED, with the field in ret_field, where a type or a value is wrong. */
enum cmaw_err cmaw_claim_read(const json_t *json, struct cmaw_claim *ret_claim, const char **ret_field);
/* 0 for a field without one. */
int64_t cmaw_claim_confidence(const struct cmaw_claim *claim, const char *field);

#endif
