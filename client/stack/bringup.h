/* What cmaw up does, stage by stage. Each stage looks at what is there and does what is missing, so that it may be repeated after a crash or a reboot. */
#ifndef CMAW_CLIENT_STACK_BRINGUP_H
#define CMAW_CLIENT_STACK_BRINGUP_H

#include "client/stack/stack.h"

/* Brings the stack to the state in which every process is ready. Says on standard error what it does. */
enum cmaw_err cmaw_bringup(struct cmaw_stack *stack, struct cmaw_diag *diag);

#endif
