#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/attest/document.h"
#include "client/deploy/manifest_file.h"
#include "client/run/duration.h"
#include "client/settings.h"
#include "client/store/store.h"
#include "client/verbs.h"
#include "client/when.h"
#include "lib/base/text.h"
#include "lib/sst/attest.h"

enum { NONCE_MAX = 1024, MAX_AGE_MS = 300 * 1000 };

struct attest_args {
    const char *root;
    struct cmaw_words pcrs;
    const char *nonce;
    const char *at;
    const char *max_age;
    bool allow_debug;
    bool any_pcr;
    bool accept_unsigned;
    bool json;
};

/* Hex of either case. */
static enum cmaw_err read_hex(const char *text, const char *option, struct cmaw_buf *bytes, struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(lower, 2 * NONCE_MAX);
    for (; *text != '\0'; text++) {
        cmaw_buf_put_u8(&lower, (uint8_t)tolower((unsigned char)*text));
    }
    if (lower.err != CMAW_OK || lower.size == 0 || cmaw_hex_decode(cmaw_buf_slice(&lower), bytes) != CMAW_OK) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "attest: --%s takes bytes in hex", option);
    }
    return CMAW_OK;
}

static enum cmaw_err read_pcr(const char *word, struct cmaw_document_policy *policy, struct cmaw_diag *diag)
{
    char *end = NULL;
    const unsigned long index = strtoul(word, &end, 10);
    if (end == word || *end != '=' || word[0] < '0' || word[0] > '9' || index >= CMAW_PCR_COUNT) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "attest: --pcr takes N=HEX with N from 0 to 31, not %.40s", word);
    }
    CMAW_BUF_AUTO(value, NONCE_MAX);
    CMAW_TRY(read_hex(end + 1, "pcr N=", &value, diag));
    if (value.size != CMAW_PCR_SIZE || policy->pinned[index]) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "attest: PCR%lu %s", index, policy->pinned[index] ? "is pinned twice" : "has 96 digits of hex");
    }
    if ((index <= 2 || index == 8) && cmaw_slice_is_zero(cmaw_buf_slice(&value))) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "attest: PCR%lu of zeros is what every enclave in debug mode has", index);
    }
    policy->pinned[index] = true;
    memmove(policy->pcrs[index], value.data, CMAW_PCR_SIZE);
    return CMAW_OK;
}

static enum cmaw_err read_root(const char *root, uint8_t ret_sha256[static CMAW_SHA256_SIZE], struct cmaw_diag *diag)
{
    if (root == NULL) {
        return cmaw_hex_decode_exact(CMAW_SLICE_LIT(CMAW_AWS_ROOT_SHA256), ret_sha256, CMAW_SHA256_SIZE);
    }
    struct cmaw_bytes32 named;
    if (cmaw_hex_decode_exact(cmaw_slice_of_cstr(root), named.bytes, sizeof named.bytes) != CMAW_OK) {
        CMAW_TRY(cmaw_manifest_root_of_file(root, &named, diag));
    }
    memmove(ret_sha256, named.bytes, CMAW_SHA256_SIZE);
    return CMAW_OK;
}

static enum cmaw_err read_time(const struct attest_args *args, struct cmaw_document_policy *policy, struct cmaw_diag *diag)
{
    policy->time_ms = cmaw_wall_clock_ms();
    policy->max_age_ms = MAX_AGE_MS;
    policy->at_its_time = args->at != NULL && strcmp(args->at, "made") == 0;
    if (args->at != NULL && !policy->at_its_time) {
        CMAW_TRY(cmaw_when_parse(args->at, "--at", &policy->time_ms, diag));
    }
    return args->max_age == NULL ? CMAW_OK : cmaw_duration_parse(args->max_age, "max-age", &policy->max_age_ms, diag);
}

static enum cmaw_err read_policy(const struct attest_args *args, struct cmaw_buf *nonce, struct cmaw_document_policy *policy, struct cmaw_diag *diag)
{
    *policy = (struct cmaw_document_policy){.allow_debug = args->allow_debug, .any_pcr = args->any_pcr && args->pcrs.count == 0,
                                             .trust = cmaw_unsigned_trust(args->accept_unsigned)};
    if (args->pcrs.count == 0 && !args->any_pcr) {
        cmaw_diag_hint(diag, "--pcr 0=HEX says which image it must be; --any-pcr-insecure only shows what the document says");
        return cmaw_diag_set(diag, CMAW_E_USAGE, "attest: no PCR is pinned, so any enclave's document would do");
    }
    CMAW_TRY(read_root(args->root, policy->root_sha256, diag));
    CMAW_TRY(read_time(args, policy, diag));
    for (size_t i = 0; i < args->pcrs.count; i++) {
        CMAW_TRY(read_pcr(args->pcrs.items[i], policy, diag));
    }
    if (args->nonce != NULL) {
        CMAW_TRY(read_hex(args->nonce, "nonce", nonce, diag));
        policy->nonce = cmaw_buf_slice(nonce);
    }
    return CMAW_OK;
}

