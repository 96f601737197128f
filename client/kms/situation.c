#include "client/kms/situation.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/sst/keys.h"

const struct cmaw_lint_action cmaw_lint_actions[] = {
    {"kms:Decrypt", CMAW_LINT_EFFECT_DATA, true, "opens every ciphertext of the key"},
    {"kms:GenerateDataKey", CMAW_LINT_EFFECT_DATA, true, "makes a data key that the caller knows"},
    {"kms:GenerateDataKeyPair", CMAW_LINT_EFFECT_DATA, true, "makes a private key that the caller knows"},
    {"kms:DeriveSharedSecret", CMAW_LINT_EFFECT_DATA, true, "gives a shared secret of a key for agreement"},
    {"kms:ReEncryptFrom", CMAW_LINT_EFFECT_MOVE, false, "moves every ciphertext under a key of the caller's choice"},
    {"kms:ReplicateKey", CMAW_LINT_EFFECT_MOVE, false, "copies a multi-Region key into another region, under a policy of the caller's choice"},
    {"kms:ImportKeyMaterial", CMAW_LINT_EFFECT_MOVE, false, "puts material that the caller knows into a key of EXTERNAL origin"},
    {"kms:CreateGrant", CMAW_LINT_EFFECT_GRANT, false, "grants the key's use to anyone, and no grant asks for an attestation"},
    {"kms:PutKeyPolicy", CMAW_LINT_EFFECT_REWRITE, false, "replaces this policy by another"},
    {NULL, 0, false, NULL},
};

const char *cmaw_lint_attestation_name(enum cmaw_lint_attestation attestation)
{
    static const char *const names[CMAW_LINT_ATTESTATIONS] = {"none", "debug", "other-image", "other-role"};
    return names[attestation];
}

enum cmaw_err cmaw_lint_expect(const struct cmaw_manifest *manifest, const struct cmaw_role *role, struct cmaw_lint_expected *ret_expected)
{
    struct cmaw_lint_expected expected = {0};
    struct cmaw_pcr lock;
    for (size_t i = 0; i < role->measurement_count; i++) {
        CMAW_TRY(cmaw_hex_to_cstr(role->measurements[i].pcrs[0], expected.images[i], sizeof expected.images[i]));
    }
    expected.image_count = role->measurement_count;
    CMAW_TRY(cmaw_role_lock_pcr(&manifest->mh, role->id, &lock));
    CMAW_TRY(cmaw_hex_to_cstr(cmaw_pcr_slice(&lock), expected.lock, sizeof expected.lock));
    CMAW_TRY(cmaw_slice_to_cstr(role->kms_key_arn, expected.key_arn, sizeof expected.key_arn));
    *ret_expected = expected;
    return CMAW_OK;
}

void cmaw_lint_account_of(const char *text, char ret_account[static 13])
{
    const char *account = text;
    for (int colons = 0; strncmp(text, "arn:", 4) == 0 && colons < 4; colons++) {
        const char *colon = strchr(account, ':');
        account = colon == NULL ? "" : colon + 1;
    }
    const bool digits = strspn(account, "0123456789") == 12 && (account[12] == '\0' || account[12] == ':');
    (void)snprintf(ret_account, 13, "%s", digits ? account : "");
}

bool cmaw_lint_is_account(const char *text, const char *account)
{
    char own[13];
    cmaw_lint_account_of(text, own);
    const size_t size = strlen(text);
    const bool whole = size == 12 || (strncmp(text, "arn:", 4) == 0 && size > 5 && strcmp(text + size - 5, ":root") == 0);
    return whole && own[0] != '\0' && strcmp(own, account) == 0;
}

/* A session acts under the ARN of its role too. */
static bool is_session_of(const char *session, const char *role)
{
    const char *name = strstr(session, ":assumed-role/");
    const char *last = strrchr(role, '/');
    if (name == NULL || last == NULL || strstr(role, ":role/") == NULL) {
        return false;
    }
    name += strlen(":assumed-role/");
    const size_t size = strcspn(name, "/");
    char accounts[2][13];
    cmaw_lint_account_of(session, accounts[0]);
    cmaw_lint_account_of(role, accounts[1]);
    return strlen(last + 1) == size && strncmp(last + 1, name, size) == 0 && strcmp(accounts[0], accounts[1]) == 0;
}

static bool names(const struct cmaw_lint_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], name) == 0 || is_session_of(name, list->items[i])) {
            return true;
        }
    }
    return false;
}

static bool names_account(const struct cmaw_lint_list *list, const char *account)
{
    for (size_t i = 0; i < list->count; i++) {
        if (cmaw_lint_is_account(list->items[i], account)) {
            return true;
        }
    }
    return false;
}

/* An Allow for the account lets it delegate by identity policies, which is looked at as ACCOUNT and HOLDER; a Deny for it is for
 * everyone in it. */
