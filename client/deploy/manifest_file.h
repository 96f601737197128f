/* Manifests: made from images and keys, and shown. */
#ifndef CMAW_CLIENT_DEPLOY_MANIFEST_FILE_H
#define CMAW_CLIENT_DEPLOY_MANIFEST_FILE_H

#include "client/json.h"
#include "lib/sst/manifest.h"

/* What a manifest says of one role, with the storage for it. */
struct cmaw_manifest_role_spec {
    uint32_t id;
    char name[CMAW_NAME_MAX + 1];
    char kms_key_arn[CMAW_ARN_MAX + 1];
    uint32_t measurement_count;
    uint8_t pcrs[CMAW_MEASUREMENTS_MAX][CMAW_MEASURED_PCRS][CMAW_PCR_SIZE];
    bool given[CMAW_MEASUREMENTS_MAX][CMAW_MEASURED_PCRS];
};
/* About 110 KiB: on the heap. */
struct cmaw_manifest_spec {
    char tenant[CMAW_NAME_MAX + 1];
    uint64_t serial, epoch;
    uint64_t not_before_ms, not_after_ms;
    struct cmaw_bytes32 attestation_root;
    size_t role_count;
    struct cmaw_manifest_role_spec roles[CMAW_ROLES_MAX];
};

/* Appends the Manifest; MALFORMED where it breaks a limit of PROTOCOL.md section 4. */
enum cmaw_err cmaw_manifest_make(const struct cmaw_manifest_spec *spec, struct cmaw_buf *manifest, struct cmaw_diag *diag);
/* Adds PCR0, 1 and 2 (8 if it is signed) of an image file to a role. */
enum cmaw_err cmaw_manifest_add_image(struct cmaw_manifest_role_spec *role, const char *eif, struct cmaw_diag *diag);
/* The SHA-256 of a root certificate in DER. */
enum cmaw_err cmaw_manifest_root_of_file(const char *path, struct cmaw_bytes32 *ret_root, struct cmaw_diag *diag);
/* A manifest's YAML, with paths relative to it. */
enum cmaw_err cmaw_manifest_from_yaml(const char *path, struct cmaw_buf *manifest, struct cmaw_diag *diag);
/* All of it as JSON. */
enum cmaw_err cmaw_manifest_json(const struct cmaw_manifest *manifest, json_t **ret_json);

#endif
