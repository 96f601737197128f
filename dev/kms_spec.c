#include "dev/kms_spec.h"

#include <string.h>

const char *const cmaw_kms_key_specs[] = {
    "SYMMETRIC_DEFAULT", "RSA_2048", "RSA_3072", "RSA_4096", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521",
    "ECC_SECG_P256K1", "HMAC_224", "HMAC_256", "HMAC_384", "HMAC_512", "SM2", "ML_DSA_44", "ML_DSA_65", "ML_DSA_87",
    "ECC_NIST_EDWARDS25519", "ML_KEM_512", "ML_KEM_768", "ML_KEM_1024", NULL,
};
const char *const cmaw_kms_key_usages[] = {
    "ENCRYPT_DECRYPT", "SIGN_VERIFY", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT", "ENCAPSULATE_DECAPSULATE", NULL,
};
const char *const cmaw_kms_pair_specs[] = {
    "RSA_2048", "RSA_3072", "RSA_4096", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "ECC_SECG_P256K1", "SM2",
    "ECC_NIST_EDWARDS25519", "ML_KEM_512", "ML_KEM_768", "ML_KEM_1024", NULL,
};
const char *const cmaw_kms_signing_algorithms[] = {
    "RSASSA_PSS_SHA_256", "RSASSA_PSS_SHA_384", "RSASSA_PSS_SHA_512", "RSASSA_PKCS1_V1_5_SHA_256",
    "RSASSA_PKCS1_V1_5_SHA_384", "RSASSA_PKCS1_V1_5_SHA_512", "ECDSA_SHA_256", "ECDSA_SHA_384", "ECDSA_SHA_512",
    "SM2DSA", "ML_DSA_SHAKE_256", "ED25519_SHA_512", "ED25519_PH_SHA_512", NULL,
};
const char *const cmaw_kms_encryption_algorithms[] = {
    "SYMMETRIC_DEFAULT", "RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256", "SM2PKE", NULL,
};

#define RSA_ALGORITHMS                                                                                               \
    {"RSASSA_PKCS1_V1_5_SHA_256", "RSASSA_PKCS1_V1_5_SHA_384", "RSASSA_PKCS1_V1_5_SHA_512", "RSASSA_PSS_SHA_256", \
     "RSASSA_PSS_SHA_384", "RSASSA_PSS_SHA_512"}

static const struct cmaw_kms_spec specs[] = {
    {"ECC_NIST_P256", CMAW_PAIR_P256, {"ECDSA_SHA_256"}},
    {"ECC_NIST_P384", CMAW_PAIR_P384, {"ECDSA_SHA_384"}},
    {"ECC_NIST_P521", CMAW_PAIR_P521, {"ECDSA_SHA_512"}},
    {"ECC_SECG_P256K1", CMAW_PAIR_SECP256K1, {"ECDSA_SHA_256"}},
    {"RSA_2048", CMAW_PAIR_RSA_2048, RSA_ALGORITHMS},
    {"RSA_3072", CMAW_PAIR_RSA_3072, RSA_ALGORITHMS},
    {"RSA_4096", CMAW_PAIR_RSA_4096, RSA_ALGORITHMS},
};

static const struct cmaw_kms_algorithm algorithms[] = {
    {"ECDSA_SHA_256", CMAW_PAIR_ECDSA, CMAW_SHA256},
    {"ECDSA_SHA_384", CMAW_PAIR_ECDSA, CMAW_SHA384},
    {"ECDSA_SHA_512", CMAW_PAIR_ECDSA, CMAW_SHA512},
    {"RSASSA_PKCS1_V1_5_SHA_256", CMAW_PAIR_PKCS1, CMAW_SHA256},
    {"RSASSA_PKCS1_V1_5_SHA_384", CMAW_PAIR_PKCS1, CMAW_SHA384},
    {"RSASSA_PKCS1_V1_5_SHA_512", CMAW_PAIR_PKCS1, CMAW_SHA512},
    {"RSASSA_PSS_SHA_256", CMAW_PAIR_PSS, CMAW_SHA256},
    {"RSASSA_PSS_SHA_384", CMAW_PAIR_PSS, CMAW_SHA384},
    {"RSASSA_PSS_SHA_512", CMAW_PAIR_PSS, CMAW_SHA512},
};

const struct cmaw_kms_spec *cmaw_kms_spec_find(const char *name)
{
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++) {
        if (strcmp(specs[i].name, name) == 0) {
            return &specs[i];
        }
    }
    return NULL;
}

const struct cmaw_kms_algorithm *cmaw_kms_spec_algorithm(const struct cmaw_kms_spec *spec, const char *name)
{
    bool signs = false;
    for (size_t i = 0; spec->algorithms[i] != NULL; i++) {
        signs |= strcmp(spec->algorithms[i], name) == 0;
    }
    for (size_t i = 0; signs && i < sizeof algorithms / sizeof algorithms[0]; i++) {
        if (strcmp(algorithms[i].name, name) == 0) {
            return &algorithms[i];
        }
    }
    return NULL;
}
