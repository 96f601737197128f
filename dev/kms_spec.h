/* What kinds of key and pair there are, and what each signs with; the names are those of KMS's service model. */
#ifndef CMAW_DEV_KMS_SPEC_H
#define CMAW_DEV_KMS_SPEC_H

#include "lib/crypto/pair.h"

enum { CMAW_KMS_SPEC_ALGORITHMS = 6 };

/* An asymmetric kind that the emulator makes. */
struct cmaw_kms_spec {
    const char *name; /* "ECC_NIST_P256" */
    enum cmaw_pair_kind kind;
    const char *algorithms[CMAW_KMS_SPEC_ALGORITHMS + 1]; /* that it signs with; the last is NULL */
};

struct cmaw_kms_algorithm {
    const char *name; /* "ECDSA_SHA_256" */
    enum cmaw_pair_scheme scheme;
    enum cmaw_hash_alg hash;
};

/* NULL: KMS may know it, the emulator does not make it. */
const struct cmaw_kms_spec *cmaw_kms_spec_find(const char *name);
/* NULL unless keys of this kind sign with it. */
const struct cmaw_kms_algorithm *cmaw_kms_spec_algorithm(const struct cmaw_kms_spec *spec, const char *name);

/* All names that KMS accepts, each list ending with NULL; the first is the default where there is one. */
extern const char *const cmaw_kms_key_specs[], *const cmaw_kms_key_usages[], *const cmaw_kms_pair_specs[],
    *const cmaw_kms_signing_algorithms[], *const cmaw_kms_encryption_algorithms[];

#endif
