/* The policy table: part of adjudicate's image, so it is measured; still read strictly, because a typing error in it would
 * pay the wrong amount. Money is in minor units of the policy's currency. */
#ifndef CMAW_AGENTS_ADJUDICATE_POLICIES_H
#define CMAW_AGENTS_ADJUDICATE_POLICIES_H

#include <jansson.h>

#include "agents/calendar.h"

enum { CMAW_POLICIES_MAX = 1024 * 1024 }; /* bytes of a table */

struct cmaw_cover {
    int64_t limit;
    int64_t deductible;
    int64_t share_percent; /* of what exceeds the deductible: 1..100 */
    int64_t waiting_days;  /* from the start of the policy */
    int64_t notice_days;   /* from the loss to the notice */
    const json_t *exclusions; /* array of circumstances; borrowed from the table */
};

struct cmaw_policy {
    const char *number; /* these strings are borrowed from the table */
    const char *holder;
    const char *currency;
    struct cmaw_date from; /* first day of cover */
    struct cmaw_date to;   /* last day of cover */
    const json_t *covers;
};

/* Reads and checks a whole table. MALFORMED with what is wrong in ret_problem, a constant. The caller owns *ret_table. */
enum cmaw_err cmaw_policies_parse(struct cmaw_slice text, json_t **ret_table, const char **ret_problem);
/* NOT_FOUND where the table has no such policy. */
enum cmaw_err cmaw_policies_find(const json_t *table, const char *number, struct cmaw_policy *ret_policy);
/* NOT_FOUND where the policy does not cover this kind. */
enum cmaw_err cmaw_policy_cover(const struct cmaw_policy *policy, const char *kind, struct cmaw_cover *ret_cover);
/* The most that may be paid in a currency without a person; 0 for a currency that the table does not name. */
int64_t cmaw_policies_authority(const json_t *table, const char *currency);

#endif
