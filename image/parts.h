/* The parts of an image, byte for byte the same for the same input: no time, user, host or order of a folder gets in. */
#ifndef CMAW_IMAGE_PARTS_H
#define CMAW_IMAGE_PARTS_H

#include "image/spec.h"

enum {
    IMAGE_RAMDISK_MAX = 512 * (1 << 20), /* bytes */
    IMAGE_PEM_MAX = 256 * 1024,          /* bytes of TLS roots: what the enclave's TLS accepts */
};

/* Settings that are not in the YAML file, or in it and overridden; NULL: not given. Paths are as the shell sees them. */
struct image_overrides {
    const char *init, *kms_host, *kms_roots, *attestation_root;
    bool debug;
};

/* A file name of the YAML, relative to that file. TOO_LARGE. */
enum cmaw_err cmaw_image_source_path(const struct image_spec *spec, const char *name, struct cmaw_buf *ret_path);
/* Appends a regular file that is not reached through a symbolic link as its last part. The diag names the file. */
enum cmaw_err cmaw_image_source_read(const char *path, struct cmaw_buf *content, struct cmaw_diag *diag);

/* conf.c: /etc/cmaw/enclave.conf and what it needs to know of the YAML: sorted lines key=value. */
enum cmaw_err cmaw_image_conf_put(const struct image_spec *spec, const char *kms_host, struct cmaw_slice attestation_root, bool debug,
                             struct cmaw_buf *conf, struct cmaw_diag *diag);

/* ramdisk.c: plain newc archives. Not compressed: what gzip makes differs between versions of zlib, and with it the PCRs. */
enum cmaw_err cmaw_image_boot_ramdisk(struct cmaw_slice init, struct cmaw_buf *ramdisk);
enum cmaw_err cmaw_image_root_ramdisk(const struct image_spec *spec, struct cmaw_slice conf, struct cmaw_slice kms_roots,
                                 struct cmaw_buf *ramdisk, struct cmaw_diag *diag);

/* metadata.c: the JSON section. Has every key that nitro-cli's schema and AWS's reader ask for, and a fixed time. */
enum cmaw_err cmaw_image_metadata_put(const char *name, bool has_kernel, struct cmaw_buf *json);

#endif
