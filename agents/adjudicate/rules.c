#include "agents/adjudicate/rules.h"

#include <string.h>

static bool letter_cut(struct cmaw_case *facts)
{
    return facts->claim.cut;
}

static bool no_claimant(struct cmaw_case *facts)
{
    return facts->claim.claimant == NULL;
}

static bool no_policy_number(struct cmaw_case *facts)
{
    return facts->claim.policy_number == NULL;
}

static bool no_date(struct cmaw_case *facts)
{
    return facts->claim.date_of_loss.year == 0;
}

static bool no_kind(struct cmaw_case *facts)
{
    return facts->claim.kind == NULL;
}

static bool no_amount(struct cmaw_case *facts)
{
    return facts->claim.currency == NULL;
}

static bool unsure(struct cmaw_case *facts)
{
    static const char *const needed[] = {"claimant", "policy_number", "date_of_loss", "kind", "amounts", "payee_iban", NULL};
    for (size_t i = 0; needed[i] != NULL; i++) {
        const int64_t confidence = cmaw_claim_confidence(&facts->claim, needed[i]);
        if (confidence > 0 && confidence < CMAW_CLAIM_SURE) {
            return true;
        }
    }
    return false;
}

static bool unknown_policy(struct cmaw_case *facts)
{
    return cmaw_policies_find(facts->table, facts->claim.policy_number, &facts->policy) != CMAW_OK;
}

static bool another_holder(struct cmaw_case *facts)
{
    return strcmp(facts->claim.claimant, facts->policy.holder) != 0;
}

static bool date_after_notice(struct cmaw_case *facts)
{
    const struct cmaw_date notice = facts->claim.date_of_notice;
    return notice.year != 0 && cmaw_date_days(facts->claim.date_of_loss) > cmaw_date_days(notice);
}

static bool outside_period(struct cmaw_case *facts)
{
    const int64_t loss = cmaw_date_days(facts->claim.date_of_loss);
    return loss < cmaw_date_days(facts->policy.from) || loss > cmaw_date_days(facts->policy.to);
}

static bool not_covered(struct cmaw_case *facts)
{
    return cmaw_policy_cover(&facts->policy, facts->claim.kind, &facts->cover) != CMAW_OK;
}

static bool still_waiting(struct cmaw_case *facts)
{
    return cmaw_date_days(facts->claim.date_of_loss) < cmaw_date_days(facts->policy.from) + facts->cover.waiting_days;
}

static bool has_exclusion(const struct cmaw_case *facts, bool sure)
{
    for (size_t i = 0; i < json_array_size(facts->claim.circumstances); i++) {
        const json_t *circumstance = json_array_get(facts->claim.circumstances, i);
        const char *tag = json_string_value(json_object_get(circumstance, "tag"));
        for (size_t j = 0; j < json_array_size(facts->cover.exclusions); j++) {
            if (json_is_true(json_object_get(circumstance, "sure")) == sure && strcmp(tag, json_string_value(json_array_get(facts->cover.exclusions, j))) == 0) {
                return true;
            }
        }
    }
    return false;
}

static bool excluded(struct cmaw_case *facts)
{
    return has_exclusion(facts, true);
}

static bool perhaps_excluded(struct cmaw_case *facts)
{
    return has_exclusion(facts, false);
}

static bool no_notice_date(struct cmaw_case *facts)
{
    return facts->claim.date_of_notice.year == 0;
}

static bool late_notice(struct cmaw_case *facts)
{
    const struct cmaw_date notice = facts->claim.date_of_notice;
    return notice.year != 0 && cmaw_date_days(notice) - cmaw_date_days(facts->claim.date_of_loss) > facts->cover.notice_days;
}

static bool another_currency(struct cmaw_case *facts)
{
    return strcmp(facts->claim.currency, facts->policy.currency) != 0;
}

static bool under_deductible(struct cmaw_case *facts)
{
    facts->payable = cmaw_payable_of(&facts->cover, facts->claim.claimed);
    return facts->payable.minor == 0;
}

