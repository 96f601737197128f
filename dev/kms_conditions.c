/* The condition keys of a request, as policies see them (KMS Developer Guide, condition keys; IAM User Guide, global keys). */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "dev/kms.h"
#include "dev/sql.h"
#include "lib/base/text.h"

enum { TAG_KEY_MAX = 640 }; /* 128 characters of UTF-8 and the prefix */

static void add(json_t *keys, const char *name, const char *value)
{
    char lower[512];
    size_t size = 0;
    for (; name[size] != '\0' && size < sizeof lower - 1; size++) {
        lower[size] = (char)tolower((unsigned char)name[size]);
    }
    lower[size] = '\0';
    json_t *values = json_object_get(keys, lower);
    if (values == NULL) {
        values = json_array();
        (void)json_object_set_new(keys, lower, values);
    }
    (void)json_array_append_new(values, json_string(value));
}

static void add_recipient(const struct cmaw_kms_recipient *recipient, json_t *keys)
{
    char name[64], hex[2 * CMAW_PCR_SIZE + 1];
    for (uint32_t i = 0; recipient->present && i < CMAW_PCR_COUNT; i++) {
        const struct cmaw_slice pcr = cmaw_doc_pcr(&recipient->doc, i);
        if (pcr.size == 0 || cmaw_hex_to_cstr(pcr, hex, sizeof hex) != CMAW_OK) {
            continue;
        }
        (void)snprintf(name, sizeof name, "kms:RecipientAttestation:PCR%u", i);
        add(keys, name, hex);
        if (i == 0) {
            add(keys, "kms:RecipientAttestation:ImageSha384", hex);
        }
    }
}

static void add_context(json_t *context, json_t *keys)
{
    const char *name = NULL;
    json_t *value = NULL;
    char full[512];
    json_object_foreach(context, name, value) {
        /* no policy can name a key that is longer */
        if (snprintf(full, sizeof full, "kms:EncryptionContext:%s", name) < (int)sizeof full) {
            add(keys, full, json_string_value(value));
        }
        add(keys, "kms:EncryptionContextKeys", name);
    }
}

static void add_principal(const struct cmaw_principal *who, json_t *keys)
{
    char id[CMAW_PRINCIPAL_ID_MAX + 1], user_id[CMAW_ARN_MAX];
    const bool user = strcmp(who->type, "IAMUser") == 0;
    cmaw_principal_id(who, id);
    (void)snprintf(user_id, sizeof user_id, "%s%s%s", id, who->session[0] == '\0' ? "" : ":", who->session);
    add(keys, "aws:PrincipalArn", who->arn);
    add(keys, "aws:PrincipalAccount", who->account);
    add(keys, "aws:PrincipalType", user ? "User" : strcmp(who->type, "Root") == 0 ? "Account" : who->type);
    add(keys, "aws:PrincipalIsAWSService", "false");
    add(keys, "aws:userid", user_id);
    add(keys, "kms:CallerAccount", who->account);
    if (user) {
        add(keys, "aws:username", who->name);
    }
}

static void add_time(int64_t now_ms, json_t *keys)
{
    char text[32];
    struct tm parts;
    const time_t seconds = now_ms / 1000;
    (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &parts));
    add(keys, "aws:CurrentTime", text);
    (void)snprintf(text, sizeof text, "%lld", (long long)seconds);
    add(keys, "aws:EpochTime", text);
}

json_t *cmaw_kms_global_conditions(const struct cmaw_kms_call *call)
{
    json_t *keys = json_object();
    add_principal(call->who, keys);
    add_time(call->now_ms, keys);
    add(keys, "aws:SecureTransport", "true");
    add(keys, "aws:ViaAWSService", "false");
    add(keys, "aws:RequestedRegion", call->kms->region);
    if (call->address != NULL && call->address[0] != '\0') {
        add(keys, "aws:SourceIp", call->address);
    }
    return keys;
}

/* Members of a request that are condition keys of these operations, with what stands for an absent one (NULL: nothing). */
static const struct member_key {
    const char *operations; /* separated by spaces */
    const char *member;
    const char *key;
    const char *otherwise;
} member_keys[] = {
    {"CreateKey", "KeySpec", "kms:KeySpec", "SYMMETRIC_DEFAULT"},
    {"CreateKey", "KeyUsage", "kms:KeyUsage", "ENCRYPT_DECRYPT"},
    {"CreateKey", "Origin", "kms:KeyOrigin", "AWS_KMS"},
    {"CreateKey", "MultiRegion", "kms:MultiRegion", "false"},
    {"CreateKey PutKeyPolicy", "BypassPolicyLockoutSafetyCheck", "kms:BypassPolicyLockoutSafetyCheck", "false"},
    {"Encrypt Decrypt", "EncryptionAlgorithm", "kms:EncryptionAlgorithm", "SYMMETRIC_DEFAULT"},
    {"Sign Verify", "SigningAlgorithm", "kms:SigningAlgorithm", NULL},
    {"Sign Verify", "MessageType", "kms:MessageType", "RAW"},
    {"GenerateDataKeyPair GenerateDataKeyPairWithoutPlaintext", "KeyPairSpec", "kms:DataKeyPairSpec", NULL},
    {"ScheduleKeyDeletion", "PendingWindowInDays", "kms:ScheduleKeyDeletionPendingWindowInDays", "30"},
    {"CreateGrant", "GranteePrincipal", "kms:GranteePrincipal", NULL},
    {"CreateGrant", "RetiringPrincipal", "kms:RetiringPrincipal", NULL},
    {"CreateGrant", "Operations", "kms:GrantOperations", NULL},
    {"CreateGrant ListGrants RevokeGrant", "", "kms:GrantIsForAWSResource", "false"},
};

