/* A backend starts an image and gives the launcher one way in and one way out. sim is the only one so far; QEMU's
 * nitro-enclave machine and nitro-cli are to follow. */
#ifndef CMAW_LAUNCH_BACKEND_H
#define CMAW_LAUNCH_BACKEND_H

#include <sys/types.h>

#include "host/launch/image.h"
#include "host/launch/options.h"

struct launch_enclave {
    pid_t pid;
    int pidfd;    /* readable once the enclave has ended */
    int incoming; /* SOCK_SEQPACKET: we send {u32be port} with the host's connection */
    int outgoing; /* SOCK_SEQPACKET: the enclave sends {u32be port}, we answer {u32be errno} with a connection */
    int console;  /* what the enclave prints; -1 unless in debug mode */
};

#define LAUNCH_ENCLAVE_NONE ((struct launch_enclave){0, -1, -1, -1, -1})

struct launch_backend {
    const char *name;
    const char *warning; /* logged on every start; NULL: nothing to warn of */
    /* Returns once the enclave's first program runs. */
    enum cmaw_err (*start)(const struct launch_image *image, const struct launch_options *options,
                           struct launch_enclave *ret_enclave, struct cmaw_diag *diag);
};

/* USAGE if there is none of that name. */
enum cmaw_err cmaw_launch_backend_find(const char *name, const struct launch_backend **ret_backend, struct cmaw_diag *diag);
/* Kills the enclave with all its processes, waits for its end, and closes the descriptors. Does nothing for none. */
void cmaw_launch_enclave_end(struct launch_enclave *enclave);

/* backends */
extern const struct launch_backend cmaw_launch_sim;

#endif