static bool over_authority(struct cmaw_case *facts)
{
    return facts->payable.minor > cmaw_policies_authority(facts->table, facts->policy.currency);
}

static bool people_hurt(struct cmaw_case *facts)
{
    const bool about_health = strcmp(facts->claim.kind, "medical") == 0 || strcmp(facts->claim.kind, "travel") == 0;
    return !about_health && json_array_size(facts->claim.injuries) > 0;
}

static bool injuries_unknown(struct cmaw_case *facts)
{
    return strcmp(facts->claim.kind, "collision") == 0 && facts->claim.injuries == NULL;
}

static bool no_payee(struct cmaw_case *facts)
{
    return facts->claim.payee_iban == NULL;
}

/* Asked in this order. A rule that stops guards what the rules behind it look at. */
const struct cmaw_rule cmaw_rules[] = {
    {"R-FORM-1", CMAW_QUALITY, false, "the letter is longer than what was read", letter_cut},
    {"R-FORM-2", CMAW_QUALITY, false, "no claimant was found", no_claimant},
    {"R-FORM-3", CMAW_QUALITY, false, "no policy number was found", no_policy_number},
    {"R-FORM-4", CMAW_QUALITY, false, "no date of loss was found", no_date},
    {"R-FORM-5", CMAW_QUALITY, false, "the kind of loss cannot be told", no_kind},
    {"R-FORM-6", CMAW_QUALITY, false, "the amount claimed cannot be told", no_amount},
    {"R-CONF-1", CMAW_QUALITY, false, "a field that decides was read with too little confidence", unsure},
    {"R-POL-1", CMAW_REFER, true, "no policy has this number", unknown_policy},
    {"R-POL-2", CMAW_REFER, true, "the claimant is not the policyholder", another_holder},
    {"R-DATE-1", CMAW_REFER, true, "the loss is dated after the notice", date_after_notice},
    {"R-POL-3", CMAW_DENY, true, "the loss lies outside the policy's period", outside_period},
    {"R-COV-1", CMAW_DENY, true, "the policy does not cover this kind of loss", not_covered},
    {"R-WAIT-1", CMAW_DENY, false, "the loss lies within the waiting period", still_waiting},
    {"R-EXC-1", CMAW_DENY, false, "the policy excludes a circumstance of the loss", excluded},
    {"R-EXC-2", CMAW_REFER, false, "the policy excludes a circumstance that may be another person's", perhaps_excluded},
    {"R-NOT-1", CMAW_REFER, false, "the notice came later than the policy allows", late_notice},
    {"R-NOT-2", CMAW_REFER, false, "the letter has no date, so that nobody can tell whether it came in time", no_notice_date},
    {"R-CUR-1", CMAW_REFER, true, "the amount is not in the policy's currency", another_currency},
    {"R-DED-2", CMAW_DENY, false, "the amount does not exceed the deductible", under_deductible},
    {"R-LIM-2", CMAW_REFER, false, "the amount payable is above what may be paid without a person", over_authority},
    {"R-INJ-1", CMAW_REFER, false, "a person was hurt", people_hurt},
    {"R-INJ-2", CMAW_REFER, false, "the letter does not say whether a person was hurt", injuries_unknown},
    {"R-PAY-1", CMAW_REFER, false, "no valid account to pay to was found", no_payee},
};
const size_t cmaw_rule_count = sizeof cmaw_rules / sizeof cmaw_rules[0];

struct cmaw_payable cmaw_payable_of(const struct cmaw_cover *cover, int64_t claimed)
{
    const int64_t deducted = claimed < cover->deductible ? claimed : cover->deductible;
    const int64_t rest = claimed - deducted;
    /* claimed is at most INT64_MAX / 1000, so this stays exact */
    const int64_t covered = (rest * cover->share_percent + 50) / 100;
    const int64_t minor = covered < cover->limit ? covered : cover->limit;
    return (struct cmaw_payable){.minor = minor, .deducted = deducted, .own_share = rest - covered, .over_limit = covered - minor};
}
