#include "host/worker/config.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "sys/daemon.h"
#include "sys/file.h"

enum { ACTIVITIES_DEFAULT = 16, ACTIVITIES_MAX = 256, GRACE_DEFAULT_MS = 10000, GRACE_MAX_MS = 3600000 };

enum option_id { OPTION_TEMPORAL = 1, OPTION_NAMESPACE, OPTION_BUNDLE, OPTION_ENCLAVE, OPTION_ACTIVITIES, OPTION_GRACE,
    OPTION_CREDENTIALS, OPTION_PROFILE, OPTION_READY_FD, OPTION_HTTP, OPTION_LOG_FORMAT, OPTION_HELP, OPTION_VERSION };

static const struct option options[] = {
    {"temporal", required_argument, NULL, OPTION_TEMPORAL},
    {"namespace", required_argument, NULL, OPTION_NAMESPACE},
    {"bundle", required_argument, NULL, OPTION_BUNDLE},
    {"enclave", required_argument, NULL, OPTION_ENCLAVE},
    {"activities", required_argument, NULL, OPTION_ACTIVITIES},
    {"grace-ms", required_argument, NULL, OPTION_GRACE},
    {"credentials", required_argument, NULL, OPTION_CREDENTIALS},
    {"profile", required_argument, NULL, OPTION_PROFILE},
    {"ready-fd", required_argument, NULL, OPTION_READY_FD},
    {"http", required_argument, NULL, OPTION_HTTP},
    {"log-format", required_argument, NULL, OPTION_LOG_FORMAT},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

void cmaw_worker_usage(void)
{
    printf("usage: cmaw-worker --temporal HOST:PORT --bundle FILE --enclave ROLE=ADDR... [options]\n\n"
           "Runs workflows: interprets their plans and passes their sealed states through the enclaves of this host.\n"
           "It holds no key that opens a state.\n\n"
           "  --temporal HOST:PORT   the Temporal server\n"
           "  --namespace NAME       its namespace (default)\n"
           "  --bundle FILE          the deployment, from 'cmaw provision'\n"
           "  --enclave ROLE=ADDR    an enclave of this host, by the role's name: vsock:CID:PORT or uds:PATH:PORT\n"
           "  --activities N         steps at once for each role (%d)\n"
           "  --grace-ms N           what running steps get to end in at SIGTERM (%d)\n"
           "  --credentials SOURCE   of the instance role: auto, environment, profile, container or imds (auto)\n"
           "  --profile NAME         in ~/.aws/credentials and ~/.aws/config ($AWS_PROFILE, or default)\n"
           "  --ready-fd N           write \"ready\" to this descriptor when serving\n"
           "  --http [ADDRESS:]PORT  serve /healthz, /readyz and /metrics there (127.0.0.1)\n"
           "  --log-format FORMAT    text or json: one object a line (text)\n\n"
           "AWS credentials come from the first that has some: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN;\n"
           "a profile with static keys; the container agent of AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI; the instance\n"
           "metadata service, version 2 only (AWS_EC2_METADATA_SERVICE_ENDPOINT). They are renewed before they expire.\n\n"
           "example: cmaw-worker --temporal 127.0.0.1:7233 --bundle bundle.bin --enclave intake=vsock:16:5000\n",
        ACTIVITIES_DEFAULT, GRACE_DEFAULT_MS);
}

static enum cmaw_err parse_number(const char *name, const char *text, uint64_t least, uint64_t most, uint64_t *ret_value,
                                  struct cmaw_diag *diag)
{
    if (cmaw_parse_u64(text, most, ret_value) != CMAW_OK || *ret_value < least) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "%s must be %llu to %llu", name, (unsigned long long)least,
            (unsigned long long)most);
    }
    return CMAW_OK;
}

static enum cmaw_err add_enclave(struct cmaw_worker_config *config, const char *text, struct cmaw_diag *diag)
{
    const char *equals = strchr(text, '=');

    if (equals == NULL || equals == text || (size_t)(equals - text) > CMAW_NAME_MAX) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "--enclave wants ROLE=ADDR");
    }
    if (config->role_count == CMAW_ROLES_MAX) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "more than %d enclaves", CMAW_ROLES_MAX);
    }
    struct cmaw_worker_role *role = &config->roles[config->role_count];
    snprintf(role->name, sizeof role->name, "%.*s", (int)(equals - text), text);
    CMAW_TRY(cmaw_addr_parse(equals + 1, &role->addr, diag));
    config->role_count++;
    return CMAW_OK;
}

/* One option. bundle gets its file name. */
static enum cmaw_err take_option(struct cmaw_worker_config *config, int id, const char **bundle, struct cmaw_diag *diag)
{
    uint64_t number = 0;

