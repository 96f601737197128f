#include "dev/arn.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/crypto/hash.h"

/* the session name of an access key that was made for a role without AssumeRole */
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

enum cmaw_err cmaw_principal_set_session(struct cmaw_principal *who, const char *name)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=,.@-";
    const size_t size = strlen(name);
    CMAW_REQUIRE(size >= 2 && size <= CMAW_SESSION_NAME_MAX && strspn(name, allowed) == size, CMAW_E_MALFORMED);
    CMAW_TRY(set(who->caller, "arn:aws:sts::%s:assumed-role/%s/%s", who->account, who->name, name));
    memcpy(who->session, name, size + 1);
    return CMAW_OK;
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
        CMAW_TRY(cmaw_principal_set_session(&who, SESSION_NAME));
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

bool cmaw_principal_arn_valid(const char *arn)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+=,.@_/:-";
    static const char *const forms[] = {"arn:aws:iam::????????????:root", "arn:aws:iam::????????????:role/?*",
                                        "arn:aws:iam::????????????:user/?*", "arn:aws:sts::????????????:assumed-role/?*/?*",
                                        "arn:aws:sts::????????????:federated-user/?*"};
    const size_t size = strlen(arn);
    if (size >= CMAW_ARN_MAX || strspn(arn, allowed) != size) {
        return false;
    }
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (cmaw_arn_match(forms[i], arn, false)) {
            return strspn(arn + strlen("arn:aws:iam::"), "0123456789") == CMAW_ACCOUNT_SIZE;
        }
    }
    return false;
}

enum cmaw_scope cmaw_principal_scope(const char *name, const struct cmaw_principal *who)
{
    char root[CMAW_ARN_MAX];
    (void)snprintf(root, sizeof root, "arn:aws:iam::%s:root", who->account);
    if (who->session[0] != '\0' && strcmp(name, who->caller) == 0) {
        return CMAW_SCOPE_SESSION;
    }
    if (strcmp(name, "*") == 0 || strcmp(name, who->arn) == 0) {
        return CMAW_SCOPE_CALLER;
    }
    return strcmp(name, root) == 0 || strcmp(name, who->account) == 0 ? CMAW_SCOPE_ACCOUNT : CMAW_SCOPE_NONE;
}

void cmaw_principal_id(const struct cmaw_principal *who, char ret_id[static CMAW_PRINCIPAL_ID_MAX + 1])
{
    uint8_t digest[CMAW_SHA256_SIZE];
    char hex[2 * sizeof digest + 1] = "";
    if (strcmp(who->type, "Root") == 0) {
        memcpy(ret_id, who->account, sizeof who->account);
        return;
    }
    cmaw_sha256(cmaw_slice_of_cstr(who->arn), digest);
    CMAW_IGNORE(cmaw_hex_to_cstr(CMAW_SLICE_ARRAY(digest), hex, sizeof hex)); /* it fits */
    (void)snprintf(ret_id, CMAW_PRINCIPAL_ID_MAX + 1, "%s%.17s", who->session[0] == '\0' ? "AIDA" : "AROA", hex);
    for (char *at = ret_id; *at != '\0'; at++) {
        *at = (char)toupper((unsigned char)*at);
    }
}

/* Some characters inside a longer text. */
struct part {
    const char *at;
    const char *end;
};

static bool same_char(char a, char b, bool fold)
{
    return a == b || (fold && tolower((unsigned char)a) == tolower((unsigned char)b));
}

/* Moves the pattern over what stands for c; false if that is something else. */
static bool step(struct part *pattern, char c, bool fold)
{
    if (pattern->at == pattern->end) {
        return false;
    }
    const bool literal = *pattern->at == CMAW_WILDCARD_LITERAL && pattern->at + 1 < pattern->end;
    const char expected = pattern->at[literal ? 1 : 0];
    if ((literal || expected != '?') && !same_char(expected, c, fold)) {
        return false;
    }
    pattern->at += literal ? 2 : 1;
    return true;
}

static bool part_matches(struct part pattern, struct part text, bool fold)
{
    const char *star = NULL, *resume = NULL;
    while (text.at < text.end) {
        if (pattern.at < pattern.end && *pattern.at == '*') {
            star = pattern.at++;
            resume = text.at;
        } else if (step(&pattern, *text.at, fold)) {
            text.at++;
        } else if (star != NULL) {
            /* let the last star take one character more; earlier ones never need to */
            pattern.at = star + 1;
            text.at = ++resume;
        } else {
            return false;
        }
    }
    while (pattern.at < pattern.end && *pattern.at == '*') {
        pattern.at++;
    }
    return pattern.at == pattern.end;
}

static struct part whole(const char *text)
{
    return (struct part){text, text + strlen(text)};
}

bool cmaw_wildcard_match(const char *pattern, const char *text, bool fold)
{
    return part_matches(whole(pattern), whole(text), fold);
}

/* Cuts rest at its next colon; false if there is none. */
static bool cut(struct part *rest, struct part *ret_part)
{
    const char *colon = memchr(rest->at, ':', (size_t)(rest->end - rest->at));
    if (colon == NULL) {
        return false;
    }
    *ret_part = (struct part){rest->at, colon};
    rest->at = colon + 1;
    return true;
}

bool cmaw_arn_match(const char *pattern, const char *text, bool complete)
{
    struct part patterns = whole(pattern), texts = whole(text), expected, actual;
    for (size_t i = 0; i < 5; i++) {
        if (!cut(&texts, &actual)) {
            return false;
        }
        if (!cut(&patterns, &expected)) {
            /* the pattern ends here, and the text goes on */
            return complete && part_matches(patterns, actual, false);
        }
        if (!part_matches(expected, actual, false)) {
            return false;
        }
    }
    return part_matches(patterns, texts, false);
}
