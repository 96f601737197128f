#include "lib/base/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/text.h"

enum cmaw_err cmaw_diag_set(struct cmaw_diag *diag, enum cmaw_err err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(diag->text, sizeof diag->text, format, args);
    va_end(args);
    diag->otherwise = NULL; /* it was for another text */
    return err;
}

enum cmaw_err cmaw_diag_wrap(struct cmaw_diag *diag, enum cmaw_err err, const char *format, ...)
{
    char rest[sizeof diag->text];
    (void)snprintf(rest, sizeof rest, "%s", diag->text[0] == '\0' ? cmaw_err_text(err) : diag->text);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(diag->text, sizeof diag->text, format, args);
    va_end(args);
    const size_t used = strlen(diag->text);
    (void)snprintf(diag->text + used, sizeof diag->text - used, ": %.*s", (int)(sizeof diag->text - used), rest);
    return err;
}

void cmaw_diag_hint(struct cmaw_diag *diag, const char *format, ...)
{
    if (diag->hint[0] != '\0') {
        return;
    }
    va_list args;
    va_start(args, format);
    (void)vsnprintf(diag->hint, sizeof diag->hint, format, args);
    va_end(args);
}

void cmaw_diag_otherwise(struct cmaw_diag *diag, const char *hint)
{
    diag->otherwise = hint;
}

static const char *hint_of(const struct cmaw_diag *diag)
{
    return diag->hint[0] != '\0' || diag->otherwise == NULL ? diag->hint : diag->otherwise;
}

void cmaw_diag_print(const struct cmaw_diag *diag, const char *program, enum cmaw_err err)
{
    if (cmaw_log_is_json()) {
        cmaw_log(CMAW_LOG_ERROR, "program.failed", "text=\"%s\" hint=\"%s\"", diag->text[0] == '\0' ? cmaw_err_text(err) : diag->text, hint_of(diag));
        return;
    }
    struct cmaw_diag shown = *diag; /* with words of peers and files */
    cmaw_text_tame(shown.text);
    cmaw_text_tame(shown.hint);
    (void)fprintf(stderr, "%s: %s\n", program, shown.text[0] == '\0' ? cmaw_err_text(err) : shown.text);
    if (hint_of(&shown)[0] != '\0') {
        (void)fprintf(stderr, "hint: %s\n", hint_of(&shown));
    }
}

int cmaw_exit_code(enum cmaw_err err)
{
    switch (err) {
    case CMAW_OK:
        return 0;
    case CMAW_E_USAGE:
        return 2;
    case CMAW_E_UNAVAILABLE:
    case CMAW_E_TIMEOUT:
        return 3;
    case CMAW_E_INCOMPLETE:
        return 4;
    default:
        return 1;
    }
}
