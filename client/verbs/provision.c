#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/aws/kms.h"
#include "client/aws/options.h"
#include "client/deploy/provision.h"
#include "client/settings.h"
#include "client/verbs.h"

struct provision_args {
    const char *output;
    const char *kms_url;
    const char *ca_file;
    const char *region;
    const char *admin_arn;
    const char *instance_arn;
    struct cmaw_aws_options aws;
    bool keep_policies;
    bool accept_unsigned;
    struct cmaw_words enclaves;
};

static enum cmaw_err need_env(const char *name, struct cmaw_slice *ret_value, struct cmaw_diag *diag)
{
    *ret_value = cmaw_slice_of_cstr(getenv(name));
    return ret_value->size > 0 ? CMAW_OK : cmaw_diag_set(diag, CMAW_E_USAGE, "%s is not set", name);
}

static enum cmaw_err put_policies(const struct cmaw_manifest *manifest, const struct provision_args *args, struct cmaw_diag *diag)
{
    const struct cmaw_kms_principals principals = {.admin = args->admin_arn, .instance = args->instance_arn};
    CMAW_TRY(cmaw_kms_principals_check(&principals, diag));
    struct cmaw_aws_endpoint endpoint = {.url = args->kms_url, .region = args->region, .ca_file = args->ca_file,
                                         .credentials.session_token = cmaw_slice_of_cstr(getenv("CMAW_ADMIN_SESSION_TOKEN"))};
    CMAW_TRY(need_env("CMAW_ADMIN_ACCESS_KEY_ID", &endpoint.credentials.access_key_id, diag));
    CMAW_TRY(need_env("CMAW_ADMIN_SECRET_ACCESS_KEY", &endpoint.credentials.secret_access_key, diag));
    for (size_t i = 0; i < manifest->role_count; i++) {
        char arn[CMAW_ARN_MAX + 1];
        CMAW_JSON_AUTO(policy);
        CMAW_TRY(cmaw_slice_to_cstr(manifest->roles[i].kms_key_arn, arn, sizeof arn));
        CMAW_TRY(cmaw_kms_role_policy(manifest, &manifest->roles[i], &principals, &policy));
        cmaw_progress("set the policy of %s", arn);
        CMAW_TRY(cmaw_kms_put_policy(&endpoint, arn, policy, diag));
    }
    return CMAW_OK;
}

static enum cmaw_err parse_enclaves(const struct cmaw_words *words, struct cmaw_enclave_at enclaves[static CMAW_ROLES_MAX], struct cmaw_diag *diag)
{
    for (size_t i = 0; i < words->count; i++) {
        const char *equals = strchr(words->items[i], '=');
        if (equals == NULL || equals == words->items[i] || equals - words->items[i] > CMAW_NAME_MAX || i == CMAW_ROLES_MAX) {
            return cmaw_diag_set(diag, CMAW_E_USAGE, "--enclave %s is not ROLE=ADDRESS", words->items[i]);
        }
        (void)snprintf(enclaves[i].role, sizeof enclaves[i].role, "%.*s", (int)(equals - words->items[i]), words->items[i]);
        enclaves[i].addr = equals + 1;
    }
    return words->count > 0 ? CMAW_OK : cmaw_diag_set(diag, CMAW_E_USAGE, "provision: missing --enclave ROLE=ADDRESS");
}

static enum cmaw_err provision(struct cmaw_slice bytes, const struct cmaw_manifest *manifest, const struct provision_args *args,
                               struct cmaw_diag *diag)
{
    struct cmaw_enclave_at enclaves[CMAW_ROLES_MAX] = {0};
    CMAW_TRY(parse_enclaves(&args->enclaves, enclaves, diag));
    if (!args->keep_policies) {
        CMAW_TRY(put_policies(manifest, args, diag));
    }
    CMAW_AWS_KEYS_AUTO(keys);
    struct cmaw_aws_settings settings;
    CMAW_TRY(cmaw_aws_options_settings(&args->aws, &settings, diag));
    CMAW_TRY(cmaw_aws_keys_find(&settings, &keys, diag));
    const struct cmaw_aws_credentials texts = cmaw_aws_keys_texts(&keys);
    const struct cmaw_credentials credentials = {texts.access_key_id, texts.secret_access_key, texts.session_token};
    CMAW_BUF_AUTO(bundle, CMAW_BUNDLE_MAX);
    cmaw_unsigned_warn(args->accept_unsigned);
    CMAW_TRY(cmaw_provision(bytes, enclaves, args->enclaves.count, &credentials, cmaw_unsigned_trust(args->accept_unsigned), &bundle, diag));
    CMAW_TRY(cmaw_file_write(args->output, cmaw_buf_slice(&bundle), 0644, diag));
    (void)printf("%s\n", args->output);
    return CMAW_OK;
}

