#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/kms/hardened.h"
#include "client/kms/report.h"
#include "client/settings.h"
#include "client/verbs.h"

/* A manifest's bytes and what they say. */
struct manifest_file {
    struct cmaw_buf bytes;
    struct cmaw_manifest *manifest;
};

static void manifest_file_release(struct manifest_file *file)
{
    cmaw_buf_free(&file->bytes);
    free(file->manifest);
}
#define MANIFEST_FILE_AUTO(name) \
    [[gnu::cleanup(manifest_file_release)]] struct manifest_file name = {CMAW_BUF(CMAW_MANIFEST_MAX), NULL}

static enum cmaw_err read_manifest(const char *path, struct manifest_file *file, struct cmaw_diag *diag)
{
    CMAW_TRY(cmaw_file_read(path, &file->bytes, diag));
    file->manifest = calloc(1, sizeof *file->manifest);
    CMAW_REQUIRE(file->manifest != NULL, CMAW_E_NO_MEMORY);
    const enum cmaw_err err = cmaw_manifest_parse(cmaw_buf_slice(&file->bytes), file->manifest);
    if (err != CMAW_OK) {
        cmaw_diag_hint(diag, "cmaw manifest new makes one from YAML");
        return cmaw_diag_set(diag, err, "%s is not a manifest", path);
    }
    return CMAW_OK;
}

static enum cmaw_err find_role(const struct cmaw_manifest *manifest, const char *name, const struct cmaw_role **ret_role, struct cmaw_diag *diag)
{
    *ret_role = cmaw_manifest_role_named(manifest, cmaw_slice_of_cstr(name));
    return *ret_role != NULL ? CMAW_OK : cmaw_diag_set(diag, CMAW_E_USAGE, "the manifest has no role %.64s", name);
}

struct policy_args {
    const char *role;
    const char *output;
    struct cmaw_kms_principals principals;
};

static enum cmaw_err write_policy(const struct cmaw_manifest *manifest, const struct cmaw_role *role, const struct policy_args *args,
                                  struct cmaw_diag *diag)
{
    char path[CMAW_PATH_MAX];
    CMAW_JSON_AUTO(policy);
    CMAW_TRY(cmaw_kms_role_policy(manifest, role, &args->principals, &policy));
    if (args->output == NULL) {
        return cmaw_json_print(policy);
    }
    CMAW_TRY(cmaw_dir_make(args->output, diag));
    CMAW_TRY(cmaw_path(path, "%s/%.*s.json", args->output, (int)role->name.size, (const char *)role->name.data));
    CMAW_TRY(cmaw_json_write(path, policy, 0644, diag));
    return printf("%s\n", path) < 0 ? CMAW_E_IO : CMAW_OK;
}

static enum cmaw_err write_policies(const struct cmaw_manifest *manifest, const struct policy_args *args, struct cmaw_diag *diag)
{
    const struct cmaw_role *only = &manifest->roles[0];
    if (args->role != NULL) {
        CMAW_TRY(find_role(manifest, args->role, &only, diag));
    } else if (manifest->role_count > 1 && args->output == NULL) {
        cmaw_diag_hint(diag, "--role NAME, or --output FOLDER for all of them");
        return cmaw_diag_set(diag, CMAW_E_USAGE, "kms policy: the manifest has %u roles, and each key has a policy of its own", manifest->role_count);
    }
    if (args->role != NULL || manifest->role_count == 1) {
        return write_policy(manifest, only, args, diag);
    }
    for (size_t i = 0; i < manifest->role_count; i++) {
        CMAW_TRY(write_policy(manifest, &manifest->roles[i], args, diag));
    }
    return CMAW_OK;
}

static void warn_immutable(void)
{
    (void)fprintf(stderr,
                  "cmaw: warning: read this twice. Nobody in the account, its root user included, can ever replace this policy. If it is wrong,\n"
                  "cmaw: warning: or an image has to change, the key and all that it protects are lost. KMS takes such a policy only with\n"
                  "cmaw: warning: BypassPolicyLockoutSafetyCheck (aws kms put-key-policy --bypass-policy-lockout-safety-check).\n");
}

