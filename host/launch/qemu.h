/* The inside of the qemu backend: QEMU with its machine, and vhost-device-vsock, which carries the machine's vsock to UNIX sockets of
 * this host (NITRO.md 6.2, 6.4). */
#ifndef CMAW_LAUNCH_QEMU_H
#define CMAW_LAUNCH_QEMU_H

#include "host/launch/backend.h"
#include "sys/proc.h"

/* One of the two programs: it ends with the launcher, and what it complains of is kept. */
struct launch_tool {
    const char *name;
    struct cmaw_proc proc;
    struct launch_source end;
    struct launch_words words;
};

struct launch_qemu {
    struct launch_tool vsock, machine;
    struct launch_source heartbeat, logs;  /* listeners */
    char folder[CMAW_PATH_MAX], name[CMAW_PATH_MAX]; /* of the host's socket: sockets are named in their folder, whatever its length */
    char heartbeat_path[CMAW_PATH_MAX], logs_path[CMAW_PATH_MAX], vhost_path[CMAW_PATH_MAX];
    size_t claimed; /* how many of the paths are ours */
};

/* Starts one of the tools: of spec, argv (whose first word is its path), folder, fds and out (-1: none) are the caller's. */
enum cmaw_err cmaw_launch_tool_start(struct launch_run *run, struct launch_tool *tool, struct cmaw_proc_spec spec, struct cmaw_diag *diag);

/* qemu_vsock.c: takes the sockets of the host's side, listens for heartbeat and logs, and starts vhost-device-vsock. *ret_fd is connected to
 * it, for QEMU; -1 if a signal or the tool's end came first, which is then the loop's. */
enum cmaw_err cmaw_launch_vsock_start(struct launch_run *run, const char *program, int *ret_fd, struct cmaw_diag *diag);
void cmaw_launch_vsock_end(struct launch_run *run);

/* The -M option: the machine with what it measures. Commas are doubled, as QEMU reads them. TOO_LARGE. */
enum cmaw_err cmaw_launch_qemu_machine(const struct launch_options *options, const char *id, struct cmaw_buf *text);

#endif
