/* An enclave image as the launcher needs it: checked, measured, and for the simulation its ramdisks as one archive. */
#ifndef CMAW_LAUNCH_IMAGE_H
#define CMAW_LAUNCH_IMAGE_H

#include "lib/attest/eif.h"
#include "lib/base/diag.h"

enum {
    LAUNCH_EIF_MAX = 1 << 30,      /* bytes of a file */
    LAUNCH_RAMDISK_MAX = 2000 * (1 << 20), /* bytes of all ramdisks, unpacked */
};

struct launch_image {
    struct cmaw_buf file;
    struct cmaw_buf archive; /* cpio archives one after the other, once unpacked */
    struct cmaw_eif eif;     /* points into file */
    struct cmaw_eif_pcrs pcrs;
};

/* The file is hostile. The caller frees with cmaw_launch_image_free, also after a failure. */
enum cmaw_err cmaw_launch_image_load(const char *path, struct launch_image *image, struct cmaw_diag *diag);
/* Fills archive. */
enum cmaw_err cmaw_launch_image_unpack(const char *path, struct launch_image *image, struct cmaw_diag *diag);
/* UNSUPPORTED with a hint unless the kernel is one that a virtual machine can boot: a bzImage (Linux boot protocol), or with
 * aarch64 allowed an arm64 Image. An image for the simulation has none. */
enum cmaw_err cmaw_launch_image_boots(const char *path, const struct launch_image *image, bool aarch64_too, struct cmaw_diag *diag);
/* Wipes the contents; the measurements stay. */
void cmaw_launch_image_free(struct launch_image *image);

#endif