static enum cmaw_err check_policy_args(const struct policy_args *args, struct cmaw_diag *diag)
{
    if (args->principals.instance == NULL) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "kms policy: missing --instance ARN, the role of the host that runs the enclaves");
    }
    if (args->principals.admin == NULL && !args->principals.immutable) {
        cmaw_diag_hint(diag, "--admin ARN, or --immutable if nobody ever may");
        return cmaw_diag_set(diag, CMAW_E_USAGE, "kms policy: who may replace the policy?");
    }
    return cmaw_kms_principals_check(&args->principals, diag);
}

static enum cmaw_err kms_policy(int argc, char **argv, struct cmaw_diag *diag)
{
    struct policy_args args = {0};
    const struct cmaw_option options[] = {
        {"instance", "ARN", "the role of the host that runs the enclaves", &args.principals.instance, NULL, NULL},
        {"admin", "ARN", "who may administer the key and replace its policy: you trust whoever holds this", &args.principals.admin, NULL, NULL},
        {"break-glass", "ARN", "who may disable the key and schedule its deletion, and nothing else", &args.principals.break_glass, NULL, NULL},
        {"immutable", NULL, "nobody may ever replace the policy; read the warning twice", NULL, NULL, &args.principals.immutable},
        {"role", "NAME", "of which role; all by default", &args.role, NULL, NULL},
        {"output", "FOLDER", "write FOLDER/ROLE.json instead of to standard output", &args.output, NULL, NULL, 'o'},
        CMAW_OPTION_END};
    const struct cmaw_usage usage = {
        .verb = "kms policy", .words = "MANIFEST", .min_words = 1, .max_words = 1, .options = options,
        .example = "cmaw kms policy prod.manifest --role intake --instance arn:aws:iam::111122223333:role/enclave-parent \\\n"
                   "           --admin arn:aws:iam::111122223333:role/kms-admin",
        .summary = "Writes the policy of a role's KMS key: Decrypt and GenerateDataKey for the role's images (PCR0) locked to this role (PCR16)\n"
                   "under the exact encryption context, and every other use of the key denied. docs/kms.md explains each line."};
    struct cmaw_words words;
    bool help;
    CMAW_TRY(cmaw_options_parse(&usage, argc, argv, &words, &help, diag));
    CMAW_REQUIRE(!help, CMAW_OK);
    CMAW_TRY(check_policy_args(&args, diag));
    MANIFEST_FILE_AUTO(file);
    CMAW_TRY(read_manifest(words.items[0], &file, diag));
    CMAW_TRY(write_policies(file.manifest, &args, diag));
    if (args.principals.immutable) {
        warn_immutable();
    }
    return CMAW_OK;
}

struct lint_args {
    const char *manifest;
    const char *role;
    struct cmaw_words identities;
    struct cmaw_words admins;
    bool json;
};

/* The policies under judgement, with what they are judged by. */
struct lint_files {
    struct cmaw_lint_document policy;
    struct cmaw_lint_document identities[CMAW_WORDS_MAX];
    size_t identity_count;
    struct cmaw_lint_expected expected;
};

static void lint_files_release(struct lint_files **files)
{
    for (size_t i = 0; *files != NULL && i < (*files)->identity_count; i++) {
        cmaw_lint_document_free(&(*files)->identities[i]);
    }
    if (*files != NULL) {
        cmaw_lint_document_free(&(*files)->policy);
    }
    free(*files);
}

static enum cmaw_err read_policy(const char *path, enum cmaw_lint_kind kind, struct cmaw_lint_document *document, struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(text, CMAW_LINT_POLICY_MAX);
    const enum cmaw_err err = cmaw_file_read(path, &text, diag);
    if (err == CMAW_E_TOO_LARGE) {
        return cmaw_diag_set(diag, err, "%s: a policy has at most %d bytes", path, CMAW_LINT_POLICY_MAX);
    }
    CMAW_TRY(err);
    return cmaw_lint_document_parse(path, cmaw_buf_slice(&text), kind, document, diag);
}

static enum cmaw_err read_expected(const struct lint_args *args, struct cmaw_lint_expected *expected, struct cmaw_diag *diag)
{
    MANIFEST_FILE_AUTO(file);
    CMAW_TRY(read_manifest(args->manifest, &file, diag));
    const struct cmaw_role *role = &file.manifest->roles[0];
    if (args->role != NULL) {
        CMAW_TRY(find_role(file.manifest, args->role, &role, diag));
    } else if (file.manifest->role_count != 1) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "kms lint: the manifest has %u roles: for which --role is the key?", file.manifest->role_count);
    }
    return cmaw_lint_expect(file.manifest, role, expected);
}

