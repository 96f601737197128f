/* What runs, where: the table of cmaw status, and its JSON. */
#ifndef CMAW_CLIENT_STACK_REPORT_H
#define CMAW_CLIENT_STACK_REPORT_H

#include "client/json.h"
#include "client/stack/stack.h"

/* True if the supervisor and every process are alive and ready. */
bool cmaw_report_all_ready(const struct cmaw_stack *stack);
enum cmaw_err cmaw_report_print(const struct cmaw_stack *stack, struct cmaw_diag *diag);
enum cmaw_err cmaw_report_print_json(const struct cmaw_stack *stack, struct cmaw_diag *diag);

#endif
