#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/proof/proof.h"
#include "client/stack/kms_of.h"
#include "lib/base/text.h"

/* What CloudTrail shows of a recipient, in the order of a manifest's PCRs (facts/KMS.md section 4.1). */
static const char *const recipient_fields[CMAW_MEASURED_PCRS] = {"attestationDocumentEnclaveImageDigest", "attestationDocumentEnclavePCR1",
                                                                 "attestationDocumentEnclavePCR2", "attestationDocumentEnclavePCR8"};

struct audit {
    const struct cmaw_manifest *manifest;
    const struct cmaw_role *role;
    struct cmaw_proof *proof;
    size_t events;
    size_t decrypts, generates;
    size_t refused;
    size_t bad;
};

/* A PCR in base64 of 48 bytes, or hex as on older pages; the empty slice if it is neither. */
static struct cmaw_slice read_pcr(const json_t *recipient, const char *field, struct cmaw_buf *buf)
{
    const json_t *value = json_object_get(recipient, field);
    const struct cmaw_slice text = cmaw_slice_of(json_string_value(value), json_string_length(value));
    const enum cmaw_err err = text.size == 2 * CMAW_PCR_SIZE ? cmaw_hex_decode(text, buf) : cmaw_base64_decode(text, buf);
    return err == CMAW_OK && buf->size == CMAW_PCR_SIZE ? cmaw_buf_slice(buf) : CMAW_SLICE_EMPTY;
}

static bool is_measured(const struct audit *audit, const json_t *recipient)
{
    struct cmaw_buf bufs[CMAW_MEASURED_PCRS];
    struct cmaw_slice pcrs[CMAW_MEASURED_PCRS];
    for (size_t i = 0; i < CMAW_MEASURED_PCRS; i++) {
        bufs[i] = CMAW_BUF(2 * CMAW_PCR_SIZE);
        pcrs[i] = read_pcr(recipient, recipient_fields[i], &bufs[i]);
    }
    const bool measured = cmaw_role_measured(audit->role, pcrs);
    for (size_t i = 0; i < CMAW_MEASURED_PCRS; i++) {
        cmaw_buf_free(&bufs[i]);
    }
    return measured;
}

static bool text_is(const json_t *object, const char *key, const char *text)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value != NULL && strcmp(value, text) == 0;
}

static bool has_exact_context(const struct audit *audit, const json_t *event)
{
    const json_t *context = json_object_get(json_object_get(event, "requestParameters"), "encryptionContext");
    char tenant[CMAW_NAME_MAX + 1];
    char role[16];
    char mh[2 * CMAW_HASH_SIZE + 1];
    if (cmaw_slice_to_cstr(audit->manifest->tenant, tenant, sizeof tenant) != CMAW_OK ||
        cmaw_hex_to_cstr(cmaw_bytes32_slice(&audit->manifest->mh), mh, sizeof mh) != CMAW_OK) {
        return false;
    }
    (void)snprintf(role, sizeof role, "%u", audit->role->id);
    return json_object_size(context) == 4 && text_is(context, "sst", "1") && text_is(context, "tenant", tenant) &&
           text_is(context, "role", role) && text_is(context, "manifest", mh);
}

static void judge_use(struct audit *audit, const json_t *event, const char *name)
{
    const json_t *recipient = json_object_get(json_object_get(event, "additionalEventData"), "recipient");
    const char *id = json_string_value(json_object_get(event, "eventID"));
    const char *fault = recipient == NULL               ? "without a recipient"
                        : !is_measured(audit, recipient) ? "for an enclave that the manifest does not list"
                        : !has_exact_context(audit, event) ? "under another encryption context"
                                                            : NULL;
    if (fault != NULL) {
        audit->bad++;
        cmaw_proof_line(audit->proof, "BAD        %s %s, event %s", name, fault, id == NULL ? "without an id" : id);
    }
}

