/* What is said to a running supervisor over DIR/supervisor.sock: one line asked, one line answered.
 *   start NAME  ->  ready | failed TEXT
 *   stop        ->  stopped                 (when every process has ended; the supervisor ends then)
 *   ping        ->  pong */
#ifndef CMAW_CLIENT_STACK_CONTROL_H
#define CMAW_CLIENT_STACK_CONTROL_H

#include "client/stack/stack.h"

enum { CMAW_CONTROL_LINE_MAX = 600 };

/* Whether a supervisor of this stack answers. */
bool cmaw_control_running(const struct cmaw_stack *stack);
/* Starts the process if it does not run, and waits until it is ready. DENIED with the supervisor's text if it failed. */
enum cmaw_err cmaw_control_start(const struct cmaw_stack *stack, const char *name, struct cmaw_diag *diag);
/* Ends all processes and the supervisor, and waits for that. */
enum cmaw_err cmaw_control_stop(const struct cmaw_stack *stack, struct cmaw_diag *diag);
/* Starts a supervisor in the background and waits until it answers. */
enum cmaw_err cmaw_control_launch(const struct cmaw_stack *stack, struct cmaw_diag *diag);

#endif
