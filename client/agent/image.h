/* The image of an agent that is being written, unpacked: what its enclave would hold, and nothing else. */
#ifndef CMAW_CLIENT_AGENT_IMAGE_H
#define CMAW_CLIENT_AGENT_IMAGE_H

#include "lib/base/bytes.h"
#include "lib/base/diag.h"
#include "sys/file.h"

struct cmaw_agent_image {
    char folder[CMAW_PATH_MAX]; /* a temporary one; empty: none */
    char root[CMAW_PATH_MAX];   /* the agent's root file system in it */
    char conf[CMAW_PATH_MAX];   /* its enclave.conf */
    size_t bytes;               /* of the ramdisk with the agent's files */
};

/* Builds the image that a YAML file describes, with cmaw-image and roots of trust that are good for nothing, and unpacks the agent's part
 * below TMPDIR or /tmp. The caller frees, also after a failure. */
enum cmaw_err cmaw_agent_image_make(const char *yaml, struct cmaw_agent_image *image, struct cmaw_diag *diag);
/* Removes the folder. */
void cmaw_agent_image_free(struct cmaw_agent_image *image);
#define CMAW_AGENT_IMAGE_AUTO(name) [[gnu::cleanup(cmaw_agent_image_free)]] struct cmaw_agent_image name = {.folder = ""}

#endif
