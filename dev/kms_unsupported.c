#include "dev/kms.h"

static enum cmaw_err check_nothing(struct cmaw_kms_call *call)
{
    (void)call;
    return CMAW_OK;
}

static enum cmaw_err refuse(struct cmaw_kms_call *call)
{
    return cmaw_fault_set(&call->fault, CMAW_FAULT_UNSUPPORTED);
}

#define CHANGES(name) {name, check_nothing, refuse, false, false, NULL}
#define READS(name) {name, check_nothing, refuse, false, true, NULL}

const struct cmaw_kms_operation cmaw_kms_unsupported_operations[] = {
    CHANGES("ConnectCustomKeyStore"),
    CHANGES("CreateCustomKeyStore"),
    READS("Decapsulate"),
    CHANGES("DeleteCustomKeyStore"),
    CHANGES("DeleteImportedKeyMaterial"),
    READS("DeriveSharedSecret"),
    READS("DescribeCustomKeyStores"),
    CHANGES("DisableKeyRotation"),
    CHANGES("DisconnectCustomKeyStore"),
    CHANGES("EnableKeyRotation"),
    READS("Encapsulate"),
    READS("GenerateMac"),
    READS("GetKeyLastUsage"),
    READS("GetParametersForImport"),
    CHANGES("ImportKeyMaterial"),
    READS("ListKeyRotations"),
    CHANGES("ReplicateKey"),
    CHANGES("RotateKeyOnDemand"),
    CHANGES("UpdateCustomKeyStore"),
    CHANGES("UpdatePrimaryRegion"),
    READS("VerifyMac"),
    {NULL},
};
