/* A bench for tests of cmaw-launch: images made on the spot, a fake NSM simulator in a thread, and the real program. */
#ifndef CMAW_TESTS_LAUNCH_RIG_H
#define CMAW_TESTS_LAUNCH_RIG_H

#include <stdatomic.h>

#include <pthread.h>
#include <stdbool.h>

#include "lib/base/bytes.h"
#include "sys/proc.h"

struct rig {
    char dir[64]; /* private folder, removed at the end */
    char eif[128], socket[128], nsm[128], state[128], log[128], program[128];
    pthread_t nsm_thread;
    int nsm_listener, nsm_stop;
    char nsm_new[2048];      /* the last NEW line: read it through rig_nsm_new */
    atomic_uint nsm_news;    /* NEW lines so far */
    atomic_uint nsm_resumes; /* RESUME lines so far; read it only when nothing is in flight */
    atomic_bool nsm_refuses;
    bool as_nobody;
    struct cmaw_proc launcher;
};

void rig_open(struct rig *rig);
void rig_close(struct rig *rig);
/* Serves rig->nsm: answers NEW and RESUME, then echoes. */
void rig_nsm_start(struct rig *rig);
/* The last NEW line; only when nothing is in flight. */
const char *rig_nsm_new(struct rig *rig);
void rig_nsm_stop(struct rig *rig);
/* Writes rig->eif: /init is the fake one, /mode its mode, one more file; further entries may follow as raw cpio. */
void rig_image(struct rig *rig, const char *mode, bool gzip, struct cmaw_slice more_entries);
/* Starts "cmaw-launch run" with the rig's paths and extra arguments; *ret_ready is the read end of --ready-fd. */
void rig_launch(struct rig *rig, const char *const *extra, int *ret_ready);
/* As above and waits for "ready". */
void rig_launch_ready(struct rig *rig, const char *const *extra);
/* Runs cmaw-launch with arguments to its end; output and errors appended to buf. Returns the exit code. */
int rig_command(const char *const *arguments, struct cmaw_buf *buf);
/* The same without waiting; *ret_out is what it prints. */
void rig_start(const char *const *arguments, int *ret_out, struct cmaw_proc *ret_proc);
/* From now on the launcher of this rig runs as user nobody (needs root). */
void rig_give_up_root(struct rig *rig);
/* Waits for the launcher and returns its exit code. */
int rig_wait(struct rig *rig);
/* The host's connection to a port; fails the test if there is none. */
int rig_connect(const struct rig *rig, uint32_t port);
/* Everything until the other side closes, as text. */
void rig_read_all(int fd, struct cmaw_buf *text);
void rig_read_file(const char *path, struct cmaw_buf *text);
bool rig_has(const struct cmaw_buf *text, const char *part);

/* For cmocka: a rig with its NSM simulator and an image of mode "echo", and its end. */
int rig_setup(void **state);
int rig_teardown(void **state);
/* The enclave's /init as the host sees it: the launcher's only child. */
pid_t rig_init_of(pid_t launcher);
/* Its pidfd. */
int rig_watch_init(const struct rig *rig);
/* What /init says of the world around it. */
void rig_read_world(const struct rig *rig, struct cmaw_buf *text);
/* Whether the process of a pidfd has ended within the time. */
bool rig_ends_within(int pidfd, int timeout_ms);
/* Writes text, and gets the same back. */
void rig_exchange(int fd, const char *text);

#endif