static enum cmaw_lint_truth named(const struct cmaw_lint_statement *statement, const struct cmaw_lint_principal *principal)
{
    if (statement->any_principal) {
        return CMAW_LINT_ALWAYS;
    }
    const bool account = names_account(&statement->aws, principal->account);
    switch (principal->kind) {
    case CMAW_LINT_ANYONE:
        return CMAW_LINT_NEVER;
    case CMAW_LINT_NAMED:
        return cmaw_lint_truth_of(names(&statement->aws, principal->name) || (account && statement->deny));
    case CMAW_LINT_OUTSIDE:
        return cmaw_lint_truth_of(names(&statement->others, principal->name));
    case CMAW_LINT_ACCOUNT:
    case CMAW_LINT_HOLDER:
        break;
    }
    return cmaw_lint_truth_of(account);
}

enum cmaw_lint_truth cmaw_lint_principal_truth(const struct cmaw_lint_statement *statement, const struct cmaw_lint_situation *situation)
{
    const struct cmaw_lint_principal *principal = situation->principal;
    const bool for_all = !statement->any_principal && statement->aws.count == 0 && statement->others.count == 0;
    if (for_all) {
        return CMAW_LINT_ALWAYS; /* the policy of an identity */
    }
    if (!statement->except_principals) {
        return named(statement, principal);
    }
    /* which of those in an account an exception for the account reaches is not decided here */
    return !statement->any_principal && names_account(&statement->aws, principal->account) ? CMAW_LINT_MAYBE
                                                                                            : cmaw_lint_not(named(statement, principal));
}

enum cmaw_lint_truth cmaw_lint_action_truth(const struct cmaw_lint_statement *statement, const struct cmaw_lint_situation *situation)
{
    bool found = false;
    for (size_t i = 0; i < statement->actions.count; i++) {
        found |= cmaw_lint_wildcard(statement->actions.items[i], situation->action->name, true);
    }
    return cmaw_lint_truth_of(statement->actions.count > 0 && found != statement->except_actions);
}

static enum cmaw_lint_truth resource_matches(const char *pattern, const struct cmaw_lint_expected *expected)
{
    if (pattern[0] != '\0' && pattern[strspn(pattern, "*")] == '\0') {
        return CMAW_LINT_ALWAYS;
    }
    if (expected == NULL || strstr(pattern, "${") != NULL) {
        return CMAW_LINT_MAYBE;
    }
    /* whether a wildcard reaches over a colon depends on where it stands (IAM User Guide, "Resource"): not decided here */
    return cmaw_lint_arn_like(pattern, expected->key_arn)          ? CMAW_LINT_ALWAYS
           : cmaw_lint_wildcard(pattern, expected->key_arn, false) ? CMAW_LINT_MAYBE
                                                                   : CMAW_LINT_NEVER;
}

enum cmaw_lint_truth cmaw_lint_resource_truth(const struct cmaw_lint_statement *statement, const struct cmaw_lint_situation *situation)
{
    enum cmaw_lint_truth found = CMAW_LINT_NEVER;
    for (size_t i = 0; i < statement->resources.count; i++) {
        found = cmaw_lint_or(found, resource_matches(statement->resources.items[i], situation->expected));
    }
    found = statement->except_resources ? cmaw_lint_not(found) : found;
    return statement->resources.count == 0 ? CMAW_LINT_NEVER : found;
}

enum cmaw_lint_truth cmaw_lint_tests_truth(const struct cmaw_lint_statement *statement, const struct cmaw_lint_situation *situation)
{
    enum cmaw_lint_truth all = CMAW_LINT_ALWAYS;
    for (size_t i = 0; i < statement->test_count && all != CMAW_LINT_NEVER; i++) {
        all = cmaw_lint_and(all, cmaw_lint_test_truth(&statement->tests[i], situation));
    }
    return all;
}

enum cmaw_lint_truth cmaw_lint_statement_truth(const struct cmaw_lint_statement *statement, const struct cmaw_lint_situation *situation)
{
    const enum cmaw_lint_truth who = cmaw_lint_principal_truth(statement, situation);
    const enum cmaw_lint_truth what = cmaw_lint_and(who, cmaw_lint_action_truth(statement, situation));
    if (what == CMAW_LINT_NEVER) {
        return CMAW_LINT_NEVER;
    }
    return cmaw_lint_and(cmaw_lint_and(what, cmaw_lint_resource_truth(statement, situation)), cmaw_lint_tests_truth(statement, situation));
}

bool cmaw_lint_denied(const struct cmaw_lint_document *document, const struct cmaw_lint_situation *situation)
{
    for (size_t i = 0; i < document->count; i++) {
        if (document->statements[i].deny && cmaw_lint_statement_truth(&document->statements[i], situation) == CMAW_LINT_ALWAYS) {
            return true;
        }
    }
    return false;
}
