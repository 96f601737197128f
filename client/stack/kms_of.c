#include "client/stack/kms_of.h"

#include <stdio.h>

enum cmaw_err cmaw_stack_kms(const struct cmaw_stack *stack, const char *who, struct cmaw_stack_kms *kms, struct cmaw_diag *diag)
{
    CMAW_TRY(cmaw_stack_access_key(stack, who, &kms->key, diag));
    CMAW_TRY(cmaw_stack_path(stack, kms->ca_file, diag, "devd/tls-ca.pem"));
    (void)snprintf(kms->url, sizeof kms->url, "https://127.0.0.1:%u", stack->ports[CMAW_PORT_DEVD]);
    (void)snprintf(kms->admin, sizeof kms->admin, "arn:aws:iam::%s:role/kms-admin", stack->account);
    (void)snprintf(kms->instance, sizeof kms->instance, "arn:aws:iam::%s:role/enclave-parent", stack->account);
    kms->endpoint = (struct cmaw_aws_endpoint){.url = kms->url, .region = stack->region, .ca_file = kms->ca_file,
                                               .credentials = {cmaw_slice_of_cstr(kms->key.id), cmaw_slice_of_cstr(kms->key.secret), CMAW_SLICE_EMPTY}};
    kms->principals = (struct cmaw_kms_principals){.admin = kms->admin, .instance = kms->instance};
    return CMAW_OK;
}

void cmaw_stack_kms_wipe(struct cmaw_stack_kms *kms)
{
    cmaw_wipe(&kms->key, sizeof kms->key);
}
