/* Which kind of enclaves a stack has: chosen when it is made, kept in its stack.json. */
#ifndef CMAW_CLIENT_STACK_TIER_H
#define CMAW_CLIENT_STACK_TIER_H

#include "client/stack/stack.h"
#include "lib/attest/doc.h"

/* As given on the command line; NULL: not given. */
struct cmaw_tier_choice {
    const char *tier;   /* "sim", "qemu" */
    const char *vm;     /* folder with QEMU, its vsock and the kernel */
    const char *memory; /* MiB of each enclave */
};

/* Sets the tier of a stack that is being made. USAGE for what goes together in no tier; NOT_FOUND, with a hint, where the qemu tier's tools are not in the
 * folder that is named, or that CMAW_VM names. */
enum cmaw_err cmaw_tier_choose(struct cmaw_stack *stack, const struct cmaw_tier_choice *choice, struct cmaw_diag *diag);
/* For a stack that is there already: EXISTS if its tier, or what belongs to it, is another than the choice's. */
enum cmaw_err cmaw_tier_check(const struct cmaw_stack *stack, const struct cmaw_tier_choice *choice, struct cmaw_diag *diag);

/* What its own births are checked with. Nobody trusts the stack for that: cmaw trust checks them again. */
enum cmaw_doc_trust cmaw_tier_doc_trust(const struct cmaw_stack *stack);
/* One line on what the tier does not show. */
const char *cmaw_tier_note(const struct cmaw_stack *stack);

#endif
