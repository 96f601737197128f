#include "client/proof/audit.h"

#include <stdio.h>
#include <string.h>

#include "client/proof/audit_use.h"
#include "client/when.h"
#include "lib/base/text.h"
#include "lib/crypto/hash.h"

enum { TEXT_MAX = 64 * 1024, SHOWN_MAX = 200 };

void cmaw_audit_free(struct cmaw_audit *audit)
{
    cmaw_buf_free(&audit->text);
}

/* Seconds only, as CloudTrail has them. */
static void put_seconds(uint64_t ms, char ret_text[static 32])
{
    char text[CMAW_WHEN_SIZE];
    cmaw_when_text(ms, text);
    (void)snprintf(ret_text, 32, "%.19sZ", text);
}

static enum cmaw_err expect(const struct cmaw_verified_run *run, uint32_t index, struct cmaw_audit *audit)
{
    struct cmaw_doc doc;
    CMAW_TRY(cmaw_doc_parse_trusting(run->evidence->ak_docs[index], audit->trust, &doc));
    for (size_t i = 0; i < audit->expected_count; i++) {
        CMAW_REQUIRE(!cmaw_slice_eq(audit->expected[i].module_id, doc.module_id), CMAW_OK);
    }
    audit->expected[audit->expected_count++].module_id = doc.module_id;
    return CMAW_OK;
}

enum cmaw_err cmaw_audit_begin(const struct cmaw_verified_run *run, const struct cmaw_role *role, enum cmaw_doc_trust trust,
                                struct cmaw_audit *ret_audit)
{
    *ret_audit = (struct cmaw_audit){.manifest = &run->manifest, .role = role, .trust = trust, .text = CMAW_BUF(TEXT_MAX)};
    uint64_t ended = 0;
    for (size_t i = 0; i < run->plan.step_count; i++) {
        ended = run->steps[i].finished_ms > ended ? run->steps[i].finished_ms : ended;
        if (run->plan.steps[i].role == role->id) {
            ret_audit->acts = true;
            CMAW_TRY(expect(run, run->steps[i].doc, ret_audit));
        }
    }
    put_seconds(ended, ret_audit->run_ended);
    return CMAW_OK;
}

static void put_shown(struct cmaw_buf *line, const char *text)
{
    cmaw_buf_put_json_escaped(line, cmaw_slice_of(text, strnlen(text, SHOWN_MAX)));
}

/* "  BAD        Decrypt without a recipient, at …, by …, event …" */
static void tell(struct cmaw_audit *audit, const char *kind, const char *name, const char *what, const json_t *event)
{
    if (audit->lines++ >= CMAW_AUDIT_LINES_MAX) {
        return;
    }
    cmaw_buf_printf(&audit->text, "  %-10s ", kind);
    put_shown(&audit->text, name);
    cmaw_buf_printf(&audit->text, " %s, at ", what);
    put_shown(&audit->text, cmaw_event_text(event, "eventTime"));
    cmaw_buf_put_cstr(&audit->text, ", by ");
    put_shown(&audit->text, cmaw_event_text(json_object_get(event, "userIdentity"), "arn"));
    cmaw_buf_put_cstr(&audit->text, ", event ");
    put_shown(&audit->text, cmaw_event_text(event, "eventID"));
    cmaw_buf_put_cstr(&audit->text, "\n");
}

static void bad(struct cmaw_audit *audit, const char *name, const char *what, const json_t *event)
{
    audit->bad++;
    tell(audit, "BAD", name, what, event);
}

static void use(struct cmaw_audit *audit, const char *name, const json_t *event)
{
    const bool decrypt = strcmp(name, "Decrypt") == 0;
    audit->decrypts += decrypt;
    audit->generates += !decrypt;
    bool own = false;
    const char *fault = cmaw_audit_use_fault(audit->manifest, audit->role, audit->trust, event, &own);
    if (fault != NULL) {
        bad(audit, name, fault, event);
        return;
    }
    bool is_unsigned = false;
    const json_t *recipient = cmaw_event_recipient(event, audit->trust, &is_unsigned);
    audit->unsigned_uses += is_unsigned;
    if (!own) {
        audit->elsewhere++;
        return;
    }
    if (!decrypt) {
        (void)snprintf(audit->born, sizeof audit->born, "%s", cmaw_event_text(event, "eventTime")); /* the oldest comes last */
        return;
    }
    const struct cmaw_slice module = cmaw_slice_of_cstr(cmaw_event_text(recipient, "attestationDocumentModuleId"));
    for (size_t i = 0; i < audit->expected_count; i++) {
        audit->expected[i].seen = audit->expected[i].seen || cmaw_slice_eq(audit->expected[i].module_id, module);
    }
}

