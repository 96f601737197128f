/* The parts of an image, byte for byte the same for the same input: no time, user, host or order of a folder gets in. */
#ifndef CMAW_IMAGE_PARTS_H
#define CMAW_IMAGE_PARTS_H

#include "image/agent.h"

enum {
    IMAGE_RAMDISK_MAX = 512 * (1 << 20), /* bytes */
    IMAGE_PEM_MAX = 256 * 1024,          /* bytes of TLS roots: what the enclave's TLS accepts */
};

/* Settings that are not in the YAML file, or in it and overridden; NULL: not given. Paths are as the shell sees them. */
struct image_overrides {
    const char *init, *kms_host, *kms_roots, *attestation_root;
    const char *kernel;  /* a file, "default" or "none" */
    const char *cmdline;
    const char *vm;      /* folder with bzImage */
    const char *sign_key, *sign_certificate;
    bool debug;
};

/* A file name of the YAML, relative to that file. TOO_LARGE. */
enum cmaw_err cmaw_image_source_path(const struct image_spec *spec, const char *name, struct cmaw_buf *ret_path);
/* Appends a regular file that is not reached through a symbolic link as its last part. The diag names the file. */
enum cmaw_err cmaw_image_source_read(const char *path, struct cmaw_buf *content, struct cmaw_diag *diag);

/* conf.c: /etc/cmaw/enclave.conf and what it needs to know of the YAML: sorted lines key=value. */
enum cmaw_err cmaw_image_conf_put(const struct image_spec *spec, const struct image_runtime *runtime, const struct image_overrides *overrides,
                             struct cmaw_slice attestation_root, struct cmaw_buf *conf, struct cmaw_diag *diag);

/* kernel.c: appends the kernel that the options or the YAML file name, or the pinned one, after checking that it is one, and gives the command line.
 * DENIED for another than the pinned one in its place. */
struct image_kernel {
    struct cmaw_buf content;
    const char *version;       /* for the metadata; constant */
    struct cmaw_slice cmdline; /* borrowed from where it was given */
};
enum cmaw_err cmaw_image_kernel_read(const struct image_spec *spec, const struct image_overrides *overrides, bool aarch64, struct image_kernel *kernel,
                                struct cmaw_diag *diag);

/* ramdisk.c: plain newc archives. Not compressed: what gzip makes differs between versions of zlib, and with it the PCRs. */
enum cmaw_err cmaw_image_boot_ramdisk(struct cmaw_slice init, struct cmaw_buf *ramdisk);
enum cmaw_err cmaw_image_root_ramdisk(const struct image_tree *agent, struct cmaw_slice conf, struct cmaw_slice kms_roots,
                                 struct cmaw_buf *ramdisk, struct cmaw_diag *diag);

/* metadata.c: the JSON section. Has every key that nitro-cli's schema and AWS's reader ask for, and a fixed time. */
enum cmaw_err cmaw_image_metadata_put(const char *name, const char *kernel_version, struct cmaw_buf *json);

#endif
