/* Host names of AWS's regional endpoints, in all partitions. The table is that of botocore's endpoints.json and partitions.json, against
 * which a test compares it. */
#ifndef CMAW_AWS_ENDPOINT_H
#define CMAW_AWS_ENDPOINT_H

#include "lib/base/bytes.h"

enum { CMAW_AWS_REGION_SIZE = 32, CMAW_AWS_HOST_SIZE = 128 }; /* with their NUL */

/* The fourth field of an ARN ("arn:aws:kms:eu-central-1:…"): a name of [a-z0-9-]. MALFORMED for anything else. */
enum cmaw_err cmaw_aws_region_of(struct cmaw_slice arn, char ret_region[static CMAW_AWS_REGION_SIZE]);

/* "kms.eu-central-1.amazonaws.com", with fips "kms-fips.eu-central-1.amazonaws.com". The partition of arn must be known, its region of the
 * form that regions of that partition have, service must be the ARN's own; MALFORMED otherwise. Whether AWS offers the FIPS name in that region is not checked here: a
 * name that does not exist has no certificate. */
enum cmaw_err cmaw_aws_host_of(struct cmaw_slice arn, const char *service, bool fips, char ret_host[static CMAW_AWS_HOST_SIZE]);

#endif
