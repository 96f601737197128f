/* The places where access keys are found, one function each. All: NOT_FOUND, there are none at this place; another error: there should be,
 * and diag says in one line, which names the source, why they cannot be had. UNAVAILABLE, TIMEOUT, BUSY: asking again later may help.
 * ret_keys must hold none. */
#ifndef CMAW_SYS_AWS_SOURCES_H
#define CMAW_SYS_AWS_SOURCES_H

#include "sys/aws/keys.h"

enum { CMAW_AWS_REGION_MAX = 32 };

/* AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN. */
enum cmaw_err cmaw_aws_environment_keys(struct cmaw_aws_keys *ret_keys, struct cmaw_diag *diag);

/* Static keys of a profile, of $AWS_SHARED_CREDENTIALS_FILE (~/.aws/credentials), else $AWS_CONFIG_FILE (~/.aws/config). name NULL: $AWS_PROFILE, else "default".
 * UNSUPPORTED: the profile takes them from a program, a role or single sign-on. */
enum cmaw_err cmaw_aws_shared_keys(const char *name, struct cmaw_aws_keys *ret_keys, struct cmaw_diag *diag);
/* The region of a profile. */
enum cmaw_err cmaw_aws_shared_region(const char *name, char ret_region[static CMAW_AWS_REGION_MAX + 1], struct cmaw_diag *diag);

/* The agent that AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or AWS_CONTAINER_CREDENTIALS_FULL_URI names, with the token of
 * AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE or AWS_CONTAINER_AUTHORIZATION_TOKEN. Without TLS only loopback and the link-local addresses
 * of ECS and EKS are asked: USAGE. */
enum cmaw_err cmaw_aws_container_keys(struct cmaw_aws_keys *ret_keys, struct cmaw_diag *diag);

/* The instance metadata service, version 2 only, at AWS_EC2_METADATA_SERVICE_ENDPOINT or where EC2 has it. PEER: it speaks version 1
 * only, or no sense. NOT_FOUND: AWS_EC2_METADATA_DISABLED, or the instance has no role. */
enum cmaw_err cmaw_aws_imds_keys(struct cmaw_aws_keys *ret_keys, struct cmaw_diag *diag);
enum cmaw_err cmaw_aws_imds_region(char ret_region[static CMAW_AWS_REGION_MAX + 1], struct cmaw_diag *diag);

/* Copies a region if it has the form of one: [a-z0-9-]. MALFORMED. */
enum cmaw_err cmaw_aws_region_set(struct cmaw_slice text, char ret_region[static CMAW_AWS_REGION_MAX + 1]);
/* The value of a variable that is set and not empty, else NULL. */
const char *cmaw_aws_variable(const char *name);

#endif
