#include "dev/arn.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* the session name of every role: there is no STS here that a caller could name one to */
#define SESSION_NAME "cmaw-dev"

bool cmaw_account_valid(const char *text)
{
    return strlen(text) == CMAW_ACCOUNT_SIZE && strspn(text, "0123456789") == CMAW_ACCOUNT_SIZE;
}

static bool name_valid(const char *name)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+=,.@_/-";
    const size_t size = strlen(name);
    return size > 0 && size <= 128 && strspn(name, allowed) == size && name[size - 1] != '/';
}

[[gnu::format(printf, 2, 3)]] static enum cmaw_err set(char dst[static CMAW_ARN_MAX], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int size = vsnprintf(dst, CMAW_ARN_MAX, format, args);
    va_end(args);
    return size >= 0 && size < CMAW_ARN_MAX ? CMAW_OK : CMAW_E_TOO_LARGE;
}

static enum cmaw_err set_name(struct cmaw_principal *who, const char *path)
{
    CMAW_REQUIRE(name_valid(path), CMAW_E_MALFORMED);
    const char *slash = strrchr(path, '/');
    return set(who->name, "%s", slash == NULL ? path : slash + 1);
}

enum cmaw_err cmaw_principal_parse(const char *arn, struct cmaw_principal *ret_principal)
{
    static const char prefix[] = "arn:aws:iam::";
    struct cmaw_principal who = {0};
    CMAW_REQUIRE(strncmp(arn, prefix, sizeof prefix - 1) == 0, CMAW_E_MALFORMED);
    const char *account = arn + sizeof prefix - 1;
    CMAW_REQUIRE(strcspn(account, ":") == CMAW_ACCOUNT_SIZE && account[CMAW_ACCOUNT_SIZE] == ':', CMAW_E_MALFORMED);
    memcpy(who.account, account, CMAW_ACCOUNT_SIZE);
    CMAW_REQUIRE(cmaw_account_valid(who.account), CMAW_E_MALFORMED);
    const char *entity = account + CMAW_ACCOUNT_SIZE + 1;
    CMAW_TRY(set(who.arn, "%s", arn));
    CMAW_TRY(set(who.caller, "%s", arn));
    if (strncmp(entity, "role/", 5) == 0) {
        who.type = "AssumedRole";
        CMAW_TRY(set_name(&who, entity + 5));
        CMAW_TRY(set(who.caller, "arn:aws:sts::%s:assumed-role/%s/" SESSION_NAME, who.account, who.name));
    } else if (strncmp(entity, "user/", 5) == 0) {
        who.type = "IAMUser";
        CMAW_TRY(set_name(&who, entity + 5));
    } else {
        CMAW_REQUIRE(strcmp(entity, "root") == 0, CMAW_E_MALFORMED);
        who.type = "Root";
        CMAW_TRY(set(who.name, "root"));
    }
    *ret_principal = who;
    return CMAW_OK;
}

static bool same_char(char a, char b, bool fold)
{
    return a == b || (fold && tolower((unsigned char)a) == tolower((unsigned char)b));
}

bool cmaw_wildcard_match(const char *pattern, const char *text, bool fold)
{
    const char *star = NULL, *resume = NULL;
    while (*text != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            resume = text;
        } else if (*pattern == '?' || (*pattern != '\0' && same_char(*pattern, *text, fold))) {
            pattern++;
            text++;
        } else if (star != NULL) {
            /* let the last star take one character more; earlier ones never need to */
            pattern = star + 1;
            text = ++resume;
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "*")] == '\0';
}
