#include "client/aws/options.h"

enum cmaw_err cmaw_aws_options_settings(const struct cmaw_aws_options *options, struct cmaw_aws_settings *ret_settings,
                                        struct cmaw_diag *diag)
{
    struct cmaw_aws_settings settings = {.profile = options->profile};

    if (options->source != NULL) {
        CMAW_TRY(cmaw_aws_source_parse(options->source, &settings.source, diag));
    }
    *ret_settings = settings;
    return CMAW_OK;
}
