#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "client/proof/audit.h"
#include "client/proof/audit_use.h"
#include "lib/base/text.h"

static const uint8_t pcr[CMAW_PCR_SIZE] = {1, 2, 3};
static struct cmaw_manifest manifest = {.tenant = {(const uint8_t *)"tenant", 6}};

static struct cmaw_role *the_role(void)
{
    struct cmaw_role *role = &manifest.roles[0];
    manifest.role_count = 1;
    *role = (struct cmaw_role){.id = 7, .name = CMAW_SLICE_LIT("intake"), .measurement_count = 1,
                               .kms_key_arn = CMAW_SLICE_LIT("arn:aws:kms:eu-central-1:111122223333:key/k")};
    role->measurements[0].pcrs[0] = CMAW_SLICE_ARRAY(pcr);
    return role;
}

/* A use as the protocol makes it; the caller changes it. */
static json_t *good_use(const char *name)
{
    char mh[2 * CMAW_HASH_SIZE + 1];
    CMAW_BUF_AUTO(digest, 100);
    cmaw_buf_put_base64(&digest, CMAW_SLICE_ARRAY(pcr));
    cmaw_buf_put_u8(&digest, 0);
    assert_int_equal(cmaw_hex_to_cstr(cmaw_bytes32_slice(&manifest.mh), mh, sizeof mh), CMAW_OK);
    json_t *event = json_pack("{s:s, s:s, s:s, s:{s:s, s:s, s:s}, s:{s:{s:s, s:s, s:s, s:s}}, s:{s:{s:s, s:s}}}", "eventName", name, "eventTime",
                              "2026-01-02T03:04:05Z", "eventID", "e", "userIdentity", "type", "AssumedRole", "accountId", "111122223333", "arn", "a",
                              "requestParameters", "encryptionContext", "sst", "1", "tenant", "tenant", "role", "7", "manifest", mh,
                              "additionalEventData", "recipient", "attestationDocumentModuleId", "i-1-enc1", "attestationDocumentEnclaveImageDigest",
                              (const char *)digest.data);
    assert_non_null(event);
    return event;
}

/* path is "a.b.c"; value NULL removes. */
static void change(json_t *event, const char *path, const char *value)
{
    char name[64];
    const char *dot;
    while ((dot = strchr(path, '.')) != NULL) {
        (void)snprintf(name, sizeof name, "%.*s", (int)(dot - path), path);
        event = json_object_get(event, name);
        path = dot + 1;
    }
    if (value == NULL) {
        assert_int_equal(json_object_del(event, path), 0);
    } else {
        assert_int_equal(json_object_set_new(event, path, json_string(value)), 0);
    }
}

static const struct {
    const char *path;
    const char *value;
    const char *fault; /* NULL: still good */
} changes[] = {
    {"eventID", "other", NULL},
    {"additionalEventData", NULL, "without"},
    {"additionalEventData.recipient", NULL, "without"},
    {"additionalEventData.recipient", "text", "without"},
    {"additionalEventData.recipient.attestationDocumentEnclaveImageDigest", NULL, "enclave"},
    {"additionalEventData.recipient.attestationDocumentEnclaveImageDigest", "AAAA", "enclave"},
    {"additionalEventData.recipient.attestationDocumentEnclaveImageDigest",
     "AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB", "enclave"},
    {"additionalEventData.recipient.attestationDocumentEnclaveImageDigest",
     "010203000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000", NULL},
    {"requestParameters", NULL, "context"},
    {"requestParameters.encryptionContext", NULL, "context"},
    {"requestParameters.encryptionContext.sst", "2", "context"},
    {"requestParameters.encryptionContext.tenant", "tenant2", "context"},
    {"requestParameters.encryptionContext.role", "8", "context"},
    {"requestParameters.encryptionContext.manifest", "00", "context"},
    {"requestParameters.encryptionContext.role", NULL, "context"},
    {"requestParameters.encryptionContext.more", "1", "context"},
    {"userIdentity", NULL, "another account"},
    {"userIdentity.accountId", "999999999999", "another account"},
    {"userIdentity.invokedBy", "lambda.amazonaws.com", "another account"},
    {"userIdentity.type", "AWSService", "another account"},
    {"userIdentity.type", "Root", "another account"},
};

static const char *fault_of(const struct cmaw_role *role, const json_t *event)
{
    bool own;
    return cmaw_audit_use_fault(&manifest, role, CMAW_DOC_SIGNED, event, &own);
}

static void every_part_of_a_use_counts(void **state)
{
    (void)state;
    const struct cmaw_role *role = the_role();
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        CMAW_JSON_AUTO(event);
        event = good_use("Decrypt");
        assert_null(fault_of(role, event));
        change(event, changes[i].path, changes[i].value);
        const char *fault = fault_of(role, event);
        if ((fault == NULL) != (changes[i].fault == NULL) || (fault != NULL && strstr(fault, changes[i].fault) == NULL)) {
            fail_msg("%s: %s", changes[i].path, fault == NULL ? "good" : fault);
        }
    }
}

