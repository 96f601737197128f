#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/attest/document.h"
#include "client/deploy/manifest_file.h"
#include "client/settings.h"
#include "client/stack/stack.h"
#include "client/store/passphrase.h"
#include "client/verbs.h"
#include "lib/base/text.h"

struct trust_args {
    struct cmaw_settings settings;
    const char *root;          /* FILE or hex */
    const char *manifest_hash; /* hex */
};

enum root_kind { ROOT_AWS, ROOT_STACK, ROOT_NAMED };

static bool is_root(const struct cmaw_manifest *manifest, const struct cmaw_bytes32 *root)
{
    return cmaw_bytes32_eq(root, manifest->attestation_root);
}

/* The root of the local stack in the folder of the settings. */
static enum cmaw_err stack_root(const struct cmaw_settings *settings, struct cmaw_bytes32 *ret_root)
{
    char path[CMAW_PATH_MAX];
    struct cmaw_diag none = {0};
    CMAW_STACK_AUTO(stack);
    CMAW_TRY(cmaw_stack_find(settings, &stack, &none));
    CMAW_TRY(cmaw_stack_path(stack, path, &none, "devd/attestation-root.der"));
    return cmaw_manifest_root_of_file(path, ret_root, &none);
}

/* Which root the manifest names, if it is one that may be trusted: AWS's, one named by the caller, or that of the caller's own stack. */
static enum cmaw_err judge_root(const struct trust_args *args, const struct cmaw_manifest *manifest, enum root_kind *ret_kind, struct cmaw_diag *diag)
{
    struct cmaw_bytes32 root;
    CMAW_TRY(cmaw_hex_decode_exact(CMAW_SLICE_LIT(CMAW_AWS_ROOT_SHA256), root.bytes, sizeof root.bytes));
    if (is_root(manifest, &root)) {
        *ret_kind = ROOT_AWS;
        return CMAW_OK;
    }
    if (args->root != NULL) {
        if (cmaw_hex_decode_exact(cmaw_slice_of_cstr(args->root), root.bytes, sizeof root.bytes) != CMAW_OK) {
            CMAW_TRY(cmaw_manifest_root_of_file(args->root, &root, diag));
        }
        if (!is_root(manifest, &root)) {
            cmaw_diag_hint(diag, "it is for an enclave platform that you did not name: ask whoever ran 'cmaw provision' which root is theirs");
            return cmaw_diag_set(diag, CMAW_E_DENIED, "the manifest names another attestation root than --root");
        }
        *ret_kind = ROOT_NAMED;
        return CMAW_OK;
    }
    if (stack_root(&args->settings, &root) == CMAW_OK && is_root(manifest, &root)) {
        *ret_kind = ROOT_STACK;
        return CMAW_OK;
    }
    cmaw_diag_hint(diag, "if you mean to trust a private root, name it: --root FILE.der or its SHA-256");
    return cmaw_diag_set(diag, CMAW_E_DENIED, "the manifest's attestation root is neither AWS's nor that of your own stack");
}

static enum cmaw_err check_pins(struct cmaw_store *store, const struct cmaw_manifest *manifest, struct cmaw_diag *diag)
{
    struct cmaw_pin *pins = calloc(CMAW_PINS_MAX, sizeof *pins);
    CMAW_REQUIRE(pins != NULL, CMAW_E_NO_MEMORY);
    size_t count = 0;
    const char *check = NULL;
    enum cmaw_err err = cmaw_store_pins(store, manifest->tenant, pins, &count, diag);
    if (err == CMAW_OK) {
        err = cmaw_manifest_pin_check(manifest, pins, count, &check);
        if (err != CMAW_OK) {
            cmaw_diag_hint(diag, "an older deployment may be a rollback, or (in a demonstration) another stack of the same tenant: --store names another store");
            err = cmaw_diag_set(diag, err, "the manifest goes back behind one that was pinned: %s", check == NULL ? "" : check);
        }
    }
    free(pins);
    return err;
}

static void put_time(uint64_t ms, char ret_text[static 32])
{
    const time_t seconds = (time_t)(ms / 1000);
    struct tm utc;
    ret_text[0] = '\0';
    if (gmtime_r(&seconds, &utc) != NULL) {
        (void)strftime(ret_text, 32, "%Y-%m-%d %H:%M:%SZ", &utc);
    }
}

