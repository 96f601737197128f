#include "agents/adjudicate/adjudicate.h"

#include "agents/adjudicate/rules.h"
#include "agents/json.h"

static const char *const outcome_names[] = {[CMAW_APPROVE] = "approve", [CMAW_REFER] = "refer", [CMAW_DENY] = "deny", [CMAW_QUALITY] = "refer"};

static void add_reason(json_t *reasons, const char *rule, const char *text)
{
    json_array_append_new(reasons, json_pack("{s:s, s:s}", "rule", rule, "text", text));
}

/* Asks every rule in order; the heaviest outcome of the broken ones is the decision. */
static enum cmaw_outcome ask_rules(struct cmaw_case *facts, json_t *reasons)
{
    enum cmaw_outcome outcome = CMAW_APPROVE;
    for (size_t i = 0; i < cmaw_rule_count; i++) {
        const struct cmaw_rule *rule = &cmaw_rules[i];
        if (outcome == CMAW_QUALITY && rule->outcome != CMAW_QUALITY) {
            break; /* the claim is incomplete: nothing more can be said about it */
        }
        if (!rule->broken(facts)) {
            continue;
        }
        add_reason(reasons, rule->id, rule->text);
        outcome = rule->outcome > outcome ? rule->outcome : outcome;
        if (rule->stops) {
            break;
        }
    }
    return outcome;
}

static json_t *step(const char *rule, const char *text, int64_t minor)
{
    return json_pack("{s:s, s:s, s:I}", "rule", rule, "text", text, "minor", (json_int_t)minor);
}

/* How the figure came about, line by line; null where no figure is due. */
static json_t *computation(const struct cmaw_case *facts)
{
    const struct cmaw_payable *payable = &facts->payable;
    json_t *lines = json_pack("[o]", step("R-AMT-1", "claimed", facts->claim.claimed));
    if (payable->deducted > 0) {
        json_array_append_new(lines, step("R-DED-1", "less the deductible", -payable->deducted));
    }
    if (payable->own_share > 0) {
        json_array_append_new(lines, step("R-SHR-1", "less the claimant's own share", -payable->own_share));
    }
    if (payable->over_limit > 0) {
        json_array_append_new(lines, step("R-LIM-1", "less what exceeds the limit", -payable->over_limit));
    }
    return json_pack("{s:I, s:s, s:o}", "minor", (json_int_t)payable->minor, "currency", facts->policy.currency, "lines", lines);
}

static void approve_reasons(const struct cmaw_case *facts, json_t *reasons)
{
    add_reason(reasons, "R-COV-0", "the policy covers the loss and nothing speaks against it");
    if (facts->payable.deducted > 0) {
        add_reason(reasons, "R-DED-1", "the deductible applies");
    }
    if (facts->payable.own_share > 0) {
        add_reason(reasons, "R-SHR-1", "the cover pays a share of the loss");
    }
    if (facts->payable.over_limit > 0) {
        add_reason(reasons, "R-LIM-1", "the limit of the cover applies");
    }
}

static json_t *decide(struct cmaw_case *facts, json_t *claim)
{
    json_t *reasons = json_array();
    const enum cmaw_outcome outcome = ask_rules(facts, reasons);
    if (outcome == CMAW_APPROVE) {
        approve_reasons(facts, reasons);
    }
    json_t *trail = json_copy((json_t *)facts->claim.trail);
    json_array_append_new(trail, json_pack("{s:s, s:s}", "agent", "adjudicate", "version", CMAW_VERSION));
    return json_pack("{s:s, s:s, s:o, s:o, s:O, s:o}", "schema", "decision/1", "decision", outcome_names[outcome], "reasons", reasons,
                     "payable", outcome == CMAW_APPROVE ? computation(facts) : json_null(), "claim", claim, "trail", trail);
}

enum cmaw_err cmaw_adjudicate(struct cmaw_slice claim, struct cmaw_slice policies, struct cmaw_buf *decision, const char **ret_problem)
{
    struct cmaw_case facts = {.table = NULL};
    json_t *table = NULL;
    CMAW_TRY(cmaw_policies_parse(policies, &table, ret_problem));
    facts.table = table;
    json_t *json = json_loadb((const char *)claim.data, claim.size, JSON_REJECT_DUPLICATES, NULL);
    enum cmaw_err err = CMAW_E_MALFORMED;
    *ret_problem = "the claim is not JSON";
    if (json != NULL) {
        err = cmaw_claim_read(json, &facts.claim, ret_problem);
    }
    if (err == CMAW_OK) {
        err = cmaw_put_json(decide(&facts, json), decision);
    }
    json_decref(json);
    json_decref(table);
    return err;
}
