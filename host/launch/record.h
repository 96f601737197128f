/* What other programs can see of running enclaves: a file per enclave in the state folder, locked by its launcher as
 * long as that lives. The kernel names the holder of a lock, so a file left behind is never taken for a process. */
#ifndef CMAW_LAUNCH_RECORD_H
#define CMAW_LAUNCH_RECORD_H

#include <jansson.h>
#include <sys/types.h>

#include "host/launch/options.h"
#include "sys/file.h"

struct launch_record {
    int fd;                     /* -1: none */
    int console;                /* -1: none; the caller may take it */
    char path[CMAW_PATH_MAX];
    char console_path[CMAW_PATH_MAX];
};

/* Takes the name in options->state_dir (nothing to do without one). EXISTS if an enclave of that name runs. */
enum cmaw_err cmaw_launch_record_open(const struct launch_options *options, struct launch_record *ret_record, struct cmaw_diag *diag);
enum cmaw_err cmaw_launch_record_write(const struct launch_record *record, const json_t *description, struct cmaw_diag *diag);
/* Removes the files. */
void cmaw_launch_record_close(struct launch_record *record);

/* One running enclave as others see it. */
struct launch_seen {
    pid_t launcher;
    json_t *description;
    char console_path[CMAW_PATH_MAX];
};
/* Calls visit for each enclave that runs and is up, in the order of names, until it returns an error. */
enum cmaw_err cmaw_launch_record_each(const char *state_dir, enum cmaw_err (*visit)(void *context, const struct launch_seen *seen),
                                      void *context, struct cmaw_diag *diag);

#endif
