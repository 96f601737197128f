/* Images that are given to cmaw-image, which are hostile. */
#ifndef CMAW_IMAGE_READ_H
#define CMAW_IMAGE_READ_H

#include "lib/attest/eif.h"
#include "lib/base/diag.h"

/* Reads the file into an empty buffer, which eif borrows from, and checks all of it, also the metadata. The diag names the field that is
 * wrong. TOO_LARGE over what file may hold. */
enum cmaw_err cmaw_image_read(const char *path, struct cmaw_buf *file, struct cmaw_eif *ret_eif, struct cmaw_diag *diag);

#endif
