/* Where AWS credentials and the region come from, for every program outside the enclave that needs them. */
#ifndef CMAW_SYS_AWS_CHAIN_H
#define CMAW_SYS_AWS_CHAIN_H

#include "sys/aws/sources.h"

struct cmaw_aws_settings {
    enum cmaw_aws_source source;
    const char *profile; /* NULL: AWS_PROFILE, else "default" */
};

/* Asks the source, or with AUTO each in order: environment (unless a profile was named), shared profile, container, instance metadata. The first that has
 * keys is what settings->source becomes, so that a renewal asks the same. A source that has broken ones ends the search with its error;
 * AUTO takes a metadata service that does not answer for one that does not exist: NOT_FOUND. Other errors as in sources.h. */
enum cmaw_err cmaw_aws_keys_find(struct cmaw_aws_settings *settings, struct cmaw_aws_keys *ret_keys, struct cmaw_diag *diag);
/* AWS_REGION, AWS_DEFAULT_REGION, the profile's region, the instance's. NOT_FOUND, and as in sources.h. */
enum cmaw_err cmaw_aws_region_find(const struct cmaw_aws_settings *settings, char ret_region[static CMAW_AWS_REGION_MAX + 1],
                                   struct cmaw_diag *diag);

#endif
