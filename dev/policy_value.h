/* How the operators of conditions compare two values: what a policy expects and what a request has (IAM User Guide, condition
 * operators). A value that does not have the operator's type equals nothing. */
#ifndef CMAW_DEV_POLICY_VALUE_H
#define CMAW_DEV_POLICY_VALUE_H

#include <stdbool.h>

struct cmaw_policy_comparison {
    const char *name; /* "NumericLessThan" */
    bool (*matches)(const char *expected, const char *actual);
    bool (*valid)(const char *expected); /* NULL: any text will do */
    bool negated; /* holds where matches does not */
    bool pattern; /* expected has wildcards */
};

/* By a name in any case that may end in IfExists; NULL for an operator that is not known. */
const struct cmaw_policy_comparison *cmaw_policy_comparison_find(const char *name, bool *ret_if_exists);

#endif
