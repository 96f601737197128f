/* Ending a stack. */
#ifndef CMAW_CLIENT_STACK_TEARDOWN_H
#define CMAW_CLIENT_STACK_TEARDOWN_H

#include "client/stack/stack.h"

/* Ends the supervisor and all processes, and waits until they have ended. Without a supervisor, ends those of stack.json that still are the ones it
 * names, by pid and start time. Nothing to end is no error. */
enum cmaw_err cmaw_teardown(struct cmaw_stack *stack, struct cmaw_diag *diag);
/* Removes the folder of a stack that does not run. */
enum cmaw_err cmaw_remove_stack(const struct cmaw_stack *stack, struct cmaw_diag *diag);

#endif
