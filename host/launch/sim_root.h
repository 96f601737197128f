/* The inside of the sim backend: what the new process does, in its new namespaces, before it becomes /init. */
#ifndef CMAW_LAUNCH_SIM_ROOT_H
#define CMAW_LAUNCH_SIM_ROOT_H

#include <sys/types.h>

#include "host/launch/image.h"

struct launch_child {
    const struct launch_image *image;
    bool new_user;    /* a user namespace was made: become its root */
    uid_t uid;        /* of the launcher, seen from outside */
    gid_t gid;
    int incoming, outgoing; /* the enclave's ends */
    int console;      /* -1: what it prints is dropped */
    int report;       /* pipe to the launcher */
};

/* What goes through the report pipe; nothing does if all went well. */
struct launch_report {
    enum cmaw_err err;
    struct cmaw_diag diag;
};

/* Does not return. */
[[gnu::noreturn]] void cmaw_launch_child(struct launch_child *child);

#endif
