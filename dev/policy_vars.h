/* Variables of policies: ${aws:PrincipalArn} in a Resource or the value of a condition (IAM User Guide, policy variables). */
#ifndef CMAW_DEV_POLICY_VARS_H
#define CMAW_DEV_POLICY_VARS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum { CMAW_POLICY_VALUE_MAX = 2048 };

/* True if every variable of text is one of those that a request always has, or ${*}, ${?}, ${$}. What else AWS knows, such as
 * tags or defaults, is not evaluated here, so that a policy with it must not be stored. */
bool cmaw_policy_vars_valid(const char *text);
/* Writes text with its variables replaced by values of keys (as in policy_cond.h); pattern: their wildcards are made
 * literal. False if one has no value or the result does not fit. keys NULL: text has no variables, whatever it looks like. */
bool cmaw_policy_vars_expand(const char *text, json_t *keys, bool pattern, char *ret_text, size_t capacity);

#endif
