#include "agents/calendar.h"

#include <stdio.h>
#include <string.h>

static bool leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int month_length(int year, int month)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && leap(year) ? 29 : lengths[month - 1];
}

bool cmaw_date_valid(struct cmaw_date date)
{
    return date.year >= 1900 && date.year <= 2199 && date.month >= 1 && date.month <= 12 && date.day >= 1 &&
           date.day <= month_length(date.year, date.month);
}

int64_t cmaw_date_days(struct cmaw_date date)
{
    int64_t days = 0;
    for (int year = 1970; year < date.year; year++) {
        days += leap(year) ? 366 : 365;
    }
    for (int year = date.year; year < 1970; year++) {
        days -= leap(year) ? 366 : 365;
    }
    for (int month = 1; month < date.month; month++) {
        days += month_length(date.year, month);
    }
    return days + date.day - 1;
}

struct cmaw_date cmaw_date_of_days(int64_t days)
{
    struct cmaw_date date = {1970, 1, 1};
    while (days < 0) {
        date.year--;
        days += leap(date.year) ? 366 : 365;
    }
    while (days >= (leap(date.year) ? 366 : 365)) {
        days -= leap(date.year) ? 366 : 365;
        date.year++;
    }
    while (days >= month_length(date.year, date.month)) {
        days -= month_length(date.year, date.month);
        date.month++;
    }
    date.day = (int)days + 1;
    return date;
}

void cmaw_date_to_text(struct cmaw_date date, char ret_text[static CMAW_DATE_TEXT])
{
    /* the masks tell the compiler what cmaw_date_valid promised */
    snprintf(ret_text, CMAW_DATE_TEXT, "%04u-%02u-%02u", (unsigned)date.year % 10000u, (unsigned)date.month % 100u,
             (unsigned)date.day % 100u);
}

enum cmaw_err cmaw_date_of_text(const char *text, struct cmaw_date *ret_date)
{
    CMAW_REQUIRE(strlen(text) == 10, CMAW_E_MALFORMED);
    int digits[8];
    for (size_t i = 0, n = 0; i < 10; i++) {
        if (i == 4 || i == 7) {
            CMAW_REQUIRE(text[i] == '-', CMAW_E_MALFORMED);
            continue;
        }
        CMAW_REQUIRE(text[i] >= '0' && text[i] <= '9', CMAW_E_MALFORMED);
        digits[n++] = text[i] - '0';
    }
    const struct cmaw_date date = {
        digits[0] * 1000 + digits[1] * 100 + digits[2] * 10 + digits[3],
        digits[4] * 10 + digits[5],
        digits[6] * 10 + digits[7],
    };
    CMAW_REQUIRE(cmaw_date_valid(date), CMAW_E_MALFORMED);
    *ret_date = date;
    return CMAW_OK;
}
