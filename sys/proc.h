/* Child processes, for the programs outside the enclave. */
#ifndef CMAW_SYS_PROC_H
#define CMAW_SYS_PROC_H

#include <stdint.h>
#include <sys/types.h>

#include "sys/file.h"

/* Finds a program of ours ("cmaw-launch") or, last, of the system ("temporal"): in the folders of $CMAW_BIN (colon list),
 * beside the running binary, in the sibling folders of its build tree, then in $PATH. NOT_FOUND with a hint. */
enum cmaw_err cmaw_proc_find(const char *name, char ret_path[static CMAW_PATH_MAX], struct cmaw_diag *diag);

enum { CMAW_PROC_FDS_MAX = 8 };

struct cmaw_proc_spec {
    const char *path;        /* program file */
    const char *const *argv; /* ends with NULL */
    const char *const *env;  /* ends with NULL; NULL: the caller's environment */
    const char *folder;      /* working folder; NULL: the caller's */
    int in, out, err;        /* descriptors; -1: /dev/null for in, the caller's own for out and err */
    int fds[CMAW_PROC_FDS_MAX]; /* further descriptors: the child has fds[i] as 3 + i, and nothing else open */
    size_t fd_count;
    bool die_with_parent;    /* SIGKILL when the thread that started it ends */
    bool new_session;        /* detached from the terminal */
};

/* A child; {0, -1} is none. */
struct cmaw_proc {
    pid_t pid;
    int pidfd; /* readable once the child has ended: poll it */
};

#define CMAW_PROC_NONE ((struct cmaw_proc){0, -1})
/* A child that is killed and reaped at the end of its scope. */
#define CMAW_PROC_AUTO(name) [[gnu::cleanup(cmaw_proc_kill)]] struct cmaw_proc name = {0, -1}

/* Starts a child with default signal handling. A program that cannot be executed is reported here, not by an exit code. */
enum cmaw_err cmaw_proc_start(const struct cmaw_proc_spec *spec, struct cmaw_proc *ret_proc, struct cmaw_diag *diag);
/* Waits for the end, at most timeout_ms (UINT32_MAX: for ever), and reaps. *ret_status is the exit code, or 128 + signal.
 * TIMEOUT leaves the child as it is. */
enum cmaw_err cmaw_proc_wait(struct cmaw_proc *proc, uint32_t timeout_ms, int *ret_status);
/* SIGTERM, then SIGKILL after grace_ms; reaps. */
enum cmaw_err cmaw_proc_stop(struct cmaw_proc *proc, uint32_t grace_ms, int *ret_status);
/* SIGKILL and reap. Does nothing for no child. */
void cmaw_proc_kill(struct cmaw_proc *proc);
/* Every signal as at the start of a program, and none blocked: for a child of ours that is not started by cmaw_proc_start. */
void cmaw_proc_default_signals(void);
/* Waits for the line "ready\n" on the read end of a pipe whose write end was given as --ready-fd. CLOSED if the daemon
 * ended or closed it before, TIMEOUT. */
enum cmaw_err cmaw_proc_await_ready(int fd, uint32_t timeout_ms);

#endif
