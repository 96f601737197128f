#include "client/when.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* Days since 1970 as a date of the Gregorian calendar, in years that begin in March, so that a leap day ends one. The C library's
 * way opens the file of the local time zone, which cmaw-verify must not. */
static void put_date(uint64_t days, unsigned *ret_year, unsigned *ret_month, unsigned *ret_day)
{
    const unsigned since = (unsigned)days + 719468; /* from 0000-03-01 */
    const unsigned of_era = since % 146097;         /* days in 400 years */
    const unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    const unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
    const unsigned month = (5 * of_year + 2) / 153;
    *ret_day = of_year - (153 * month + 2) / 5 + 1;
    *ret_month = month < 10 ? month + 3 : month - 9;
    *ret_year = year + since / 146097 * 400 + (*ret_month <= 2 ? 1 : 0);
}

void cmaw_when_text(uint64_t ms, char ret_text[static CMAW_WHEN_SIZE])
{
    const uint64_t seconds = ms / 1000;
    ret_text[0] = '\0';
    if (seconds < 253402300800) { /* the year 10000 */
        unsigned year, month, day;
        put_date(seconds / 86400, &year, &month, &day);
        const unsigned of_day = (unsigned)(seconds % 86400);
        (void)snprintf(ret_text, CMAW_WHEN_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", year, month, day, of_day / 3600, of_day / 60 % 60,
                       of_day % 60, (unsigned)(ms % 1000));
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
    char again[CMAW_WHEN_SIZE] = "";
    if (seconds >= 0) {
        cmaw_when_text((uint64_t)seconds * 1000, again);
    }
    /* written back it is the same: the C library takes February 30, single digits and spaces as well */
    if (rest == NULL || strcmp(rest, "Z") != 0 || seconds < 0 || strncmp(text, again, 19) != 0) {
        cmaw_diag_hint(diag, "a time is written 2026-03-14T09:26:53Z");
        return cmaw_diag_set(diag, CMAW_E_USAGE, "%s: \"%.40s\" is no time", option, text);
    }
    *ret_ms = (uint64_t)seconds * 1000 + ms;
    return CMAW_OK;
}
