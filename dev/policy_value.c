#include "dev/policy_value.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "dev/arn.h"
#include "lib/base/text.h"

static bool equal(const char *expected, const char *actual)
{
    return strcmp(expected, actual) == 0;
}

static bool equal_fold(const char *expected, const char *actual)
{
    return strcasecmp(expected, actual) == 0;
}

static bool like(const char *expected, const char *actual)
{
    return cmaw_wildcard_match(expected, actual, false);
}

static bool arn_like(const char *expected, const char *actual)
{
    return cmaw_arn_match(expected, actual, false);
}

static bool bool_valid(const char *text)
{
    return strcasecmp(text, "true") == 0 || strcasecmp(text, "false") == 0;
}

static bool parse_number(const char *text, double *ret_number)
{
    char *end = NULL;
    const double number = strtod(text, &end);
    if (text[0] == '\0' || strspn(text, "0123456789+-.eE") != strlen(text) || *end != '\0' || !isfinite(number)) {
        return false;
    }
    *ret_number = number;
    return true;
}

static bool number_valid(const char *text)
{
    double number = 0;
    return parse_number(text, &number);
}

/* How a text without fractions of a second may give a time; in UTC. */
static bool parse_date(const char *text, double *ret_seconds)
{
    static const char *const forms[] = {"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%MZ", "%Y-%m-%d"};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct tm parts = {0};
        const char *end = strptime(text, forms[i], &parts);
        if (end != NULL && *end == '\0') {
            *ret_seconds = (double)timegm(&parts);
            return true;
        }
    }
    return parse_number(text, ret_seconds);
}

static bool date_valid(const char *text)
{
    double seconds = 0;
    return parse_date(text, &seconds);
}

typedef bool parser(const char *text, double *ret_value);

/* -1, 0, 1 as actual is less than, equal to or more than expected; 2: one of them is no such value */
static int order(parser *parse, const char *expected, const char *actual)
{
    double a = 0, b = 0;
    if (!parse(expected, &a) || !parse(actual, &b)) {
        return 2;
    }
    return b < a ? -1 : b > a;
}

#define ORDERED(name, parse, holds)                               \
    static bool name(const char *expected, const char *actual)    \
    {                                                             \
        const int is = order(parse, expected, actual);            \
        return is != 2 && (holds);                                \
    }
ORDERED(number_equal, parse_number, is == 0)
ORDERED(number_less, parse_number, is < 0)
ORDERED(number_less_equal, parse_number, is <= 0)
ORDERED(number_more, parse_number, is > 0)
ORDERED(number_more_equal, parse_number, is >= 0)
ORDERED(date_equal, parse_date, is == 0)
ORDERED(date_less, parse_date, is < 0)
ORDERED(date_less_equal, parse_date, is <= 0)
ORDERED(date_more, parse_date, is > 0)
ORDERED(date_more_equal, parse_date, is >= 0)

/* An address of either family, or a block "ADDRESS/BITS". */
struct block {
    int family;
    uint8_t address[16];
    unsigned bits;
};

static bool parse_block(const char *text, struct block *ret_block)
{
    char address[64];
    struct block block = {0};
    uint64_t bits = 0;
    const size_t size = strcspn(text, "/");
    if (size >= sizeof address) {
        return false;
    }
    memcpy(address, text, size);
    address[size] = '\0';
    block.family = inet_pton(AF_INET, address, block.address) == 1 ? AF_INET : AF_INET6;
    if (block.family == AF_INET6 && inet_pton(AF_INET6, address, block.address) != 1) {
        return false;
    }
    const unsigned whole = block.family == AF_INET ? 32 : 128;
    if (text[size] == '/' && cmaw_parse_u64(text + size + 1, whole, &bits) != CMAW_OK) {
        return false;
    }
    block.bits = text[size] == '/' ? (unsigned)bits : whole;
    *ret_block = block;
    return true;
}

static bool block_valid(const char *text)
{
    struct block block;
    return parse_block(text, &block);
}

static bool address_in(const char *expected, const char *actual)
{
    struct block block, address;
    if (strchr(actual, '/') != NULL || !parse_block(expected, &block) || !parse_block(actual, &address)
        || block.family != address.family) {
        return false;
    }
    for (unsigned i = 0; i < block.bits; i++) {
        const unsigned bit = 0x80U >> (i % 8);
        if ((block.address[i / 8] & bit) != (address.address[i / 8] & bit)) {
            return false;
        }
    }
    return true;
}

static const struct cmaw_policy_comparison comparisons[] = {
    {"StringEquals", equal, NULL, false, false},
    {"StringNotEquals", equal, NULL, true, false},
    {"StringEqualsIgnoreCase", equal_fold, NULL, false, false},
    {"StringNotEqualsIgnoreCase", equal_fold, NULL, true, false},
    {"StringLike", like, NULL, false, true},
    {"StringNotLike", like, NULL, true, true},
    {"ArnEquals", arn_like, NULL, false, true},
    {"ArnNotEquals", arn_like, NULL, true, true},
    {"ArnLike", arn_like, NULL, false, true},
    {"ArnNotLike", arn_like, NULL, true, true},
    {"Bool", equal_fold, bool_valid, false, false},
    {"NumericEquals", number_equal, number_valid, false, false},
    {"NumericNotEquals", number_equal, number_valid, true, false},
    {"NumericLessThan", number_less, number_valid, false, false},
    {"NumericLessThanEquals", number_less_equal, number_valid, false, false},
    {"NumericGreaterThan", number_more, number_valid, false, false},
    {"NumericGreaterThanEquals", number_more_equal, number_valid, false, false},
    {"DateEquals", date_equal, date_valid, false, false},
    {"DateNotEquals", date_equal, date_valid, true, false},
    {"DateLessThan", date_less, date_valid, false, false},
    {"DateLessThanEquals", date_less_equal, date_valid, false, false},
    {"DateGreaterThan", date_more, date_valid, false, false},
    {"DateGreaterThanEquals", date_more_equal, date_valid, false, false},
    {"IpAddress", address_in, block_valid, false, false},
    {"NotIpAddress", address_in, block_valid, true, false},
};

const struct cmaw_policy_comparison *cmaw_policy_comparison_find(const char *name, bool *ret_if_exists)
{
    for (size_t i = 0; i < sizeof comparisons / sizeof comparisons[0]; i++) {
        const size_t size = strlen(comparisons[i].name);
        if (strncasecmp(name, comparisons[i].name, size) == 0
            && (name[size] == '\0' || strcasecmp(name + size, "IfExists") == 0)) {
            *ret_if_exists = name[size] != '\0';
            return &comparisons[i];
        }
    }
    return NULL;
}
