#include "lib/sst/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum cmaw_err cmaw_finding_set(struct cmaw_finding *finding, enum cmaw_err err, const char *check, const char *format, ...)
{
    if (finding != NULL && err != CMAW_E_NO_MEMORY) {
        va_list args;
        va_start(args, format);
        (void)vsnprintf(finding->text, sizeof finding->text, format, args);
        va_end(args);
        finding->check = check;
    }
    return err;
}

enum cmaw_err cmaw_finding_wrap(struct cmaw_finding *finding, enum cmaw_err err, const char *format, ...)
{
    if (finding == NULL) {
        return err;
    }
    struct cmaw_finding inner = *finding;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(finding->text, sizeof finding->text, format, args);
    va_end(args);
    const size_t used = strlen(finding->text);
    (void)snprintf(finding->text + used, sizeof finding->text - used, ": %.200s",
        inner.check == NULL ? cmaw_err_text(err) : inner.text);
    return err;
}
