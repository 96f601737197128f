#include "client/kms/lint.h"

#include <stdlib.h>
#include <string.h>

#include "client/kms/principals.h"

struct cmaw_lint_situation cmaw_lint_situation_of(const struct cmaw_lint_input *input, const struct cmaw_lint_path *path)
{
    return (struct cmaw_lint_situation){path->principal, path->action, path->attestation, input->expected};
}

static enum cmaw_err append(struct cmaw_lint_path **paths, size_t *count, const struct cmaw_lint_path *path)
{
    if ((*count & (*count - 1)) == 0) { /* 0, 1, 2, 4, …: doubles */
        struct cmaw_lint_path *more = reallocarray(*paths, *count == 0 ? 1 : 2 * *count, sizeof *more);
        CMAW_REQUIRE(more != NULL, CMAW_E_NO_MEMORY);
        *paths = more;
    }
    (*paths)[(*count)++] = *path;
    return CMAW_OK;
}

/* The statement by which an identity's own policy allows it, or NULL. */
static const struct cmaw_lint_statement *identity_allows(const struct cmaw_lint_situation *situation)
{
    const struct cmaw_lint_document *document = situation->principal->identity;
    if (cmaw_lint_denied(document, situation)) {
        return NULL;
    }
    for (size_t i = 0; i < document->count; i++) {
        if (!document->statements[i].deny && cmaw_lint_statement_truth(&document->statements[i], situation) != CMAW_LINT_NEVER) {
            return &document->statements[i];
        }
    }
    return NULL;
}

/* How many of enum cmaw_lint_attestation an enemy can choose from: without a manifest nobody knows which role is the right one. */
static int attestations(const struct cmaw_lint_input *input, const struct cmaw_lint_action *action)
{
    if (!action->recipient) {
        return CMAW_LINT_NONE + 1;
    }
    return input->expected == NULL ? CMAW_LINT_OTHER_ROLE : CMAW_LINT_ATTESTATIONS;
}

/* The first attestation that gets through, in *path. */
static bool gets_through(const struct cmaw_lint_input *input, struct cmaw_lint_path *path)
{
    for (int i = 0; i < attestations(input, path->action); i++) {
        path->attestation = (enum cmaw_lint_attestation)i;
        const struct cmaw_lint_situation situation = cmaw_lint_situation_of(input, path);
        if (cmaw_lint_statement_truth(path->allow, &situation) == CMAW_LINT_NEVER || cmaw_lint_denied(input->policy, &situation)) {
            continue;
        }
        if (path->principal->kind != CMAW_LINT_HOLDER) {
            return true;
        }
        path->identity = identity_allows(&situation);
        if (path->identity != NULL) {
            return true;
        }
    }
    return false;
}

/* True if somebody may use a grant for the action: it needs no Allow, so only a Deny stops that. */
static bool grant_serves(const struct cmaw_lint_input *input, const struct cmaw_lint_report *report, const struct cmaw_lint_action *action)
{
    for (size_t i = 0; i < report->principal_count; i++) {
        for (int j = 0; j < attestations(input, action); j++) {
            const struct cmaw_lint_situation situation = {&report->principals[i], action, (enum cmaw_lint_attestation)j, input->expected};
            if (!cmaw_lint_denied(input->policy, &situation)) {
                return true;
            }
        }
    }
    return false;
}

/* What a grant could be used for; NULL: nothing. */
static const struct cmaw_lint_action *grant_allows(const struct cmaw_lint_input *input, const struct cmaw_lint_report *report)
{
    for (const struct cmaw_lint_action *action = cmaw_lint_actions; action->name != NULL; action++) {
        const bool grantable = action->effect == CMAW_LINT_EFFECT_DATA || strcmp(action->name, "kms:ReEncryptFrom") == 0;
        if (grantable && grant_serves(input, report, action)) {
            return action;
        }
    }
    return NULL;
}

static bool is_admin(const struct cmaw_lint_input *input, const struct cmaw_lint_principal *principal)
{
    for (size_t i = 0; principal->kind == CMAW_LINT_NAMED && i < input->admin_count; i++) {
        if (strcmp(input->admins[i], principal->name) == 0) {
            return true;
        }
    }
    return false;
}

/* Looks at one action by one principal under one Allow; *ret_found: there is a way. */
static enum cmaw_err look(const struct cmaw_lint_input *input, struct cmaw_lint_report *report, struct cmaw_lint_path *path, bool *ret_found)
{
    *ret_found = false;
    CMAW_REQUIRE(gets_through(input, path), CMAW_OK);
    if (path->action->effect == CMAW_LINT_EFFECT_GRANT) {
        path->granted = grant_allows(input, report);
        CMAW_REQUIRE(path->granted != NULL, CMAW_OK);
    }
    if (path->action->effect == CMAW_LINT_EFFECT_REWRITE && is_admin(input, path->principal)) {
        return append(&report->trusted, &report->trusted_count, path);
    }
    *ret_found = true;
    return append(&report->paths, &report->path_count, path);
}

static enum cmaw_err look_at_statement(const struct cmaw_lint_input *input, struct cmaw_lint_report *report,
                                       const struct cmaw_lint_statement *allow)
{
    for (const struct cmaw_lint_action *action = cmaw_lint_actions; action->name != NULL; action++) {
        for (size_t i = 0; i < report->principal_count; i++) {
            struct cmaw_lint_path path = {.allow = allow, .principal = &report->principals[i], .action = action};
            bool found = false;
            CMAW_TRY(look(input, report, &path, &found));
            if (found && path.principal->kind == CMAW_LINT_ANYONE) {
                break; /* then also everyone else */
            }
        }
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_lint_run(const struct cmaw_lint_input *input, struct cmaw_lint_report *ret_report)
{
    CMAW_LINT_REPORT_AUTO(report);
    CMAW_TRY(cmaw_lint_principals(input, &report.principals, &report.principal_count));
    for (size_t i = 0; i < input->policy->count; i++) {
        if (!input->policy->statements[i].deny) {
            CMAW_TRY(look_at_statement(input, &report, &input->policy->statements[i]));
        }
    }
    *ret_report = report;
    report = (struct cmaw_lint_report){0};
    return CMAW_OK;
}

void cmaw_lint_report_free(struct cmaw_lint_report *report)
{
    free(report->principals);
    free(report->paths);
    free(report->trusted);
    *report = (struct cmaw_lint_report){0};
}