static const char *root_text(enum root_kind kind)
{
    switch (kind) {
    case ROOT_AWS:
        return "AWS Nitro Enclaves Root-G1";
    case ROOT_STACK:
        return "SIMULATION: the root of your own stack, which shows everything but isolation by hardware";
    default:
        return "PRIVATE: you named it with --root";
    }
}

static enum cmaw_err print_text(const struct cmaw_deployment *deployment, enum root_kind kind)
{
    const struct cmaw_manifest *manifest = &deployment->manifest;
    char hash[2 * CMAW_HASH_SIZE + 1];
    char from[32];
    char until[32];
    CMAW_TRY(cmaw_hex_to_cstr(cmaw_bytes32_slice(&manifest->mh), hash, sizeof hash));
    put_time(manifest->not_before_ms, from);
    put_time(manifest->not_after_ms, until);
    (void)printf("trusted: manifest %s\n  tenant %.*s, serial %llu, epoch %llu, valid %s to %s\n", hash, (int)manifest->tenant.size,
                 (const char *)manifest->tenant.data, (unsigned long long)manifest->serial, (unsigned long long)manifest->epoch, from, until);
    CMAW_TRY(cmaw_hex_to_cstr(manifest->attestation_root, hash, sizeof hash));
    (void)printf("  attestation root %s\n    %s\n", hash, root_text(kind));
    if (deployment->unsigned_count > 0) {
        (void)printf("  INSECURE: " CMAW_UNSIGNED_NOTE "; %u of %u births\n", deployment->unsigned_count, deployment->bundle.role_count);
    }
    for (size_t i = 0; i < deployment->bundle.role_count; i++) {
        const struct cmaw_role *role = cmaw_manifest_role(manifest, deployment->bundle.roles[i].role);
        char pcr0[2 * CMAW_PCR_SIZE + 1];
        CMAW_TRY(cmaw_hex_to_cstr(role->measurements[0].pcrs[0], pcr0, sizeof pcr0));
        CMAW_TRY(cmaw_hex_to_cstr(cmaw_bytes32_slice(&deployment->pk[i]), hash, sizeof hash));
        (void)printf("  role %u %.*s: birth verified; key %s\n    image PCR0 %s%s\n    KMS key %.*s\n", role->id, (int)role->name.size,
                     (const char *)role->name.data, hash, pcr0, role->measurement_count > 1 ? " and others" : "", (int)role->kms_key_arn.size,
                     (const char *)role->kms_key_arn.data);
    }
    return CMAW_OK;
}

static enum cmaw_err print_json(const struct cmaw_deployment *deployment, enum root_kind kind)
{
    CMAW_JSON_AUTO(json);
    CMAW_TRY(cmaw_manifest_json(&deployment->manifest, &json));
    CMAW_TRY(cmaw_json_set_text(json, "root_kind", kind == ROOT_AWS ? "aws" : kind == ROOT_STACK ? "simulation" : "private"));
    if (deployment->unsigned_count > 0) {
        CMAW_TRY(cmaw_json_set_u64(json, CMAW_UNSIGNED_KEY, deployment->unsigned_count));
    }
    json_t *births = json_array();
    CMAW_TRY(cmaw_json_set(json, "births", births));
    for (size_t i = 0; i < deployment->bundle.role_count; i++) {
        json_t *birth = json_object();
        CMAW_TRY(cmaw_json_append(births, birth));
        CMAW_TRY(cmaw_json_set_u64(birth, "role", deployment->bundle.roles[i].role));
        CMAW_TRY(cmaw_json_set_hex(birth, "public_key", cmaw_bytes32_slice(&deployment->pk[i])));
    }
    return cmaw_json_print(json);
}

static enum cmaw_err check_hash(const struct trust_args *args, const struct cmaw_manifest *manifest, struct cmaw_diag *diag)
{
    struct cmaw_bytes32 wanted;
    CMAW_REQUIRE(args->manifest_hash != NULL, CMAW_OK);
    if (cmaw_hex_decode_exact(cmaw_slice_of_cstr(args->manifest_hash), wanted.bytes, sizeof wanted.bytes) != CMAW_OK) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "--manifest-hash is not 64 lower-case hex digits");
    }
    if (!cmaw_bytes32_eq(&wanted, cmaw_bytes32_slice(&manifest->mh))) {
        cmaw_diag_hint(diag, "cmaw manifest show prints the hash of a manifest; ask who made the deployment, not who runs it");
        return cmaw_diag_set(diag, CMAW_E_DENIED, "the bundle is of another manifest than --manifest-hash");
    }
    return CMAW_OK;
}

