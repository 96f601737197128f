#include "client/when.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

void cmaw_when_text(uint64_t ms, char ret_text[static CMAW_WHEN_SIZE])
{
    const time_t seconds = (time_t)(ms / 1000);
    struct tm utc;
    ret_text[0] = '\0';
    if (ms / 1000 < 253402300800 && gmtime_r(&seconds, &utc) != NULL) { /* the year 10000 */
        char text[24];
        (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
        (void)snprintf(ret_text, CMAW_WHEN_SIZE, "%s.%03uZ", text, (unsigned)(ms % 1000));
    }
}

/* The digits behind a point, as milliseconds; NULL if what follows is no such thing. */
static const char *take_fraction(const char *at, unsigned *ret_ms)
{
    if (*at != '.') {
        return at;
    }
    at++;
    unsigned value = 0, digits = 0;
    for (; *at >= '0' && *at <= '9' && digits < 3; at++, digits++) {
        value = value * 10 + (unsigned)(*at - '0');
    }
    *ret_ms = digits == 1 ? value * 100 : digits == 2 ? value * 10 : value;
    return digits == 0 ? NULL : at;
}

enum cmaw_err cmaw_when_parse(const char *text, const char *option, uint64_t *ret_ms, struct cmaw_diag *diag)
{
    struct tm utc = {0};
    unsigned ms = 0;
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &utc);
    rest = rest == NULL ? NULL : take_fraction(rest, &ms);
    const time_t seconds = rest == NULL ? -1 : timegm(&utc);
    if (rest == NULL || strcmp(rest, "Z") != 0 || seconds < 0) {
        cmaw_diag_hint(diag, "a time is written 2026-03-14T09:26:53Z");
        return cmaw_diag_set(diag, CMAW_E_USAGE, "%s: \"%.40s\" is no time", option, text);
    }
    *ret_ms = (uint64_t)seconds * 1000 + ms;
    return CMAW_OK;
}
