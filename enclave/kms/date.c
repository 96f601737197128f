#include <string.h>

#include "enclave/kms/http.h"

/* The number at [at, at + digits) of text, or -1. */
static int number_at(const char *text, size_t at, size_t digits)
{
    int number = 0;
    for (size_t i = at; i < at + digits; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return -1;
        }
        number = number * 10 + (text[i] - '0');
    }
    return number;
}

/* Index of a name of three letters in a list of them, from 0, or -1. */
static int name_at(const char *text, size_t at, const char *names)
{
    for (size_t i = 0; names[i] != '\0'; i += 3) {
        if (strncmp(text + at, names + i, 3) == 0) {
            return (int)(i / 3);
        }
    }
    return -1;
}

/* Days since 1970-01-01 of a Gregorian date; month from 0. */
static int64_t days_of(int year, int month, int day)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    const int past = year - 1;
    return (int64_t)past * 365 + past / 4 - past / 100 + past / 400 - 719162 + before[month] + (leap && month > 1 ? 1 : 0) + day - 1;
}

enum cmaw_err cmaw_http_date(struct cmaw_slice text, int64_t *ret_time_s)
{
    /* Sun, 06 Nov 1994 08:49:37 GMT */
    static const char form[] = "___, __ ___ ____ __:__:__ GMT";
    char date[sizeof form];
    CMAW_REQUIRE(text.size == sizeof form - 1 && cmaw_slice_to_cstr(text, date, sizeof date) == CMAW_OK, CMAW_E_MALFORMED);
    for (size_t i = 0; i < sizeof form - 1; i++) {
        CMAW_REQUIRE(form[i] == '_' || form[i] == date[i], CMAW_E_MALFORMED);
    }
    const int day = number_at(date, 5, 2), month = name_at(date, 8, "JanFebMarAprMayJunJulAugSepOctNovDec"), year = number_at(date, 12, 4);
    const int hour = number_at(date, 17, 2), minute = number_at(date, 20, 2), second = number_at(date, 23, 2);
    CMAW_REQUIRE(name_at(date, 0, "MonTueWedThuFriSatSun") >= 0 && year >= 1970 && month >= 0 && day >= 1 && day <= 31, CMAW_E_MALFORMED);
    CMAW_REQUIRE(hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 && second <= 60, CMAW_E_MALFORMED);
    *ret_time_s = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    return CMAW_OK;
}