static void change(struct cmaw_audit *audit, const char *name, const json_t *event)
{
    const char *policy = cmaw_event_text(json_object_get(event, "requestParameters"), "policy");
    if (audit->change_count == CMAW_AUDIT_CHANGES_MAX) {
        bad(audit, name, "is one of too many changes of the policy", event);
        return;
    }
    struct cmaw_policy_change *entry = &audit->changes[audit->change_count++];
    (void)snprintf(entry->time, sizeof entry->time, "%s", cmaw_event_text(event, "eventTime"));
    cmaw_sha256(cmaw_slice_of_cstr(policy), entry->hash);
}

static void notable(struct cmaw_audit *audit, const char *name, const json_t *event)
{
    tell(audit, "note", name, "was granted", event);
}

static void never(struct cmaw_audit *audit, const char *name, const json_t *event)
{
    bad(audit, name, "was granted", event);
}

static const struct {
    const char *name;
    void (*judge)(struct cmaw_audit *audit, const char *name, const json_t *event);
} judges[] = {
    {"Decrypt", use},
    {"GenerateDataKey", use},
    {"PutKeyPolicy", change},
    {"CreateKey", change},
    {"Encrypt", never},
    {"ReEncrypt", never},
    {"GenerateDataKeyWithoutPlaintext", never},
    {"GenerateDataKeyPair", never},
    {"GenerateDataKeyPairWithoutPlaintext", never},
    {"DeriveSharedSecret", never},
    {"CreateGrant", never},
    {"ReplicateKey", never},
    {"ImportKeyMaterial", never},
    {"DisableKey", notable},
    {"EnableKey", notable},
    {"ScheduleKeyDeletion", notable},
    {"CancelKeyDeletion", notable},
    {"DeleteKey", notable},
};

void cmaw_audit_event(struct cmaw_audit *audit, const json_t *event)
{
    const char *name = cmaw_event_text(event, "eventName");
    const char *time = cmaw_event_text(event, "eventTime");
    audit->events++;
    if (name[0] == '\0' || strlen(time) != 20) {
        bad(audit, "an event", "cannot be read", event);
        return;
    }
    if (audit->newest[0] == '\0') {
        (void)snprintf(audit->newest, sizeof audit->newest, "%s", time);
    }
    (void)snprintf(audit->oldest, sizeof audit->oldest, "%s", time);
    for (size_t i = 0; i < sizeof judges / sizeof judges[0]; i++) {
        if (strcmp(judges[i].name, name) == 0) {
            if (json_object_get(event, "errorCode") != NULL) {
                audit->refused++; /* nothing was released or changed */
                return;
            }
            judges[i].judge(audit, name, event);
            return;
        }
    }
    audit->other++; /* reading the key's description, tags, aliases */
}

/* The policy in force when the key was born: the last one set before. NULL: not in sight. */
static const struct cmaw_policy_change *policy_at_birth(const struct cmaw_audit *audit)
{
    for (size_t i = 0; i < audit->change_count; i++) {
        if (strcmp(audit->changes[i].time, audit->born) <= 0) {
            return &audit->changes[i];
        }
    }
    return NULL;
}

void cmaw_audit_end(struct cmaw_audit *audit)
{
    const struct cmaw_policy_change *first = policy_at_birth(audit);
    for (size_t i = 0; audit->born[0] != '\0' && i < audit->change_count && &audit->changes[i] != first; i++) {
        const struct cmaw_policy_change *later = &audit->changes[i];
        const bool same = first != NULL && cmaw_slice_eq(CMAW_SLICE_ARRAY(later->hash), CMAW_SLICE_ARRAY(first->hash));
        const bool during = strcmp(later->time, audit->run_ended) <= 0;
        audit->bad += during && !same;
        if (!same && audit->lines++ < CMAW_AUDIT_LINES_MAX) {
            cmaw_buf_printf(&audit->text, "  %-10s the key's policy was changed at ", during ? "BAD" : "note");
            put_shown(&audit->text, later->time);
            cmaw_buf_put_cstr(&audit->text, during ? ", between the key's birth and the end of the run\n" : ", after the run\n");
        }
    }
    if (audit->elsewhere > 0) {
        cmaw_buf_printf(&audit->text, "  %-10s uses under the encryption contexts of other roles or manifests: %zu; they open nothing of this one\n", "note",
                        audit->elsewhere);
    }
    if (audit->lines > CMAW_AUDIT_LINES_MAX) {
        cmaw_buf_printf(&audit->text, "  and %zu more\n", audit->lines - CMAW_AUDIT_LINES_MAX);
    }
}

size_t cmaw_audit_missing(const struct cmaw_audit *audit)
{
    size_t missing = audit->acts && audit->born[0] == '\0';
    for (size_t i = 0; i < audit->expected_count; i++) {
        missing += !audit->expected[i].seen;
    }
    return missing;
}
