/* The command line of cmaw-launch. */
#ifndef CMAW_LAUNCH_OPTIONS_H
#define CMAW_LAUNCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/diag.h"

enum { LAUNCH_NAME_MAX = 64 };

struct launch_options {
    const char *verb;
    const char *backend;     /* "sim" */
    const char *eif;         /* file */
    const char *socket;      /* host's side of the enclave: PATH, PATH_8000, … */
    const char *nsm;         /* socket of the NSM simulator */
    char name[LAUNCH_NAME_MAX + 1]; /* [A-Za-z0-9_.-], not starting with a dot; empty: not given */
    const char *enclave_id;  /* terminate, console */
    const char *parent_role; /* ARN or NULL: PCR3 */
    const char *parent_id;   /* instance id: PCR4 and the start of the enclave's id */
    const char *state_dir;   /* NULL: none */
    bool debug_mode;
    bool all;                /* terminate */
    int ready_fd;            /* -1: none */
    uint32_t boot_timeout_ms;
};

/* USAGE with a hint. --help and --version print and exit. */
enum cmaw_err cmaw_launch_options_parse(int argc, char **argv, struct launch_options *ret_options, struct cmaw_diag *diag);

#endif
