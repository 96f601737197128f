/* Adjudicate: a structured claim and the policy table become a decision. See agents/README.md for rules and fields. */
#ifndef CMAW_AGENTS_ADJUDICATE_ADJUDICATE_H
#define CMAW_AGENTS_ADJUDICATE_ADJUDICATE_H

#include "lib/base/bytes.h"

/* Appends the decision as JSON with a final newline. claim is hostile. MALFORMED with what is wrong in ret_problem (a
 * constant) where claim or table is not what intake or the image's builder writes. */
enum cmaw_err cmaw_adjudicate(struct cmaw_slice claim, struct cmaw_slice policies, struct cmaw_buf *decision, const char **ret_problem);

#endif
