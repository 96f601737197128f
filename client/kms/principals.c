#include "client/kms/principals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct gathered {
    struct cmaw_lint_principal *items;
    size_t count, capacity;
};

static bool known(const struct gathered *all, const struct cmaw_lint_principal *one)
{
    for (size_t i = 0; i < all->count; i++) {
        const struct cmaw_lint_principal *other = &all->items[i];
        const bool same_name = other->kind == CMAW_LINT_ACCOUNT || strcmp(other->name, one->name) == 0;
        if (other->kind == one->kind && same_name && (one->kind == CMAW_LINT_NAMED || strcmp(other->account, one->account) == 0)) {
            return true;
        }
    }
    return false;
}

static enum cmaw_err add(struct gathered *all, struct cmaw_lint_principal one)
{
    CMAW_REQUIRE(!known(all, &one), CMAW_OK);
    if (all->count == all->capacity) {
        const size_t capacity = all->capacity == 0 ? 16 : 2 * all->capacity;
        struct cmaw_lint_principal *items = reallocarray(all->items, capacity, sizeof *items);
        CMAW_REQUIRE(items != NULL, CMAW_E_NO_MEMORY);
        all->items = items;
        all->capacity = capacity;
    }
    all->items[all->count++] = one;
    return CMAW_OK;
}

static enum cmaw_err add_names(struct gathered *all, const struct cmaw_lint_list *list, bool accounts)
{
    for (size_t i = 0; i < list->count; i++) {
        struct cmaw_lint_principal one = {.kind = accounts ? CMAW_LINT_ACCOUNT : CMAW_LINT_NAMED, .name = list->items[i]};
        cmaw_lint_account_of(one.name, one.account);
        if (cmaw_lint_is_account(one.name, one.account) == accounts) {
            CMAW_TRY(add(all, one));
        }
    }
    return CMAW_OK;
}

static enum cmaw_err add_conditions(struct gathered *all, const struct cmaw_lint_statement *statement)
{
    unsigned pcr = 0;
    for (size_t i = 0; i < statement->test_count; i++) {
        const struct cmaw_lint_test *test = &statement->tests[i];
        for (size_t j = 0; cmaw_lint_key_of(test->key, &pcr) == CMAW_LINT_KEY_PRINCIPAL && j < test->values.count; j++) {
            struct cmaw_lint_principal one = {.kind = CMAW_LINT_NAMED, .name = test->values.items[j]};
            cmaw_lint_account_of(one.name, one.account);
            if (one.account[0] != '\0' && strpbrk(one.name, "*?$") == NULL) {
                CMAW_TRY(add(all, one));
            }
        }
    }
    return CMAW_OK;
}

static enum cmaw_err add_holders(struct gathered *all, const struct cmaw_lint_input *input)
{
    const size_t accounts = all->count;
    for (size_t i = 0; i < accounts; i++) {
        for (size_t j = 0; all->items[i].kind == CMAW_LINT_ACCOUNT && j < input->identity_count; j++) {
            struct cmaw_lint_principal one = all->items[i];
            one.kind = CMAW_LINT_HOLDER;
            one.identity = &input->identities[j];
            one.name = one.identity->name;
            CMAW_TRY(add(all, one));
        }
    }
    return CMAW_OK;
}

static enum cmaw_err add_outside(struct gathered *all, const struct cmaw_lint_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        CMAW_TRY(add(all, (struct cmaw_lint_principal){.kind = CMAW_LINT_OUTSIDE, .name = list->items[i]}));
    }
    return CMAW_OK;
}

static enum cmaw_err gather(struct gathered *all, const struct cmaw_lint_input *input)
{
    const struct cmaw_lint_statement *statements = input->policy->statements;
    CMAW_TRY(add(all, (struct cmaw_lint_principal){.kind = CMAW_LINT_ANYONE, .name = "*"}));
    for (size_t i = 0; i < input->policy->count; i++) {
        CMAW_TRY(add_names(all, &statements[i].aws, true));
    }
    CMAW_TRY(add_holders(all, input));
    for (size_t i = 0; i < input->policy->count; i++) {
        CMAW_TRY(add_names(all, &statements[i].aws, false));
        CMAW_TRY(add_conditions(all, &statements[i]));
        CMAW_TRY(add_outside(all, &statements[i].others));
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_lint_principals(const struct cmaw_lint_input *input, struct cmaw_lint_principal **ret_principals, size_t *ret_count)
{
    struct gathered all = {0};
    const enum cmaw_err err = gather(&all, input);
    if (err != CMAW_OK) {
        free(all.items);
        return err;
    }
    *ret_principals = all.items;
    *ret_count = all.count;
    return CMAW_OK;
}