    switch (id) {
    case OPTION_TEMPORAL:
        config->temporal = optarg;
        return CMAW_OK;
    case OPTION_NAMESPACE:
        config->ns = optarg;
        return CMAW_OK;
    case OPTION_BUNDLE:
        *bundle = optarg;
        return CMAW_OK;
    case OPTION_ENCLAVE:
        return add_enclave(config, optarg, diag);
    case OPTION_ACTIVITIES:
        CMAW_TRY(parse_number("--activities", optarg, 1, ACTIVITIES_MAX, &number, diag));
        config->activities = (uint32_t)number;
        return CMAW_OK;
    case OPTION_GRACE:
        return parse_number("--grace-ms", optarg, 0, GRACE_MAX_MS, &config->grace_ms, diag);
    case OPTION_CREDENTIALS:
        return cmaw_aws_source_parse(optarg, &config->aws.source, diag);
    case OPTION_PROFILE:
        config->aws.profile = optarg;
        return CMAW_OK;
    case OPTION_READY_FD:
        CMAW_TRY(parse_number("--ready-fd", optarg, 0, 65535, &number, diag));
        config->ready_fd = (int)number;
        return CMAW_OK;
    case OPTION_HTTP:
        config->http = optarg;
        return CMAW_OK;
    case OPTION_LOG_FORMAT:
        return cmaw_log_option(optarg, diag);
    default:
        cmaw_diag_hint(diag, "'cmaw-worker --help' shows the options");
        return cmaw_diag_set(diag, CMAW_E_USAGE, "wrong usage");
    }
}

static enum cmaw_err read_options(int argc, char **argv, struct cmaw_worker_config *config, enum cmaw_worker_action *ret_action,
                                  const char **ret_bundle, struct cmaw_diag *diag)
{
    int id;

    opterr = 0;
    while ((id = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (id == OPTION_HELP || id == OPTION_VERSION) {
            *ret_action = id == OPTION_HELP ? CMAW_WORKER_HELP : CMAW_WORKER_VERSION;
            return CMAW_OK;
        }
        CMAW_TRY(take_option(config, id, ret_bundle, diag));
    }
    if (optind != argc || config->temporal == NULL || *ret_bundle == NULL || config->role_count == 0) {
        cmaw_diag_hint(diag, "'cmaw-worker --help' shows the options");
        return cmaw_diag_set(diag, CMAW_E_USAGE, "--temporal, --bundle and --enclave are required");
    }
    return CMAW_OK;
}

static enum cmaw_err read_bundle(struct cmaw_worker_config *config, const char *path, struct cmaw_diag *diag)
{
    CMAW_TRY(cmaw_file_read(path, &config->bundle_bytes, diag));
    enum cmaw_err err = cmaw_bundle_parse(cmaw_buf_slice(&config->bundle_bytes), &config->bundle);
    if (err == CMAW_OK) {
        err = cmaw_manifest_parse(config->bundle.manifest, &config->manifest);
    }
    if (err == CMAW_OK) {
        err = cmaw_slice_to_cstr(config->manifest.tenant, config->tenant, sizeof config->tenant);
    }
    if (err != CMAW_OK) {
        cmaw_diag_hint(diag, "it is written by 'cmaw provision'");
        return cmaw_diag_set(diag, err, "%s is not a bundle", path);
    }
    return CMAW_OK;
}

static enum cmaw_err find_roles(struct cmaw_worker_config *config, struct cmaw_diag *diag)
{
    for (uint32_t i = 0; i < config->role_count; i++) {
        struct cmaw_worker_role *role = &config->roles[i];
        const struct cmaw_role *named = cmaw_manifest_role_named(&config->manifest, cmaw_slice_of_cstr(role->name));
        if (named != NULL) {
            role->key = cmaw_bundle_role(&config->bundle, named->id);
        }
        if (role->key == NULL) {
            return cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "the bundle has no role %s", role->name);
        }
        for (uint32_t k = 0; k < i; k++) {
            if (config->roles[k].key == role->key) {
                return cmaw_diag_set(diag, CMAW_E_USAGE, "role %s has two enclaves; start a worker for each", role->name);
            }
        }
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_worker_config_read(int argc, char **argv, struct cmaw_worker_config *config,
                                      enum cmaw_worker_action *ret_action, struct cmaw_diag *diag)
{
    const char *bundle = NULL;

    config->ns = "default";
    config->activities = ACTIVITIES_DEFAULT;
    config->grace_ms = GRACE_DEFAULT_MS;
    config->ready_fd = -1;
    config->bundle_bytes = CMAW_BUF(CMAW_BUNDLE_MAX);
    *ret_action = CMAW_WORKER_RUN;
    CMAW_TRY(read_options(argc, argv, config, ret_action, &bundle, diag));
    if (*ret_action != CMAW_WORKER_RUN) {
        return CMAW_OK;
    }
    CMAW_TRY(read_bundle(config, bundle, diag));
    return find_roles(config, diag);
}

void cmaw_worker_config_free(struct cmaw_worker_config *config)
{
    cmaw_buf_free(&config->bundle_bytes);
}
