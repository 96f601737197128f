#include <stdarg.h>
#include <stdio.h>

#include "client/attest/describe.h"
#include "client/attest/document.h"
#include "client/unsigned.h"
#include "client/when.h"
#include "lib/base/text.h"

struct verdict {
    const struct cmaw_document_policy *policy;
    const struct cmaw_doc *doc;
    json_t *checks;
    json_t *insecure;
    bool holds;
    enum cmaw_err err;
};

[[gnu::format(printf, 4, 5)]] static void check(struct verdict *verdict, const char *name, bool holds, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    json_t *entry = json_pack("{s:s, s:b, s:s}", "check", name, "holds", holds, "text", text);
    verdict->holds = verdict->holds && holds;
    if (entry == NULL || cmaw_json_append(verdict->checks, entry) != CMAW_OK) {
        verdict->err = CMAW_E_NO_MEMORY;
    }
}

static void insecure(struct verdict *verdict, const char *text)
{
    if (cmaw_json_append(verdict->insecure, json_string(text)) != CMAW_OK) {
        verdict->err = CMAW_E_NO_MEMORY;
    }
}

static void check_root(struct verdict *verdict)
{
    uint8_t digest[CMAW_SHA256_SIZE];
    char text[2 * CMAW_SHA256_SIZE + 1] = "";
    cmaw_sha256(verdict->doc->cabundle[0], digest);
    CMAW_IGNORE(cmaw_hex_to_cstr(CMAW_SLICE_ARRAY(digest), text, sizeof text)); /* it fits */
    const bool same = cmaw_slice_eq(CMAW_SLICE_ARRAY(digest), CMAW_SLICE_ARRAY(verdict->policy->root_sha256));
    check(verdict, "root", same, "its root certificate is %s%s", text, same ? "" : ", which is not the one to trust");
}

static void check_signature(struct verdict *verdict)
{
    const struct cmaw_document_policy *policy = verdict->policy;
    const uint64_t time_ms = policy->at_its_time ? verdict->doc->timestamp_ms : policy->time_ms;
    char when[CMAW_WHEN_SIZE];
    cmaw_when_text(time_ms, when);
    const enum cmaw_err err = cmaw_doc_verify_at(verdict->doc, policy->root_sha256, time_ms, NULL);
    check(verdict, "signature", err == CMAW_OK, "%s %s%s",
          err == CMAW_OK        ? "signature and certificates are valid at"
          : err == CMAW_E_EXPIRED ? "a certificate is not valid at"
                                  : "signature or certificates are not valid under that root, looked at as of",
          when, policy->at_its_time ? ", the time that the document itself gives" : "");
}

/* Of a document that nobody signed there is nothing to check but whether the caller takes such. */
static void check_unsigned(struct verdict *verdict)
{
    const bool taken = verdict->policy->trust == CMAW_DOC_UNSIGNED_QEMU_TOO;
    check(verdict, "unsigned", taken, "an unsigned document of QEMU's, which anybody can write");
    if (taken) {
        insecure(verdict, CMAW_UNSIGNED_NOTE);
    }
}

static void check_authentic(struct verdict *verdict)
{
    if (verdict->doc->is_unsigned) {
        check_unsigned(verdict);
    } else {
        check_root(verdict);
        check_signature(verdict);
    }
}

static void check_age(struct verdict *verdict)
{
    const struct cmaw_document_policy *policy = verdict->policy;
    if (policy->at_its_time) {
        return;
    }
    const uint64_t made = verdict->doc->timestamp_ms;
    const uint64_t age_ms = policy->time_ms > made ? policy->time_ms - made : made - policy->time_ms;
    check(verdict, "age", age_ms <= policy->max_age_ms, "made %llu s %s; at most %llu s are allowed", (unsigned long long)(age_ms / 1000),
          policy->time_ms >= made ? "before" : "after", (unsigned long long)(policy->max_age_ms / 1000));
}

static void check_debug(struct verdict *verdict)
{
    const bool debug = cmaw_doc_is_debug(verdict->doc);
    check(verdict, "debug", !debug || verdict->policy->allow_debug, "%s",
          debug ? "PCR0, 1 or 2 is zero: an enclave in debug mode, which its host can read" : "not in debug mode");
    if (debug && verdict->policy->allow_debug) {
        insecure(verdict, "an enclave in debug mode: its host reads everything (--allow-debug-insecure)");
    }
}

static void check_pcrs(struct verdict *verdict)
{
    for (uint32_t i = 0; i < CMAW_PCR_COUNT; i++) {
        if (verdict->policy->pinned[i]) {
            const struct cmaw_slice value = cmaw_doc_pcr(verdict->doc, i);
            char name[16];
            (void)snprintf(name, sizeof name, "PCR%u", i);
            const bool same = cmaw_slice_eq(value, CMAW_SLICE_ARRAY(verdict->policy->pcrs[i]));
            check(verdict, name, same, "%s", same ? "as pinned" : value.size == 0 ? "not in the document" : "another value than the pinned one");
        }
    }
    if (verdict->policy->any_pcr) {
        insecure(verdict, "no PCR is pinned: any code may stand behind this document (--any-pcr-insecure)");
    }
}

static void check_nonce(struct verdict *verdict)
{
    if (verdict->policy->nonce.size > 0) {
        const struct cmaw_doc_field *nonce = &verdict->doc->nonce;
        const bool same = nonce->present && cmaw_slice_eq(nonce->bytes, verdict->policy->nonce);
        check(verdict, "nonce", same, "%s", same ? "the one asked for" : nonce->present ? "another nonce" : "no nonce");
    }
}

static void check_all(struct verdict *verdict, struct cmaw_slice bytes, struct cmaw_doc *doc, json_t *json)
{
    /* taken for what it is even where it will not do: the check says so */
    const enum cmaw_err form = cmaw_doc_parse_trusting(bytes, CMAW_DOC_UNSIGNED_QEMU_TOO, doc);
    check(verdict, "form", form == CMAW_OK, "%s", form == CMAW_OK ? "an attestation document of Nitro Enclaves" : "not an attestation document of Nitro Enclaves");
    if (form != CMAW_OK) {
        return;
    }
    static void (*const all[])(struct verdict *verdict) = {check_authentic, check_age, check_debug, check_pcrs, check_nonce};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        all[i](verdict);
    }
    json_t *document = NULL;
    const enum cmaw_err err = cmaw_document_describe(doc, &document);
    verdict->err = err != CMAW_OK ? err : cmaw_json_set(json, "document", document);
}

enum cmaw_err cmaw_document_judge(struct cmaw_slice bytes, const struct cmaw_document_policy *policy, json_t **ret_json)
{
    struct cmaw_doc doc;
    CMAW_JSON_AUTO(json);
    json = json_object();
    CMAW_REQUIRE(json != NULL, CMAW_E_NO_MEMORY);
    struct verdict verdict = {.policy = policy, .doc = &doc, .checks = json_array(), .insecure = json_array(), .holds = true};
    CMAW_TRY(cmaw_json_set(json, "checks", verdict.checks));
    CMAW_TRY(cmaw_json_set(json, "insecure", verdict.insecure));
    CMAW_TRY(cmaw_json_set_hex(json, "root", CMAW_SLICE_ARRAY(policy->root_sha256)));
    check_all(&verdict, bytes, &doc, json);
    CMAW_TRY(verdict.err);
    CMAW_TRY(cmaw_json_set(json, "holds", json_boolean(verdict.holds)));
    *ret_json = json;
    json = NULL;
    return CMAW_OK;
}