static enum cmaw_err judge(const struct trust_args *args, struct cmaw_slice bundle, struct cmaw_deployment *deployment, struct cmaw_diag *diag)
{
    struct cmaw_finding finding = {0};
    const enum cmaw_err err = cmaw_bundle_verify(bundle, NULL, cmaw_unsigned_trust(args->settings.accept_unsigned), deployment, &finding);
    if (err != CMAW_OK) {
        cmaw_unsigned_hint(&finding, diag);
        cmaw_diag_hint(diag, "get it again from whoever ran 'cmaw provision'; if it comes the same way, do not trust it");
        return cmaw_diag_set(diag, err, "the bundle does not verify: %s", finding.text[0] == '\0' ? cmaw_err_text(err) : finding.text);
    }
    CMAW_TRY(check_hash(args, &deployment->manifest, diag));
    enum root_kind kind = ROOT_NAMED;
    CMAW_TRY(judge_root(args, &deployment->manifest, &kind, diag));
    if (!cmaw_manifest_valid_at(&deployment->manifest, cmaw_wall_clock_ms())) {
        return cmaw_diag_set(diag, CMAW_E_EXPIRED, "the manifest has expired or is not valid yet");
    }
    CMAW_STORE_AUTO(store);
    CMAW_TRY(cmaw_store_open_locked(&args->settings, &store, diag));
    CMAW_TRY(check_pins(store, &deployment->manifest, diag));
    CMAW_TRY(cmaw_store_pin(store, deployment, bundle, diag));
    return args->settings.json ? print_json(deployment, kind) : print_text(deployment, kind);
}

static enum cmaw_err trust(const struct trust_args *args, const char *path, struct cmaw_diag *diag)
{
    char own[CMAW_PATH_MAX];
    if (path == NULL) {
        CMAW_STACK_AUTO(stack);
        CMAW_TRY(cmaw_stack_find(&args->settings, &stack, diag));
        CMAW_TRY(cmaw_stack_path(stack, own, diag, "bundle.bin"));
        path = own;
    }
    CMAW_BUF_AUTO(bundle, CMAW_BUNDLE_MAX);
    CMAW_TRY(cmaw_file_read(path, &bundle, diag));
    struct cmaw_deployment *deployment = calloc(1, sizeof *deployment);
    CMAW_REQUIRE(deployment != NULL, CMAW_E_NO_MEMORY);
    const enum cmaw_err err = judge(args, cmaw_buf_slice(&bundle), deployment, diag);
    free(deployment);
    return err;
}

enum cmaw_err cmaw_command_trust(int argc, char **argv, struct cmaw_diag *diag)
{
    struct trust_args args = {0};
    const struct cmaw_option options[] = {
        {"root", "FILE|HEX", "trust this attestation root (certificate in DER, or its SHA-256) instead of AWS's", &args.root, NULL, NULL},
        {"manifest-hash", "HEX", "refuse any other manifest", &args.manifest_hash, NULL, NULL},
        CMAW_OPTION_UNSIGNED(args.settings.accept_unsigned), CMAW_OPTION_STORE(args.settings), CMAW_OPTION_DIR(args.settings),
        CMAW_OPTION_JSON(args.settings), CMAW_OPTION_END};
    const struct cmaw_usage usage = {
        .verb = "trust", .words = "[BUNDLE]", .max_words = 1, .options = options, .example = "cmaw trust prod.bundle --manifest-hash 41f0…",
        .summary = "Verifies a deployment: every birth certificate and attestation document, under a root that you accept. Pins its manifest\n"
                   "by hash in your store; one that goes back behind a pinned one is refused. Default: the bundle of the local stack."};
    struct cmaw_words words;
    bool help;
    CMAW_TRY(cmaw_options_parse(&usage, argc, argv, &words, &help, diag));
    return help ? CMAW_OK : trust(&args, words.count > 0 ? words.items[0] : NULL, diag);
}
