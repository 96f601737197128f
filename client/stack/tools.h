/* The sibling programs that cmaw up runs to their end. */
#ifndef CMAW_CLIENT_STACK_TOOLS_H
#define CMAW_CLIENT_STACK_TOOLS_H

#include "client/stack/stack.h"

/* Runs a sibling with the words given (a NULL-terminated list without the program itself) and appends its standard output. What it says on standard
 * error is shown. A code other than 0 is DENIED. */
enum cmaw_err cmaw_tool_run(const char *program, const char *const *words, struct cmaw_buf *out, struct cmaw_diag *diag);

/* cmaw-devd init */
enum cmaw_err cmaw_tool_devd_init(const struct cmaw_stack *stack, struct cmaw_diag *diag);
/* cmaw-devd access-key, into DIR/credentials/WHO.json */
enum cmaw_err cmaw_tool_access_key(const struct cmaw_stack *stack, const char *who, const char *iam_role, struct cmaw_diag *diag);
/* cmaw-image build with the stack's roots, into DIR/images/ROLE.eif */
enum cmaw_err cmaw_tool_build_image(const struct cmaw_stack *stack, const struct cmaw_stack_role *role, struct cmaw_diag *diag);

#endif
