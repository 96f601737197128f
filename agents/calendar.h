/* Dates of the Gregorian calendar, 1900 to 2199, without time zones. */
#ifndef CMAW_AGENTS_CALENDAR_H
#define CMAW_AGENTS_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/bytes.h"

struct cmaw_date {
    int year; /* 0: no date */
    int month;
    int day;
};

enum { CMAW_DATE_TEXT = 11 }; /* "2026-01-31" and NUL */

bool cmaw_date_valid(struct cmaw_date date);
/* Days since 1970-01-01, negative before. */
int64_t cmaw_date_days(struct cmaw_date date);
struct cmaw_date cmaw_date_of_days(int64_t days);
void cmaw_date_to_text(struct cmaw_date date, char ret_text[static CMAW_DATE_TEXT]);
/* Exactly YYYY-MM-DD; MALFORMED for anything else and for days that do not exist. */
enum cmaw_err cmaw_date_of_text(const char *text, struct cmaw_date *ret_date);

#endif
