#include <ctype.h>
#include <stdlib.h>

#include "sys/aws/sources.h"

const char *cmaw_aws_variable(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

enum cmaw_err cmaw_aws_region_set(struct cmaw_slice text, char ret_region[static CMAW_AWS_REGION_MAX + 1])
{
    CMAW_REQUIRE(text.size > 0, CMAW_E_MALFORMED);
    for (size_t i = 0; i < text.size; i++) {
        CMAW_REQUIRE(islower(text.data[i]) || isdigit(text.data[i]) || text.data[i] == '-', CMAW_E_MALFORMED);
    }
    return cmaw_slice_to_cstr(text, ret_region, CMAW_AWS_REGION_MAX + 1);
}

enum cmaw_err cmaw_aws_environment_keys(struct cmaw_aws_keys *ret_keys, struct cmaw_diag *diag)
{
    const char *id = cmaw_aws_variable("AWS_ACCESS_KEY_ID");
    const char *secret = cmaw_aws_variable("AWS_SECRET_ACCESS_KEY");

    if (id == NULL && secret == NULL) {
        cmaw_diag_hint(diag, "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or choose another source");
        return cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "environment: there are no AWS credentials");
    }
    if (id == NULL || secret == NULL) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "environment: AWS_%s is set and AWS_%s is not", id != NULL ? "ACCESS_KEY_ID" : "SECRET_ACCESS_KEY",
            id != NULL ? "SECRET_ACCESS_KEY" : "ACCESS_KEY_ID");
    }
    const struct cmaw_aws_credentials texts = {cmaw_slice_of_cstr(id), cmaw_slice_of_cstr(secret),
                                               cmaw_slice_of_cstr(getenv("AWS_SESSION_TOKEN"))};
    const enum cmaw_err err = cmaw_aws_keys_set(ret_keys, &texts);
    if (err != CMAW_OK) {
        return cmaw_diag_set(diag, err, "environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY or AWS_SESSION_TOKEN is not of its form");
    }
    ret_keys->source = CMAW_AWS_ENVIRONMENT;
    return CMAW_OK;
}