static bool names(const char *list, const char *word)
{
    const size_t size = strlen(word);
    for (const char *at = list; (at = strstr(at, word)) != NULL; at += size) {
        if ((at == list || at[-1] == ' ') && (at[size] == '\0' || at[size] == ' ')) {
            return true;
        }
    }
    return false;
}

static void add_value(json_t *keys, const char *name, json_t *value)
{
    char number[32];
    if (json_is_string(value)) {
        add(keys, name, json_string_value(value));
    } else if (json_is_boolean(value)) {
        add(keys, name, json_is_true(value) ? "true" : "false");
    } else if (json_is_integer(value)) {
        (void)snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
        add(keys, name, number);
    }
}

static void add_member(const struct member_key *one, json_t *request, json_t *keys)
{
    json_t *value = json_object_get(request, one->member);
    if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value); i++) {
            add_value(keys, one->key, json_array_get(value, i));
        }
    } else if (value != NULL && !json_is_null(value)) {
        add_value(keys, one->key, value);
    } else if (one->otherwise != NULL) {
        add(keys, one->key, one->otherwise);
    }
}

static void add_request(const struct cmaw_kms_call *call, json_t *keys)
{
    const char *type = NULL;
    json_t *pairs = NULL;
    for (size_t i = 0; i < sizeof member_keys / sizeof member_keys[0]; i++) {
        if (names(member_keys[i].operations, call->operation)) {
            add_member(&member_keys[i], call->request, keys);
        }
    }
    if (strcmp(call->operation, "CreateGrant") == 0) {
        json_object_foreach(json_object_get(call->request, "Constraints"), type, pairs) {
            if (json_object_size(pairs) > 0) {
                add(keys, "kms:GrantConstraintType", type);
            }
        }
    }
}

/* Both tell whether all rows were read: a policy that asks for them must not be misled. */
static bool add_aliases(struct sqlite3 *db, const struct cmaw_kms_key *key, json_t *keys)
{
    CMAW_SQL_AUTO(rows);
    enum cmaw_err err = cmaw_sql_query(db, &rows, "SELECT name FROM kms_alias WHERE key_id = ?", "t", key->id);
    while (err == CMAW_OK && (err = cmaw_sql_next(rows)) == CMAW_OK) {
        add(keys, "kms:ResourceAliases", cmaw_sql_text(rows, 0));
    }
    return err == CMAW_E_NOT_FOUND;
}

static bool add_resource_tags(struct sqlite3 *db, const struct cmaw_kms_key *key, json_t *keys)
{
    char full[TAG_KEY_MAX];
    CMAW_SQL_AUTO(rows);
    enum cmaw_err err = cmaw_sql_query(db, &rows, "SELECT name, value FROM kms_tag WHERE key_id = ?", "t", key->id);
    while (err == CMAW_OK && (err = cmaw_sql_next(rows)) == CMAW_OK) {
        (void)snprintf(full, sizeof full, "aws:ResourceTag/%s", cmaw_sql_text(rows, 0));
        add(keys, full, cmaw_sql_text(rows, 1));
    }
    return err == CMAW_E_NOT_FOUND;
}

static bool add_key(const struct cmaw_kms_call *call, const struct cmaw_kms_key *key, json_t *keys)
{
    add(keys, "kms:KeySpec", cmaw_kms_key_spec(key));
    add(keys, "kms:KeyUsage", cmaw_kms_key_usage(key));
    add(keys, "kms:KeyOrigin", "AWS_KMS");
    add(keys, "kms:MultiRegion", "false");
    if (call->alias[0] != '\0') {
        add(keys, "kms:RequestAlias", call->alias);
    }
    return add_aliases(call->db, key, keys) && add_resource_tags(call->db, key, keys);
}

/* Tags that CreateKey and TagResource bring, and the names that UntagResource takes away. */
static void add_tags(json_t *request, json_t *keys)
{
    char full[TAG_KEY_MAX];
    size_t i = 0;
    json_t *tag = NULL;
    json_array_foreach(json_object_get(request, "Tags"), i, tag) {
        const char *name = json_string_value(json_object_get(tag, "TagKey"));
        const char *value = json_string_value(json_object_get(tag, "TagValue"));
        if (name != NULL && value != NULL) {
            (void)snprintf(full, sizeof full, "aws:RequestTag/%s", name);
            add(keys, full, value);
            add(keys, "aws:TagKeys", name);
        }
    }
    json_array_foreach(json_object_get(request, "TagKeys"), i, tag) {
        if (json_is_string(tag)) {
            add(keys, "aws:TagKeys", json_string_value(tag));
        }
    }
}

json_t *cmaw_kms_conditions(const struct cmaw_kms_call *call, const struct cmaw_kms_key *key, json_t *context)
{
    json_t *keys = cmaw_kms_global_conditions(call);
    if (key != NULL && !add_key(call, key, keys)) {
        json_decref(keys);
        return NULL;
    }
    add_request(call, keys);
    add_tags(call->request, keys);
    add_recipient(&call->recipient, keys);
    add_context(context, keys);
    return keys;
}
