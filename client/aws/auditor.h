/* Where CloudTrail is asked about a key, and as whom. */
#ifndef CMAW_CLIENT_AWS_AUDITOR_H
#define CMAW_CLIENT_AWS_AUDITOR_H

#include "client/aws/options.h"
#include "client/stack/kms_of.h"
#include "lib/aws/endpoint.h"

struct cmaw_auditor_settings {
    const char *endpoint;          /* URL; NULL: see below */
    const struct cmaw_stack *stack; /* the run's own, where it is on this machine; else NULL */
    const struct cmaw_aws_options *aws; /* whose keys to take, but for the stack's */
};

/* An endpoint with the storage for its texts; it must not be moved. Wipe with cmaw_auditor_wipe. */
struct cmaw_auditor {
    char url[CMAW_AWS_HOST_SIZE + 200];
    char region[CMAW_AWS_REGION_SIZE];
    bool of_stack; /* the emulator of the stack */
    struct cmaw_stack_kms kms;
    struct cmaw_aws_keys keys;
    struct cmaw_aws_endpoint endpoint;
};
void cmaw_auditor_wipe(struct cmaw_auditor *auditor);

/* The endpoint is the one given; else the stack's emulator with its auditor; else AWS_ENDPOINT_URL_CLOUDTRAIL, AWS_ENDPOINT_URL (unless
 * AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is true), as AWS's SDKs have it; else the regional one of the key's ARN. Roots are those of AWS_CA_BUNDLE, else the system's.
 * NOT_FOUND: no credentials, and as sys/aws/chain.h; USAGE: no https URL; MALFORMED: an ARN of no known region. */
enum cmaw_err cmaw_auditor_find(const struct cmaw_auditor_settings *settings, struct cmaw_slice key_arn, struct cmaw_auditor *auditor,
                                struct cmaw_diag *diag);

#endif
