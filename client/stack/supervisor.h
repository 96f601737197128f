/* The supervisor of a stack: starts its processes on request and again when they die. Single-threaded, driven by poll. */
#ifndef CMAW_CLIENT_STACK_SUPERVISOR_H
#define CMAW_CLIENT_STACK_SUPERVISOR_H

#include "client/stack/stack.h"

/* Serves DIR/supervisor.sock until "stop" or SIGTERM, then ends every process in the reverse of the starting order. ready_fd < 0: nobody to tell. */
enum cmaw_err cmaw_supervisor_run(struct cmaw_stack *stack, int ready_fd, struct cmaw_diag *diag);

#endif
