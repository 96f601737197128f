/* The options of verbs that call AWS on the user's behalf. */
#ifndef CMAW_CLIENT_AWS_OPTIONS_H
#define CMAW_CLIENT_AWS_OPTIONS_H

#include "client/options.h"
#include "sys/aws/chain.h"

struct cmaw_aws_options {
    const char *source;
    const char *profile;
};

/* Two rows of a table of struct cmaw_option. */
#define CMAW_AWS_OPTIONS(options)                                                                                                       \
    {"credentials", "SOURCE", "auto, environment, profile, container or imds", &(options).source, NULL, NULL},                         \
    {"profile", "NAME", "in ~/.aws/credentials and ~/.aws/config ($AWS_PROFILE, or default)", &(options).profile, NULL, NULL}

/* USAGE: there is no such source. */
enum cmaw_err cmaw_aws_options_settings(const struct cmaw_aws_options *options, struct cmaw_aws_settings *ret_settings,
                                        struct cmaw_diag *diag);

#endif