static enum cmaw_err check_args(const struct provision_args *args, struct cmaw_diag *diag)
{
    if (args->output == NULL) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "provision: missing --output FILE");
    }
    if (!args->keep_policies && (args->kms_url == NULL || args->region == NULL || args->admin_arn == NULL || args->instance_arn == NULL)) {
        cmaw_diag_hint(diag, "or --keep-policies, if the keys have them already");
        return cmaw_diag_set(diag, CMAW_E_USAGE, "provision: policies need --kms-url, --region, --admin-arn and --instance-arn");
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_command_provision(int argc, char **argv, struct cmaw_diag *diag)
{
    struct provision_args args = {0};
    const struct cmaw_option options[] = {
        {"enclave", "ROLE=ADDRESS", "a running enclave of that role: vsock:CID:PORT or uds:PATH:PORT; repeat", NULL, &args.enclaves, NULL},
        {"output", "FILE", "where to write the bundle", &args.output, NULL, NULL, 'o'},
        {"kms-url", "URL", "KMS, to set the key policies", &args.kms_url, NULL, NULL},
        {"ca-file", "FILE", "its roots, where they are not the system's", &args.ca_file, NULL, NULL},
        {"region", "NAME", "its region", &args.region, NULL, NULL},
        {"admin-arn", "ARN", "who may change the keys' policies", &args.admin_arn, NULL, NULL},
        {"instance-arn", "ARN", "the role of the host that runs the enclaves", &args.instance_arn, NULL, NULL},
        CMAW_OPTION_UNSIGNED(args.accept_unsigned),
        {"keep-policies", NULL, "do not touch the key policies", NULL, NULL, &args.keep_policies},
        CMAW_AWS_OPTIONS(args.aws),
        CMAW_OPTION_END};
    const struct cmaw_usage usage = {
        .verb = "provision", .words = "MANIFEST", .min_words = 1, .max_words = 1, .options = options,
        .example = "cmaw provision prod.manifest --enclave intake=vsock:16:5000 --keep-policies --output prod.bundle",
        .summary = "Sets the policy of each role's KMS key, lets an enclave of each role make its key (a birth), and writes the bundle\n"
                   "that clients pin. Credentials of the instance role: as 'cmaw credentials' finds them; of the key administrator:\n"
                   "CMAW_ADMIN_ACCESS_KEY_ID, CMAW_ADMIN_SECRET_ACCESS_KEY, CMAW_ADMIN_SESSION_TOKEN."};
    struct cmaw_words words;
    bool help;
    CMAW_TRY(cmaw_options_parse(&usage, argc, argv, &words, &help, diag));
    CMAW_REQUIRE(!help, CMAW_OK);
    CMAW_TRY(check_args(&args, diag));
    CMAW_BUF_AUTO(bytes, CMAW_MANIFEST_MAX);
    CMAW_TRY(cmaw_file_read(words.items[0], &bytes, diag));
    struct cmaw_manifest *manifest = calloc(1, sizeof *manifest);
    CMAW_REQUIRE(manifest != NULL, CMAW_E_NO_MEMORY);
    enum cmaw_err err = cmaw_manifest_parse(cmaw_buf_slice(&bytes), manifest);
    if (err != CMAW_OK) {
        cmaw_diag_hint(diag, "cmaw manifest new makes one from YAML");
    }
    err = err != CMAW_OK ? cmaw_diag_set(diag, err, "%s is not a manifest", words.items[0])
                         : provision(cmaw_buf_slice(&bytes), manifest, &args, diag);
    free(manifest);
    return err;
}
