#include "client/attest/describe.h"

#include <stdio.h>

#include "client/when.h"
#include "lib/crypto/x509.h"

enum { SUBJECT_MAX = 8192 };

static enum cmaw_err set_when(json_t *json, const char *key, int64_t seconds)
{
    char text[CMAW_WHEN_SIZE] = "";
    if (seconds >= 0) {
        cmaw_when_text((uint64_t)seconds * 1000, text);
    }
    return cmaw_json_set_text(json, key, text);
}

static enum cmaw_err describe_certificate(struct cmaw_slice der, json_t *list)
{
    json_t *entry = json_object();
    CMAW_TRY(cmaw_json_append(list, entry));
    CMAW_BUF_AUTO(subject, SUBJECT_MAX);
    int64_t from, to;
    if (cmaw_x509_subject(der, &subject) != CMAW_OK || cmaw_x509_validity(der, &from, &to) != CMAW_OK) {
        return cmaw_json_set(entry, "subject", json_null());
    }
    CMAW_TRY(cmaw_json_set(entry, "subject", json_stringn((const char *)subject.data, subject.size)));
    CMAW_TRY(set_when(entry, "not_before", from));
    return set_when(entry, "not_after", to);
}

static enum cmaw_err set_field(json_t *json, const char *key, const struct cmaw_doc_field *field)
{
    return field->present ? cmaw_json_set_hex(json, key, field->bytes) : cmaw_json_set(json, key, json_null());
}

static enum cmaw_err describe_pcrs(const struct cmaw_doc *doc, json_t *pcrs)
{
    for (uint32_t i = 0; i < CMAW_PCR_COUNT; i++) {
        const struct cmaw_slice value = cmaw_doc_pcr(doc, i);
        char name[12];
        (void)snprintf(name, sizeof name, "%u", i);
        if (value.size > 0) {
            CMAW_TRY(cmaw_json_set_hex(pcrs, name, value));
        }
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_document_describe(const struct cmaw_doc *doc, json_t **ret_json)
{
    CMAW_JSON_AUTO(json);
    char when[CMAW_WHEN_SIZE];
    json = json_object();
    CMAW_REQUIRE(json != NULL, CMAW_E_NO_MEMORY);
    cmaw_when_text(doc->timestamp_ms, when);
    CMAW_TRY(cmaw_json_set(json, "module_id", json_stringn((const char *)doc->module_id.data, doc->module_id.size)));
    CMAW_TRY(cmaw_json_set(json, "timestamp_ms", json_integer((json_int_t)(doc->timestamp_ms & INT64_MAX))));
    CMAW_TRY(cmaw_json_set_text(json, "timestamp", when));
    CMAW_TRY(cmaw_json_set(json, "debug", json_boolean(cmaw_doc_is_debug(doc))));
    CMAW_TRY(cmaw_json_set(json, "unsigned", json_boolean(doc->is_unsigned)));
    json_t *pcrs = json_object();
    CMAW_TRY(cmaw_json_set(json, "pcrs", pcrs));
    CMAW_TRY(describe_pcrs(doc, pcrs));
    json_t *certificates = json_array();
    CMAW_TRY(cmaw_json_set(json, "certificates", certificates));
    for (size_t i = 0; i < doc->cabundle_count; i++) {
        CMAW_TRY(describe_certificate(doc->cabundle[i], certificates));
    }
    CMAW_TRY(describe_certificate(doc->certificate, certificates));
    CMAW_TRY(set_field(json, "public_key", &doc->public_key));
    CMAW_TRY(set_field(json, "user_data", &doc->user_data));
    CMAW_TRY(set_field(json, "nonce", &doc->nonce));
    *ret_json = json;
    json = NULL;
    return CMAW_OK;
}
