/* Any text as the policy of a key and of an identity. What is found in it can be explained, and a Deny of everything leaves nothing. */
#include <stdlib.h>

#include "client/kms/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whether the document denies every action on the key to everyone, without a condition. */
static bool denies_all(const struct cmaw_lint_document *document)
{
    for (size_t i = 0; i < document->count; i++) {
        const struct cmaw_lint_statement *one = &document->statements[i];
        if (one->deny && one->any_principal && !one->except_principals && one->test_count == 0 && one->actions.count == 1 && !one->except_actions &&
            one->actions.items[0][0] == '*' && one->actions.items[0][1] == '\0' && one->resources.count == 1 && !one->except_resources &&
            one->resources.items[0][0] == '*' && one->resources.items[0][1] == '\0') {
            return true;
        }
    }
    return false;
}

static void judge(const struct cmaw_lint_input *input)
{
    CMAW_LINT_REPORT_AUTO(report);
    CMAW_JSON_AUTO(json);
    if (cmaw_lint_run(input, &report) != CMAW_OK || (denies_all(input->policy) && report.path_count + report.trusted_count > 0)) {
        abort();
    }
    /* texts that are too long for their buffers are refused, as bytes that are no UTF-8 are by jansson */
    if (cmaw_lint_json(input, &report, &json) == CMAW_OK && json_array_size(json_object_get(json, "paths")) != report.path_count) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char everything[] = "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}}";
    static const struct cmaw_lint_expected expected = {.images = {"aa"}, .image_count = 1, .lock = "bb", .key_arn = "arn:aws:kms:r:111122223333:key/1"};
    const struct cmaw_slice text = cmaw_slice_of(data, size);
    struct cmaw_diag diag = {0};
    CMAW_LINT_DOCUMENT_AUTO(policy);
    CMAW_LINT_DOCUMENT_AUTO(identity);
    if (cmaw_lint_document_parse("identity", text, CMAW_LINT_IDENTITY_POLICY, &identity, &diag) != CMAW_OK &&
        cmaw_lint_document_parse("everything", CMAW_SLICE_LIT(everything), CMAW_LINT_IDENTITY_POLICY, &identity, &diag) != CMAW_OK) {
        abort();
    }
    if (cmaw_lint_document_parse("policy", text, CMAW_LINT_KEY_POLICY, &policy, &diag) == CMAW_OK) {
        struct cmaw_lint_input input = {.policy = &policy, .identities = &identity, .identity_count = 1};
        judge(&input);
        input.expected = &expected;
        judge(&input);
    }
    return 0;
}
