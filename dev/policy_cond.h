/* Condition blocks of policies: {operator: {key: value or [values]}}. Every operator and every key must hold. */
#ifndef CMAW_DEV_POLICY_COND_H
#define CMAW_DEV_POLICY_COND_H

#include <jansson.h>
#include <stdbool.h>

/* True if the block is well formed and every operator and variable is known; else reason says which is not. Numbers and
 * booleans become strings in it. variables: a ${…} is one. */
bool cmaw_policy_cond_prepare(json_t *block, bool variables, char ret_reason[static 256]);
/* For a prepared block. keys: lower-case name -> array of strings. A missing key makes a positive operator false and a negated
 * one true; with IfExists it makes both true; Null asks for it; ForAllValues holds and ForAnyValue does not. */
bool cmaw_policy_cond_holds(json_t *block, json_t *keys, bool variables);

#endif
