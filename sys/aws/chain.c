#include "sys/aws/chain.h"

static enum cmaw_err ask(enum cmaw_aws_source source, const char *profile, struct cmaw_aws_keys *ret_keys, struct cmaw_diag *diag)
{
    switch (source) {
    case CMAW_AWS_ENVIRONMENT: return cmaw_aws_environment_keys(ret_keys, diag);
    case CMAW_AWS_PROFILE: return cmaw_aws_shared_keys(profile, ret_keys, diag);
    case CMAW_AWS_CONTAINER: return cmaw_aws_container_keys(ret_keys, diag);
    case CMAW_AWS_IMDS: return cmaw_aws_imds_keys(ret_keys, diag);
    default: return CMAW_E_BUG;
    }
}

static bool is_absent(enum cmaw_aws_source source, enum cmaw_err err)
{
    return err == CMAW_E_NOT_FOUND || (source == CMAW_AWS_IMDS && (err == CMAW_E_UNAVAILABLE || err == CMAW_E_TIMEOUT));
}

enum cmaw_err cmaw_aws_keys_find(struct cmaw_aws_settings *settings, struct cmaw_aws_keys *ret_keys, struct cmaw_diag *diag)
{
    if (settings->source != CMAW_AWS_AUTO) {
        return ask(settings->source, settings->profile, ret_keys, diag);
    }
    if (settings->profile != NULL) {
        settings->source = CMAW_AWS_PROFILE; /* who names a profile means no other place */
        return ask(settings->source, settings->profile, ret_keys, diag);
    }
    struct cmaw_diag why = {0};
    for (enum cmaw_aws_source source = CMAW_AWS_ENVIRONMENT; source <= CMAW_AWS_IMDS; source++) {
        why = (struct cmaw_diag){0};
        const enum cmaw_err err = ask(source, NULL, ret_keys, &why);
        if (err == CMAW_OK) {
            settings->source = source;
            return CMAW_OK;
        }
        if (!is_absent(source, err)) {
            *diag = why;
            return err;
        }
    }
    cmaw_diag_hint(diag, "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name the source that should have them with --credentials");
    return cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "there are no AWS credentials: none in the environment, in a profile, from a container agent, and %s", why.text);
}

enum cmaw_err cmaw_aws_region_find(const struct cmaw_aws_settings *settings, char ret_region[static CMAW_AWS_REGION_MAX + 1],
                                   struct cmaw_diag *diag)
{
    static const char *const variables[] = {"AWS_REGION", "AWS_DEFAULT_REGION"};

    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        const char *value = cmaw_aws_variable(variables[i]);
        if (value != NULL) {
            const enum cmaw_err err = cmaw_aws_region_set(cmaw_slice_of_cstr(value), ret_region);
            return err == CMAW_OK ? CMAW_OK : cmaw_diag_set(diag, err, "%s is no region", variables[i]);
        }
    }
    struct cmaw_diag why = {0};
    enum cmaw_err err = cmaw_aws_shared_region(settings->profile, ret_region, &why);
    if (err == CMAW_E_NOT_FOUND) {
        why = (struct cmaw_diag){0};
        err = cmaw_aws_imds_region(ret_region, &why);
    }
    if (is_absent(CMAW_AWS_IMDS, err)) {
        cmaw_diag_hint(diag, "set AWS_REGION");
        return cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "there is no region: none in the environment, in a profile, and %s", why.text);
    }
    if (err != CMAW_OK) {
        *diag = why;
    }
    return err;
}
