/* The KMS emulator of a stack, as one of its principals calls it. */
#ifndef CMAW_CLIENT_STACK_KMS_OF_H
#define CMAW_CLIENT_STACK_KMS_OF_H

#include "client/aws/kms.h"
#include "client/stack/service.h"

/* An endpoint with the storage for its texts; endpoint points into it. */
struct cmaw_stack_kms {
    char url[64];
    char ca_file[CMAW_PATH_MAX];
    struct cmaw_access_key key;
    char admin[128];
    char instance[128];
    struct cmaw_aws_endpoint endpoint;
    struct cmaw_kms_principals principals;
};

/* who: "admin", "parent" or "auditor". It must not be moved; wipe with cmaw_stack_kms_wipe. */
enum cmaw_err cmaw_stack_kms(const struct cmaw_stack *stack, const char *who, struct cmaw_stack_kms *ret_kms, struct cmaw_diag *diag);
void cmaw_stack_kms_wipe(struct cmaw_stack_kms *kms);
#define CMAW_STACK_KMS_AUTO(name) [[gnu::cleanup(cmaw_stack_kms_wipe)]] struct cmaw_stack_kms name = {0}

#endif
