#include "client/stack/tier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/settings.h"
#include "lib/base/text.h"

enum { MEMORY_DEFAULT_MIB = 96, MEMORY_MIN_MIB = 32, MEMORY_MAX_MIB = 65536 };

static const char *const vm_tools[] = {"qemu-system-x86_64", "vhost-device-vsock", "bzImage"};

/* The folder that is named, with all that the machine takes. */
static enum cmaw_err find_vm(const char *named, char ret_path[static CMAW_PATH_MAX], struct cmaw_diag *diag)
{
    const char *folder = named != NULL ? named : getenv("CMAW_VM");
    cmaw_diag_hint(diag, "make vm builds it; CMAW_VM=$(scripts/vm), or --vm FOLDER, says where it is");
    if (folder == NULL || folder[0] == '\0') {
        return cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "the qemu tier needs a virtual machine, and neither --vm nor CMAW_VM names one");
    }
    CMAW_TRY(cmaw_path_absolute(folder, ret_path, diag));
    for (size_t i = 0; i < sizeof vm_tools / sizeof vm_tools[0]; i++) {
        char tool[CMAW_PATH_MAX];
        if (cmaw_path(tool, "%s/%s", ret_path, vm_tools[i]) != CMAW_OK || access(tool, R_OK) != 0) {
            return cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "the qemu tier needs %s, which is not in %s", vm_tools[i], ret_path);
        }
    }
    diag->hint[0] = '\0';
    return CMAW_OK;
}

static enum cmaw_err read_memory(const char *text, uint32_t *ret_mib, struct cmaw_diag *diag)
{
    uint64_t mib = MEMORY_DEFAULT_MIB;
    if (text != NULL && (cmaw_parse_u64(text, MEMORY_MAX_MIB, &mib) != CMAW_OK || mib < MEMORY_MIN_MIB)) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "--memory takes MiB from %d to %d, not %.40s", MEMORY_MIN_MIB, MEMORY_MAX_MIB, text);
    }
    *ret_mib = (uint32_t)mib;
    return CMAW_OK;
}

static enum cmaw_err read_tier(const struct cmaw_tier_choice *choice, enum cmaw_stack_tier *ret_tier, struct cmaw_diag *diag)
{
    *ret_tier = CMAW_STACK_SIM;
    if (choice->tier != NULL && cmaw_stack_tier_find(choice->tier, ret_tier) != CMAW_OK) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "--tier is sim or qemu, not %.40s", choice->tier);
    }
    if (*ret_tier == CMAW_STACK_SIM && (choice->vm != NULL || choice->memory != NULL)) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "--vm and --memory are for --tier qemu");
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_tier_choose(struct cmaw_stack *stack, const struct cmaw_tier_choice *choice, struct cmaw_diag *diag)
{
    CMAW_TRY(read_tier(choice, &stack->tier, diag));
    if (stack->tier == CMAW_STACK_QEMU) {
        CMAW_TRY(read_memory(choice->memory, &stack->memory_mib, diag));
        CMAW_TRY(find_vm(choice->vm, stack->vm, diag));
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_tier_check(const struct cmaw_stack *stack, const struct cmaw_tier_choice *choice, struct cmaw_diag *diag)
{
    CMAW_REQUIRE(choice->tier != NULL || choice->vm != NULL || choice->memory != NULL, CMAW_OK);
    const char *tier = choice->tier == NULL ? cmaw_stack_tier_name(stack->tier) : choice->tier;
    const bool own_vm = choice->vm == NULL && stack->tier == CMAW_STACK_QEMU && strcmp(tier, cmaw_stack_tier_name(CMAW_STACK_QEMU)) == 0;
    const struct cmaw_tier_choice whole = {.tier = tier, .vm = own_vm ? stack->vm : choice->vm, .memory = choice->memory};
    struct cmaw_stack *other = calloc(1, sizeof *other);
    CMAW_REQUIRE(other != NULL, CMAW_E_NO_MEMORY);
    const enum cmaw_err err = cmaw_tier_choose(other, &whole, diag);
    const bool same = other->tier == stack->tier && (choice->vm == NULL || strcmp(other->vm, stack->vm) == 0) &&
                      (choice->memory == NULL || other->memory_mib == stack->memory_mib);
    free(other);
    CMAW_TRY(err);
    if (!same) {
        cmaw_diag_hint(diag, "cmaw clean removes it; --dir names another folder");
        return cmaw_diag_set(diag, CMAW_E_EXISTS, "the stack in %s was made otherwise: tier %s%s%s", stack->dir, cmaw_stack_tier_name(stack->tier),
                             stack->vm[0] == '\0' ? "" : ", machine ", stack->vm);
    }
    return CMAW_OK;
}

enum cmaw_doc_trust cmaw_tier_doc_trust(const struct cmaw_stack *stack)
{
    return stack->tier == CMAW_STACK_QEMU ? CMAW_DOC_UNSIGNED_QEMU_TOO : CMAW_DOC_SIGNED;
}

const char *cmaw_tier_note(const struct cmaw_stack *stack)
{
    return stack->tier == CMAW_STACK_QEMU ? "virtual machines whose attestation documents nobody signs: anybody can write one, and the KMS here takes it"
                                          : "a simulation, which shows everything but isolation by hardware";
}