/* The text of the first check that failed, or of that name if it did; "" where there is none. */
static const char *fault_of(const json_t *json, const char *name)
{
    size_t i;
    json_t *entry;
    json_array_foreach(json_object_get(json, "checks"), i, entry) {
        if (!json_is_true(json_object_get(entry, "holds")) &&
            (name == NULL || strcmp(name, json_string_value(json_object_get(entry, "check"))) == 0)) {
            return json_string_value(json_object_get(entry, "text"));
        }
    }
    return "";
}

static enum cmaw_err attest_verify(const struct attest_args *args, const char *path, struct cmaw_diag *diag)
{
    struct cmaw_document_policy policy;
    CMAW_BUF_AUTO(nonce, NONCE_MAX);
    CMAW_BUF_AUTO(file, CMAW_DOCUMENT_FILE_MAX);
    CMAW_BUF_AUTO(bytes, CMAW_DOCUMENT_FILE_MAX);
    CMAW_TRY(read_policy(args, &nonce, &policy, diag));
    CMAW_TRY(strcmp(path, "-") == 0 ? cmaw_file_read_fd(0, "standard input", &file, diag) : cmaw_file_read(path, &file, diag));
    if (cmaw_document_bytes(cmaw_buf_slice(&file), &bytes) != CMAW_OK) {
        cmaw_diag_hint(diag, "it is what the enclave's NSM gave, a COSE_Sign1 message: nothing around it");
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "%s is no attestation document, as it stands or in base64", path);
    }
    CMAW_JSON_AUTO(json);
    CMAW_TRY(cmaw_document_judge(cmaw_buf_slice(&bytes), &policy, &json));
    if (args->json) {
        CMAW_TRY(cmaw_json_print(json));
    } else {
        cmaw_document_print(json);
    }
    if (json_is_true(json_object_get(json, "holds"))) {
        return CMAW_OK;
    }
    if (json_is_true(json_object_get(json_object_get(json, "document"), "unsigned")) && !args->accept_unsigned) {
        cmaw_unsigned_hint(&(struct cmaw_finding){.check = CMAW_CHECK_UNSIGNED}, diag);
    }
    if (!policy.at_its_time && (fault_of(json, "age")[0] != '\0' || fault_of(json, "signature")[0] != '\0')) {
        cmaw_diag_hint(diag, "--at made asks whether it held when it was made, --at TIME whether it held then");
    }
    return cmaw_diag_set(diag, CMAW_E_DENIED, "the document does not hold: %s", fault_of(json, NULL));
}

enum cmaw_err cmaw_command_attest(int argc, char **argv, struct cmaw_diag *diag)
{
    struct attest_args args = {0};
    const struct cmaw_option options[] = {
        {"root", "FILE", "the root to trust: its certificate in DER, or the SHA-256 of that (AWS's)", &args.root, NULL, NULL},
        {"pcr", "N=HEX", "PCR N must have this value; repeat", NULL, &args.pcrs, NULL},
        {"nonce", "HEX", "it must carry this nonce", &args.nonce, NULL, NULL},
        {"at", "TIME", "it must hold then: 2026-03-14T09:26:53Z, or 'made' (now)", &args.at, NULL, NULL},
        {"max-age", "TIME", "how far from that it may have been made (300s)", &args.max_age, NULL, NULL},
        {"allow-debug-insecure", NULL, "accept an enclave in debug mode", NULL, NULL, &args.allow_debug},
        {"any-pcr-insecure", NULL, "accept any measured code", NULL, NULL, &args.any_pcr},
        CMAW_OPTION_UNSIGNED(args.accept_unsigned),
        CMAW_OPTION_END};
    const struct cmaw_option common[] = {{"json", NULL, "JSON on standard output", NULL, NULL, &args.json}, CMAW_OPTION_END};
    const struct cmaw_usage usage = {
        .verb = "attest", .words = "verify DOC", .min_words = 2, .max_words = 2, .options = options, .common = common,
        .example = "cmaw attest verify document.cose --pcr 0=$PCR0 --nonce $NONCE",
        .summary = "Prints what an attestation document of Nitro Enclaves says, and whether it holds. DOC is a file, or - for standard\n"
                   "input, as the enclave gave it or in base64. Exit code 0: it holds, 1: it does not, 2: wrong usage."};
    struct cmaw_words words;
    bool help;
    CMAW_TRY(cmaw_options_parse(&usage, argc, argv, &words, &help, diag));
    CMAW_REQUIRE(!help, CMAW_OK);
    if (strcmp(words.items[0], "verify") != 0) {
        cmaw_diag_hint(diag, "cmaw attest --help");
        return cmaw_diag_set(diag, CMAW_E_USAGE, "attest: verify, not %.40s", words.items[0]);
    }
    return attest_verify(&args, words.items[1], diag);
}
