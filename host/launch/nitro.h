/* The inside of the nitro backend. nitro-cli starts an enclave and leaves it to a process of its own in the background: that one is
 * watched. Nothing here was run on hardware (docs/nitro.md). */
#ifndef CMAW_LAUNCH_NITRO_H
#define CMAW_LAUNCH_NITRO_H

#include "host/launch/backend.h"
#include "sys/proc.h"

struct launch_nitro {
    char path[CMAW_PATH_MAX];      /* of nitro-cli */
    bool runs;                     /* started by us, and not known to have ended */
    int pidfd;                     /* of the process that nitro-cli named; -1: none */
    bool holds;                    /* and it is known to hold the enclave */
    struct launch_source process;  /* the same in the loop; its deadline is for the log's port */
    struct launch_source logs;     /* vsock listener */
    bool logs_missed;              /* said that the port is taken */
    struct cmaw_proc console;      /* nitro-cli console */
    struct launch_words console_words;
};

/* nitro_lock.c: at most one start at a time on this parent, for all of them listen for the heartbeat on one port. Locks the device file
 * under host_root; *ret_fd stays -1 if a signal comes while another launcher starts its enclave. */
enum cmaw_err cmaw_launch_nitro_lock(struct launch_run *run, int *ret_fd, struct cmaw_diag *diag);

/* nitro_streams.c: logs come on vsock port 9001 of the parent. One launcher of a parent can listen there and logs for all enclaves;
 * the others try again until they can. A log is no reason to fail. */
void cmaw_launch_nitro_logs_start(struct launch_run *run);
/* The name under which a peer's lines are logged: own_name for own_cid, "cid-N" for another enclave; false for who is none (below 4). */
bool cmaw_launch_nitro_label(uint32_t cid, uint32_t own_cid, const char *own_name, char ret_label[static LAUNCH_LABEL_MAX]);
/* Debug mode: what "nitro-cli console" prints is the console. */
enum cmaw_err cmaw_launch_nitro_console_start(struct launch_run *run, struct cmaw_diag *diag);

#endif
