#include "client/proof/audit_use.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"

/* What CloudTrail shows of a recipient, in the order of a manifest's PCRs (facts/KMS.md section 4.1). */
static const char *const recipient_fields[CMAW_MEASURED_PCRS] = {"attestationDocumentEnclaveImageDigest", "attestationDocumentEnclavePCR1",
                                                                 "attestationDocumentEnclavePCR2", "attestationDocumentEnclavePCR8"};

const char *cmaw_event_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL ? "" : text;
}

const json_t *cmaw_event_recipient(const json_t *event, enum cmaw_doc_trust trust, bool *ret_unsigned)
{
    const json_t *data = json_object_get(event, "additionalEventData");
    const json_t *recipient = json_object_get(data, "recipient");
    const bool is_unsigned = recipient == NULL && trust == CMAW_DOC_UNSIGNED_QEMU_TOO;
    if (is_unsigned) {
        recipient = json_object_get(data, "unsignedRecipient");
    }
    if (ret_unsigned != NULL) {
        *ret_unsigned = is_unsigned && json_is_object(recipient);
    }
    return json_is_object(recipient) ? recipient : NULL;
}

/* A PCR in base64 of 48 bytes, or hex as on older pages; the empty slice if it is neither. */
static struct cmaw_slice read_pcr(const json_t *recipient, const char *field, struct cmaw_buf *buf)
{
    const json_t *value = json_object_get(recipient, field);
    const struct cmaw_slice text = cmaw_slice_of(json_string_value(value), json_string_length(value));
    const enum cmaw_err err = text.size == 2 * CMAW_PCR_SIZE ? cmaw_hex_decode(text, buf) : cmaw_base64_decode(text, buf);
    return err == CMAW_OK && buf->size == CMAW_PCR_SIZE ? cmaw_buf_slice(buf) : CMAW_SLICE_EMPTY;
}

static bool is_measured(const struct cmaw_role *role, const json_t *recipient)
{
    struct cmaw_buf bufs[CMAW_MEASURED_PCRS];
    struct cmaw_slice pcrs[CMAW_MEASURED_PCRS];
    for (size_t i = 0; i < CMAW_MEASURED_PCRS; i++) {
        bufs[i] = CMAW_BUF(2 * CMAW_PCR_SIZE);
        pcrs[i] = read_pcr(recipient, recipient_fields[i], &bufs[i]);
    }
    const bool measured = cmaw_role_measured(role, pcrs);
    for (size_t i = 0; i < CMAW_MEASURED_PCRS; i++) {
        cmaw_buf_free(&bufs[i]);
    }
    return measured;
}

/* Whose key the event's encryption context names. KMS opens a ciphertext under its own context only, so no other use can release this one. */
struct named {
    bool known;                    /* a context of the protocol, of this tenant */
    bool own_manifest;
    const struct cmaw_role *role;  /* of the manifest, whose measurements the use must have; in another manifest's context: the one looked at */
};

static const struct cmaw_role *find_role(const struct cmaw_manifest *manifest, const char *id)
{
    uint64_t number = 0;
    return cmaw_parse_u64(id, UINT32_MAX, &number) == CMAW_OK ? cmaw_manifest_role(manifest, (uint32_t)number) : NULL;
}

static struct named name_key(const struct cmaw_manifest *manifest, const struct cmaw_role *role, const json_t *event)
{
    const json_t *context = json_object_get(json_object_get(event, "requestParameters"), "encryptionContext");
    const char *role_id = cmaw_event_text(context, "role"), *mh = cmaw_event_text(context, "manifest");
    struct cmaw_bytes32 other;
    if (json_object_size(context) != 4 || strcmp(cmaw_event_text(context, "sst"), "1") != 0 ||
        !cmaw_slice_eq_cstr(manifest->tenant, cmaw_event_text(context, "tenant")) ||
        cmaw_hex_decode_exact(cmaw_slice_of_cstr(mh), other.bytes, sizeof other.bytes) != CMAW_OK) {
        return (struct named){.role = role};
    }
    const bool own = cmaw_slice_eq(cmaw_bytes32_slice(&other), cmaw_bytes32_slice(&manifest->mh));
    const struct cmaw_role *found = own ? find_role(manifest, role_id) : role;
    return (struct named){found != NULL, own, found != NULL ? found : role};
}

/* The enclave calls with the credentials of its parent's role, which is of the key's own account. */
static bool is_of_the_account(const struct cmaw_role *role, const json_t *event)
{
    char arn[CMAW_ARN_MAX + 1];
    char account[16];
    const json_t *identity = json_object_get(event, "userIdentity");
    if (cmaw_slice_to_cstr(role->kms_key_arn, arn, sizeof arn) != CMAW_OK || sscanf(arn, "arn:%*[^:]:kms:%*[^:]:%15[0-9]:", account) != 1) {
        return false;
    }
    const char *type = cmaw_event_text(identity, "type");
    return strcmp(cmaw_event_text(identity, "accountId"), account) == 0 && json_object_get(identity, "invokedBy") == NULL &&
           (strcmp(type, "AssumedRole") == 0 || strcmp(type, "IAMUser") == 0 || strcmp(type, "Role") == 0);
}

const char *cmaw_audit_use_fault(const struct cmaw_manifest *manifest, const struct cmaw_role *role, enum cmaw_doc_trust trust,
                                 const json_t *event, bool *ret_own)
{
    const json_t *recipient = cmaw_event_recipient(event, trust, NULL);
    const struct named named = name_key(manifest, role, event);
    *ret_own = named.own_manifest && named.role == role;
    if (recipient == NULL) {
        return "without a recipient";
    }
    if (!is_measured(named.role, recipient)) {
        return named.known && !named.own_manifest
                   ? "for an enclave of another manifest (by its encryption context): manifests of different images need keys of their own"
                   : "for an enclave that the manifest does not list";
    }
    return !named.known                      ? "under another encryption context"
           : !is_of_the_account(role, event) ? "by a principal of another account or a service of AWS"
                                             : NULL;
}
