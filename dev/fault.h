/* What the emulated services answer when they refuse: one list of error types (facts/KMS.md section 1.3). */
#ifndef CMAW_DEV_FAULT_H
#define CMAW_DEV_FAULT_H

#include "lib/base/error.h"

enum cmaw_fault_type {
    CMAW_FAULT_NONE,
#define X(name, type, status, text) CMAW_FAULT_##name,
#include "dev/fault.def"
#undef X
};

struct cmaw_fault {
    enum cmaw_fault_type type;
    char message[1024];
};

/* Sets the type and its usual message, or, with a format, that one. Returns DENIED, so that callers can return it. */
enum cmaw_err cmaw_fault_set(struct cmaw_fault *fault, enum cmaw_fault_type type);
[[gnu::format(printf, 3, 4)]] enum cmaw_err cmaw_fault_say(struct cmaw_fault *fault, enum cmaw_fault_type type,
                                                           const char *format, ...);
/* By its name; CMAW_FAULT_NONE: there is none. */
enum cmaw_fault_type cmaw_fault_named(const char *name);
/* "AccessDeniedException"; the HTTP status. */
const char *cmaw_fault_name(enum cmaw_fault_type type);
unsigned cmaw_fault_status(enum cmaw_fault_type type);

#endif
