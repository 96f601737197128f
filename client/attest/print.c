#include <stdio.h>
#include <string.h>

#include "client/attest/document.h"
#include "lib/base/text.h"

static void print_field(const json_t *document, const char *key, const char *name)
{
    const json_t *value = json_object_get(document, key);
    const size_t size = json_string_length(value) / 2;
    (void)printf("%-12s %s%s", name, json_is_string(value) ? json_string_value(value) : "none", json_is_string(value) ? "" : "\n");
    if (json_is_string(value)) {
        (void)printf(" (%zu bytes)\n", size);
    }
}

static void print_document(const json_t *document)
{
    CMAW_BUF_AUTO(id, CMAW_DOC_SIZE_MAX * 6);
    const json_t *module = json_object_get(document, "module_id");
    cmaw_buf_put_json_escaped(&id, cmaw_slice_of(json_string_value(module), json_string_length(module)));
    (void)printf("%-12s %.*s\n%-12s %s\n", "module id", (int)id.size, (const char *)id.data, "made", json_string_value(json_object_get(document, "timestamp")));
    const char *index;
    json_t *value;
    json_object_foreach(json_object_get(document, "pcrs"), index, value) {
        const char *hex = json_string_value(value);
        if (strspn(hex, "0") != strlen(hex)) {
            (void)printf("PCR%-9s %s\n", index, hex);
        }
    }
    (void)printf("%-12s %s\n", "other PCRs", "zero, or not in the document");
    size_t i;
    json_array_foreach(json_object_get(document, "certificates"), i, value) {
        const char *subject = json_string_value(json_object_get(value, "subject"));
        const char *from = json_string_value(json_object_get(value, "not_before"));
        const char *to = json_string_value(json_object_get(value, "not_after"));
        (void)printf("%-12s %s\n%-12s valid %s to %s\n", i == 0 ? "chain" : "", subject == NULL ? "cannot be read" : subject, "", from == NULL ? "?" : from, to == NULL ? "?" : to);
    }
    print_field(document, "public_key", "public key");
    print_field(document, "user_data", "user data");
    print_field(document, "nonce", "nonce");
}

void cmaw_document_print(const json_t *judgement)
{
    const json_t *document = json_object_get(judgement, "document");
    if (document != NULL) {
        print_document(document);
    }
    (void)printf("\n");
    size_t i;
    json_t *entry;
    json_array_foreach(json_object_get(judgement, "checks"), i, entry) {
        (void)printf("%s %-10s %s\n", json_is_true(json_object_get(entry, "holds")) ? "ok  " : "FAIL", json_string_value(json_object_get(entry, "check")),
                     json_string_value(json_object_get(entry, "text")));
    }
    json_array_foreach(json_object_get(judgement, "insecure"), i, entry) {
        (void)printf("INSECURE: %s\n", json_string_value(entry));
    }
    (void)printf("%s\n", json_is_true(json_object_get(judgement, "holds")) ? "HOLDS" : "DOES NOT HOLD");
}
