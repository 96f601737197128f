#include "dev/fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    unsigned status;
    const char *text;
} faults[] = {
    {"", 200, ""},
#define X(name, type, status, text) {type, status, text},
#include "dev/fault.def"
#undef X
};

enum cmaw_err cmaw_fault_set(struct cmaw_fault *fault, enum cmaw_fault_type type)
{
    return cmaw_fault_say(fault, type, "%s", faults[type].text);
}

enum cmaw_err cmaw_fault_say(struct cmaw_fault *fault, enum cmaw_fault_type type, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fault->type = type;
    (void)vsnprintf(fault->message, sizeof fault->message, format, args);
    va_end(args);
    return CMAW_E_DENIED;
}

enum cmaw_fault_type cmaw_fault_named(const char *name)
{
    for (size_t i = 1; i < sizeof faults / sizeof faults[0]; i++) {
        if (strcmp(name, faults[i].name) == 0) {
            return (enum cmaw_fault_type)i;
        }
    }
    return CMAW_FAULT_NONE;
}

const char *cmaw_fault_name(enum cmaw_fault_type type)
{
    return faults[type].name;
}

unsigned cmaw_fault_status(enum cmaw_fault_type type)
{
    return faults[type].status;
}