/* Another manifest, or another role of this one, may have the same key: its uses prove nothing here, and are bad only for what they are. */
static void a_key_may_be_shared(void **)
{
    static const char mh[] = "1111111111111111111111111111111111111111111111111111111111111111";
    struct cmaw_audit audit = {.manifest = &manifest, .role = the_role(), .acts = true, .text = CMAW_BUF(64 * 1024)};
    CMAW_JSON_AUTO(decrypt);
    CMAW_JSON_AUTO(birth);
    audit.expected[0].module_id = CMAW_SLICE_LIT("i-1-enc1");
    audit.expected_count = 1;
    decrypt = good_use("Decrypt");
    birth = good_use("GenerateDataKey");
    change(decrypt, "requestParameters.encryptionContext.manifest", mh);
    manifest.roles[1] = manifest.roles[0];
    manifest.roles[1].id = 8;
    manifest.role_count = 2;
    change(birth, "requestParameters.encryptionContext.role", "8");
    cmaw_audit_event(&audit, decrypt);
    cmaw_audit_event(&audit, birth);
    assert_int_equal(audit.elsewhere, 2);
    assert_int_equal(audit.bad, 0);
    assert_int_equal(cmaw_audit_missing(&audit), 2); /* neither the birth nor the Decrypt of this role */
    change(decrypt, "additionalEventData.recipient.attestationDocumentEnclaveImageDigest", "AAAA");
    assert_non_null(strstr(fault_of(audit.role, decrypt), "an enclave of another manifest"));
    change(birth, "additionalEventData.recipient", NULL);
    assert_non_null(strstr(fault_of(audit.role, birth), "without a recipient"));
    cmaw_audit_event(&audit, decrypt);
    cmaw_audit_event(&audit, birth);
    assert_int_equal(audit.bad, 2);
    cmaw_audit_end(&audit);
    assert_non_null(memmem(audit.text.data, audit.text.size, "other roles or manifests: 2;", 28));
    cmaw_audit_free(&audit);
}

/* What the emulator granted on a document that nobody signed counts as a use only for whoever takes such documents, and is told apart. */
static void unsigned_recipients_need_the_callers_word(void **)
{
    CMAW_JSON_AUTO(event);
    CMAW_JSON_AUTO(wrong);
    event = good_use("Decrypt");
    json_t *data = json_object_get(event, "additionalEventData");
    assert_int_equal(json_object_set(data, "unsignedRecipient", json_object_get(data, "recipient")), 0);
    assert_int_equal(json_object_del(data, "recipient"), 0);
    wrong = json_deep_copy(event);
    change(wrong, "additionalEventData.unsignedRecipient.attestationDocumentEnclaveImageDigest", "AAAA");
    for (enum cmaw_doc_trust trust = CMAW_DOC_SIGNED; trust <= CMAW_DOC_UNSIGNED_QEMU_TOO; trust++) {
        const bool taken = trust == CMAW_DOC_UNSIGNED_QEMU_TOO;
        struct cmaw_audit audit = {.manifest = &manifest, .role = the_role(), .trust = trust, .text = CMAW_BUF(64 * 1024)};
        cmaw_audit_event(&audit, event);
        assert_int_equal(audit.bad, taken ? 0 : 1);
        assert_int_equal(audit.unsigned_uses, taken ? 1 : 0);
        cmaw_audit_event(&audit, wrong);
        assert_int_equal(audit.bad, taken ? 1 : 2);
        cmaw_audit_free(&audit);
    }
}

static void what_is_no_event_is_bad(void **state)
{
    (void)state;
    struct cmaw_audit audit = {.manifest = &manifest, .role = the_role(), .text = CMAW_BUF(64 * 1024)};
    CMAW_JSON_AUTO(array);
    CMAW_JSON_AUTO(object);
    CMAW_JSON_AUTO(good);
    array = json_array();
    object = json_pack("{s:s, s:i}", "eventName", "Decrypt\x1b[31m", "eventTime", 5);
    good = good_use("Decrypt");
    cmaw_audit_event(&audit, array);
    cmaw_audit_event(&audit, object);
    assert_int_equal(audit.bad, 2);
    cmaw_audit_event(&audit, good);
    assert_int_equal(audit.bad, 2);
    assert_int_equal(audit.decrypts, 1);
    assert_null(memchr(audit.text.data, 0x1b, audit.text.size));
    cmaw_audit_free(&audit);
}

static void lines_and_policies_are_bounded(void **state)
{
    (void)state;
    struct cmaw_audit audit = {.manifest = &manifest, .role = the_role(), .text = CMAW_BUF(64 * 1024), .run_ended = "2026-01-02T03:04:06Z"};
    CMAW_JSON_AUTO(encrypt);
    CMAW_JSON_AUTO(put);
    encrypt = good_use("Encrypt");
    put = good_use("PutKeyPolicy");
    for (size_t i = 0; i < 1000; i++) {
        cmaw_audit_event(&audit, encrypt);
        cmaw_audit_event(&audit, put);
    }
    cmaw_audit_end(&audit);
    assert_int_equal(audit.bad, 1000 + 1000 - CMAW_AUDIT_CHANGES_MAX);
    assert_int_equal(audit.text.err, CMAW_OK);
    assert_true(audit.text.size < 16 * 1024);
    cmaw_audit_free(&audit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_part_of_a_use_counts),
        cmocka_unit_test(a_key_may_be_shared),
        cmocka_unit_test(unsigned_recipients_need_the_callers_word),
        cmocka_unit_test(what_is_no_event_is_bad),
        cmocka_unit_test(lines_and_policies_are_bounded),
    };
    return cmocka_run_group_tests_name("client_audit", tests, NULL, NULL);
}