static enum cmaw_err on_event(void *context, const json_t *event)
{
    struct audit *audit = context;
    const char *name = json_string_value(json_object_get(event, "eventName"));
    name = name == NULL ? "" : name;
    audit->events++;
    const bool decrypt = strcmp(name, "Decrypt") == 0;
    const bool use = decrypt || strncmp(name, "GenerateDataKey", 15) == 0 || strcmp(name, "DeriveSharedSecret") == 0;
    if (json_object_get(event, "errorCode") != NULL) {
        audit->refused += use;
        return CMAW_OK; /* refused: nothing was released */
    }
    static const char *const never[] = {"Encrypt", "ReEncrypt", "CreateGrant", "ReplicateKey"};
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
        if (strcmp(name, never[i]) == 0) {
            audit->bad++;
            cmaw_proof_line(audit->proof, "BAD        %s was granted", name);
        }
    }
    if (use) {
        audit->decrypts += decrypt;
        audit->generates += !decrypt;
        judge_use(audit, event, name);
    }
    return CMAW_OK;
}

static enum cmaw_err audit_role(const struct cmaw_stack_kms *kms, struct audit *audit, struct cmaw_diag *diag)
{
    char arn[CMAW_ARN_MAX + 1];
    char pcr0[2 * CMAW_PCR_SIZE + 1];
    CMAW_TRY(cmaw_slice_to_cstr(audit->role->kms_key_arn, arn, sizeof arn));
    CMAW_TRY(cmaw_trail_each(&kms->endpoint, arn, on_event, audit, diag));
    CMAW_TRY(cmaw_hex_to_cstr(audit->role->measurements[0].pcrs[0], pcr0, sizeof pcr0));
    cmaw_proof_line(audit->proof, "looked at  %zu events of CloudTrail about %s (role %.*s)", audit->events, arn, (int)audit->role->name.size,
                    (const char *)audit->role->name.data);
    cmaw_proof_line(audit->proof, "           %zu Decrypt and %zu GenerateDataKey granted, %zu refused; granted only to PCR0 %.16s…%s", audit->decrypts,
                    audit->generates, audit->refused, pcr0, audit->role->measurement_count > 1 ? " and others" : "");
    json_t *entry = json_object();
    CMAW_TRY(cmaw_json_append(json_object_get(audit->proof->json, "keys"), entry));
    CMAW_TRY(cmaw_json_set_text(entry, "key", arn));
    CMAW_TRY(cmaw_json_set_u64(entry, "events", audit->events));
    CMAW_TRY(cmaw_json_set_u64(entry, "decrypts", audit->decrypts));
    CMAW_TRY(cmaw_json_set_u64(entry, "generates", audit->generates));
    CMAW_TRY(cmaw_json_set_u64(entry, "refused", audit->refused));
    return cmaw_json_set_u64(entry, "bad", audit->bad);
}

enum cmaw_err cmaw_prove_attestation(const struct cmaw_outcome *outcome, const struct cmaw_stack *stack, struct cmaw_proof *proof,
                                     struct cmaw_diag *diag)
{
    CMAW_STACK_KMS_AUTO(kms);
    CMAW_TRY(cmaw_stack_kms(stack, "auditor", &kms, diag));
    CMAW_TRY(cmaw_json_set(proof->json, "keys", json_array()));
    const struct cmaw_manifest *manifest = &outcome->run->manifest;
    size_t uses = 0, bad = 0, unborn = 0;
    for (size_t i = 0; i < manifest->role_count; i++) {
        struct audit audit = {.manifest = manifest, .role = &manifest->roles[i], .proof = proof};
        CMAW_TRY(audit_role(&kms, &audit, diag));
        uses += audit.decrypts + audit.generates;
        bad += audit.bad;
        /* a role that acted must have got its key somewhere */
        unborn += cmaw_plan_has_role(&outcome->run->plan, manifest->roles[i].id) && (audit.generates == 0 || audit.decrypts == 0);
    }
    proof->pass = bad == 0 && unborn == 0;
    if (unborn > 0) {
        cmaw_proof_line(proof, "MISSING    a role acted in the run whose key was never released: CloudTrail is not complete, or lags behind");
    }
    (void)snprintf(proof->summary, sizeof proof->summary, "%zu of %zu uses of the keys were released to anything but a measured enclave", bad, uses);
    return CMAW_OK;
}
