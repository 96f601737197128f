/* The rules, as one table in rules.c: each has an id that decisions cite, what it asks of the claim, and where it leads. */
#ifndef CMAW_AGENTS_ADJUDICATE_RULES_H
#define CMAW_AGENTS_ADJUDICATE_RULES_H

#include "agents/adjudicate/claim.h"
#include "agents/adjudicate/policies.h"

/* In order of weight: the heaviest that a broken rule leads to is the decision. QUALITY is a referral that keeps later
 * rules from being asked, because they would decide on facts that are not known. */
enum cmaw_outcome { CMAW_APPROVE, CMAW_REFER, CMAW_DENY, CMAW_QUALITY };

struct cmaw_payable {
    int64_t minor;           /* what is paid if the decision is approve */
    int64_t deducted;        /* taken off first */
    int64_t own_share;       /* of the claimant, where the cover pays a part */
    int64_t over_limit;      /* cut off at the limit */
};

/* What the rules look at. policy, cover and payable count only from the rule on that fills them. */
struct cmaw_case {
    const json_t *table;
    struct cmaw_claim claim;
    struct cmaw_policy policy;
    struct cmaw_cover cover;
    struct cmaw_payable payable;
};

struct cmaw_rule {
    const char *id;
    enum cmaw_outcome outcome; /* where it leads if it is broken */
    bool stops;                /* later rules make no sense once this one is broken */
    const char *text;          /* why, for the person who reads the decision */
    bool (*broken)(struct cmaw_case *facts);
};

extern const struct cmaw_rule cmaw_rules[];
extern const size_t cmaw_rule_count;

/* What is payable of claimed: min(limit, share of what exceeds the deductible), a half minor unit rounded up. */
struct cmaw_payable cmaw_payable_of(const struct cmaw_cover *cover, int64_t claimed);

#endif
