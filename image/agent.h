/* How the agent is run: what the YAML file says over what the configuration of its root file system says. */
#ifndef CMAW_IMAGE_AGENT_H
#define CMAW_IMAGE_AGENT_H

#include "image/rootfs.h"
#include "image/spec.h"

struct image_runtime {
    struct image_words command; /* the first is an absolute path */
    struct image_words env;
    char *workdir;              /* absolute; NULL: the root */
};

/* Puts the YAML file's own files over the root file system, and empties the folders that the runtime mounts over. */
enum cmaw_err cmaw_image_agent_files(const struct image_spec *spec, struct image_rootfs *rootfs, struct cmaw_diag *diag);
/* Merges, finds the program as a shell would (PATH of the environment, workdir), and refuses one that cannot be run: not there, not executable,
 * its interpreter or loader not in the image. May add the working folder to the tree. */
enum cmaw_err cmaw_image_agent_runtime(const struct image_spec *spec, struct image_rootfs *rootfs, struct image_runtime *ret_runtime,
                                       struct cmaw_diag *diag);
void cmaw_image_runtime_free(struct image_runtime *runtime);

#endif
