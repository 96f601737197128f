/* Condition blocks of policies: {operator: {key: value or [values]}}. Every operator and every key must hold. */
#ifndef CMAW_DEV_POLICY_COND_H
#define CMAW_DEV_POLICY_COND_H

#include <jansson.h>
#include <stdbool.h>

/* True if the block is well formed and every operator is known; else *ret_reason says what is not (a constant). */
bool cmaw_policy_cond_valid(json_t *block, const char **ret_reason);
/* keys: lower-case name -> array of strings. A missing key makes a positive operator false and a negated one true; with
 * IfExists it makes both true; Null asks for it; ForAllValues holds and ForAnyValue does not. */
bool cmaw_policy_cond_holds(json_t *block, json_t *keys);

#endif
