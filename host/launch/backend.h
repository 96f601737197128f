/* A backend starts an image and adds to the loop what is to be watched for it. sim runs the image's /init in namespaces of this host,
 * qemu boots the image in QEMU's nitro-enclave machine, nitro lets nitro-cli start a real enclave. All else is the same for the three:
 * the loop, logs and console, what is printed and recorded, exit codes. */
#ifndef CMAW_LAUNCH_BACKEND_H
#define CMAW_LAUNCH_BACKEND_H

#include <sys/types.h>

#include "host/launch/image.h"
#include "host/launch/loop.h"
#include "host/launch/options.h"
#include "host/launch/record.h"

enum { LAUNCH_ID_MAX = 96, LAUNCH_CPUS_MAX = 1024, LAUNCH_DEFAULT_CID = 4 };

/* What others are told of an enclave, in nitro-cli's terms. */
struct launch_enclave {
    char id[LAUNCH_ID_MAX]; /* i-…-enc… */
    pid_t process;          /* whose end is the enclave's */
    uint32_t cid;           /* 0: none */
    uint64_t memory_mib;
    uint32_t cpu_count;     /* of the enclave */
    uint16_t cpus[LAUNCH_CPUS_MAX]; /* of this host */
    size_t cpus_used;       /* of cpus */
};

/* What a run holds, released in one place. */
struct launch_run {
    const struct launch_options *options;
    const struct launch_backend *backend;
    struct launch_image image;   /* empty once the enclave is started */
    struct launch_record record;
    struct launch_enclave enclave;
    struct launch_loop loop;
    int signals;
    void *state;                 /* of the backend, from calloc; freed by the run after end() */
};

struct launch_backend {
    const char *name;
    const char *warning; /* logged on every start; NULL: nothing to warn of */
    const char *silence; /* hint where no heartbeat came */
    size_t state_size;
    /* Before anything is loaded: USAGE for options that are missing or do not belong here. NULL: nothing to check. */
    enum cmaw_err (*check)(const struct launch_options *options, struct cmaw_diag *diag);
    /* Returns once the enclave is on its way; fills run->enclave but for what the file says. A signal that comes meanwhile is left to the loop. */
    enum cmaw_err (*start)(struct launch_run *run, struct cmaw_diag *diag);
    /* Once the heartbeat has come; NULL: nothing to do. */
    void (*serve)(struct launch_run *run);
    /* Ends an enclave that lives on without its launcher; NULL: it does not. */
    enum cmaw_err (*stop)(struct launch_run *run, struct cmaw_diag *diag);
    /* Why it ended by itself, if that is known: sets the text and returns an error. OK or NULL: nothing to say. */
    enum cmaw_err (*explain)(struct launch_run *run, struct cmaw_diag *diag);
    /* Releases what state holds; also after a start that failed. */
    void (*end)(struct launch_run *run);
};

/* USAGE if there is none of that name. */
enum cmaw_err cmaw_launch_backend_find(const char *name, const struct launch_backend **ret_backend, struct cmaw_diag *diag);

/* Listens on a path. A socket that nobody serves is replaced; anything else at that path is not ours to remove: EXISTS. */
enum cmaw_err cmaw_launch_listen(const char *path, int *ret_fd, struct cmaw_diag *diag);
/* The same check without listening: removes a dead socket. */
enum cmaw_err cmaw_launch_claim(const char *path, struct cmaw_diag *diag);
/* "PARENT-enc" and random hex digits. */
enum cmaw_err cmaw_launch_id_make(const char *parent_id, char ret_id[static LAUNCH_ID_MAX]);
/* Fills cpus with all that this process may use: the enclave is one of its processes. */
void cmaw_launch_cpus_shared(struct launch_enclave *enclave);
/* A pipe, close-on-exec. */
enum cmaw_err cmaw_launch_pipe(int *ret_read, int *ret_write);

/* describe.c: the objects of nitro-cli (NITRO.md 5.2); the caller frees them. NULL if memory is out. */
json_t *cmaw_launch_describe(const struct launch_run *run);
/* What run-enclave prints: the same without state and measurements. */
json_t *cmaw_launch_summary(const json_t *description);

extern const struct launch_backend cmaw_launch_sim, cmaw_launch_qemu, cmaw_launch_nitro;

#endif
