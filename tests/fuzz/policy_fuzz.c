/* Any text as a policy of each kind. What is accepted is decided without a crash, stays a policy when it is written out again, and
 * obeys the rules: with a Deny of everything it allows nothing, with an Allow of everything it refuses nothing it did not deny. */
#include <stdlib.h>
#include <string.h>

#include "dev/authz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char key_arn[] = "arn:aws:kms:eu-central-1:111122223333:key/1";

static json_t *parse(const char *text, enum cmaw_policy_kind kind)
{
    char reason[256];
    json_t *policy = NULL;
    return cmaw_policy_parse(text, kind, &policy, reason) == CMAW_OK ? policy : NULL;
}

static enum cmaw_authz_verdict decide(json_t *policy, enum cmaw_policy_kind kind, const struct cmaw_policy_request *request)
{
    json_t *list = json_array();
    if (kind == CMAW_POLICY_IDENTITY) {
        (void)json_array_append(list, policy);
    }
    const struct cmaw_authz authz = {.request = request, .owner = "111122223333", .identity = list, .resource_kind = kind,
                                     .resource = kind == CMAW_POLICY_IDENTITY ? NULL : policy};
    const enum cmaw_authz_verdict verdict = cmaw_authz_decide(&authz);
    json_decref(list);
    return verdict;
}

static bool denied(enum cmaw_authz_verdict verdict)
{
    return verdict >= CMAW_AUTHZ_DENIED_BY_RESOURCE && verdict <= CMAW_AUTHZ_DENIED_BY_SESSION;
}

/* The verdict with one statement more, which has the effect on everything. */
static enum cmaw_authz_verdict with_more(json_t *policy, enum cmaw_policy_kind kind, const char *effect,
                                         const struct cmaw_policy_request *request)
{
    json_t *copy = json_deep_copy(policy), *statements = json_object_get(copy, "Statement"), *list = json_array();
    for (size_t i = 0; i < cmaw_policy_count(statements); i++) {
        (void)json_array_append(list, cmaw_policy_at(statements, i));
    }
    json_t *more = json_pack("{s:s, s:s}", "Effect", effect, "Action", "*");
    if (kind != CMAW_POLICY_TRUST) {
        (void)json_object_set_new(more, "Resource", json_string("*"));
    }
    if (kind != CMAW_POLICY_IDENTITY) {
        (void)json_object_set_new(more, "Principal", json_string("*"));
    }
    (void)json_array_append_new(list, more);
    (void)json_object_set_new(copy, "Statement", list);
    const enum cmaw_authz_verdict verdict = decide(copy, kind, request);
    json_decref(copy);
    return verdict;
}

static void check(json_t *policy, enum cmaw_policy_kind kind, const struct cmaw_policy_request *request)
{
    const enum cmaw_authz_verdict verdict = decide(policy, kind, request);
    const enum cmaw_authz_verdict allowed = with_more(policy, kind, "Allow", request);
    if (!denied(with_more(policy, kind, "Deny", request)) || denied(verdict) != denied(allowed)
        || (!denied(verdict) && allowed != CMAW_AUTHZ_ALLOWED)) {
        abort();
    }
    char *text = json_dumps(policy, JSON_COMPACT);
    if (text == NULL || (strlen(text) < CMAW_POLICY_SIZE_MAX)) {
        json_t *again = text == NULL ? NULL : parse(text, kind);
        if (again == NULL || decide(again, kind, request) != verdict) {
            abort();
        }
        json_decref(again);
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = calloc(1, size + 1);
    struct cmaw_principal who;
    if (text == NULL || cmaw_principal_parse("arn:aws:iam::111122223333:role/parent", &who) != CMAW_OK) {
        abort();
    }
    json_t *keys = json_pack("{s:[s], s:[s,s], s:[s], s:[s], s:[s]}", "kms:recipientattestation:pcr0", "aa",
                             "kms:encryptioncontextkeys", "run", "role", "aws:sourceip", "127.0.0.1", "aws:currenttime",
                             "2026-01-02T03:04:05Z", "aws:principalarn", "arn:aws:iam::111122223333:role/parent");
    if (size > 0) {
        memcpy(text, data, size);
    }
    if (size == 0 || memchr(data, 0, size) == NULL) {
        for (enum cmaw_policy_kind kind = CMAW_POLICY_KEY; kind <= CMAW_POLICY_TRUST; kind++) {
            const struct cmaw_policy_request request = {&who, kind == CMAW_POLICY_TRUST ? "sts:AssumeRole" : "kms:Decrypt",
                                                        key_arn, keys};
            json_t *policy = parse(text, kind);
            if (policy != NULL) {
                check(policy, kind, &request);
                json_decref(policy);
            }
        }
    }
    json_decref(keys);
    free(text);
    return 0;
}