static enum cmaw_err read_files(const char *path, const struct lint_args *args, struct lint_files *files, struct cmaw_diag *diag)
{
    CMAW_TRY(read_policy(path, CMAW_LINT_KEY_POLICY, &files->policy, diag));
    for (size_t i = 0; i < args->identities.count; i++) {
        CMAW_TRY(read_policy(args->identities.items[i], CMAW_LINT_IDENTITY_POLICY, &files->identities[i], diag));
        files->identity_count++;
    }
    return args->manifest == NULL ? CMAW_OK : read_expected(args, &files->expected, diag);
}

static enum cmaw_err judge(const struct lint_files *files, const struct lint_args *args, struct cmaw_diag *diag)
{
    CMAW_LINT_REPORT_AUTO(report);
    CMAW_JSON_AUTO(json);
    const struct cmaw_lint_input input = {
        .policy = &files->policy, .identities = files->identities, .identity_count = files->identity_count,
        .expected = args->manifest == NULL ? NULL : &files->expected, .admins = args->admins.items, .admin_count = args->admins.count};
    CMAW_TRY(cmaw_lint_run(&input, &report));
    if (args->json) {
        CMAW_TRY(cmaw_lint_json(&input, &report, &json));
        CMAW_TRY(cmaw_json_print(json));
    } else {
        CMAW_TRY(cmaw_lint_print(&input, &report));
    }
    if (report.path_count > 0) {
        return cmaw_diag_set(diag, CMAW_E_DENIED, "%s lets key material out in %zu way%s", files->policy.name, report.path_count,
                             report.path_count == 1 ? "" : "s");
    }
    return CMAW_OK;
}

static enum cmaw_err lint(const char *path, const struct lint_args *args, struct cmaw_diag *diag)
{
    [[gnu::cleanup(lint_files_release)]] struct lint_files *files = calloc(1, sizeof *files);
    CMAW_REQUIRE(files != NULL, CMAW_E_NO_MEMORY);
    const enum cmaw_err err = read_files(path, args, files, diag);
    if (err != CMAW_OK && cmaw_err_category(err) == CMAW_CAT_INPUT) {
        return cmaw_diag_wrap(diag, CMAW_E_USAGE, "kms lint"); /* exit 2: not a verdict */
    }
    CMAW_TRY(err);
    return judge(files, args, diag);
}

static enum cmaw_err kms_lint(int argc, char **argv, struct cmaw_diag *diag)
{
    struct lint_args args = {0};
    const struct cmaw_option options[] = {
        {"iam", "FILE", "the policy of an identity in an account that the key's policy delegates to; repeat", NULL, &args.identities, NULL},
        {"admin", "ARN", "may replace the policy by your decision; repeat", NULL, &args.admins, NULL},
        {"manifest", "FILE", "the only right images, role lock and key", &args.manifest, NULL, NULL},
        {"role", "NAME", "whose key it is, where the manifest has several roles", &args.role, NULL, NULL},
        {"json", NULL, "JSON on standard output", NULL, NULL, &args.json},
        CMAW_OPTION_END};
    const struct cmaw_usage usage = {
        .verb = "kms lint", .words = "POLICY", .min_words = 1, .max_words = 1, .options = options,
        .example = "cmaw kms lint key-policy.json --iam parent.json --admin arn:aws:iam::111122223333:role/kms-admin",
        .summary = "Prints every way in which a key policy lets key material out without a matching attestation: who, by which action, under which\n"
                   "statement, and why. What it cannot decide it prints. Exit 0: no way; 1: ways; 2: not a policy."};
    struct cmaw_words words;
    bool help;
    CMAW_TRY(cmaw_options_parse(&usage, argc, argv, &words, &help, diag));
    CMAW_REQUIRE(!help, CMAW_OK);
    return lint(words.items[0], &args, diag);
}

enum cmaw_err cmaw_command_kms(int argc, char **argv, struct cmaw_diag *diag)
{
    static const struct cmaw_subverb verbs[] = {
        {"policy", "write the policy of a role's key", kms_policy},
        {"lint", "find what a key policy lets out", kms_lint},
    };
    return cmaw_options_group("kms", verbs, sizeof verbs / sizeof verbs[0], "cmaw kms lint key-policy.json", argc, argv, diag);
}
