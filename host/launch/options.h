/* The command line of cmaw-launch. */
#ifndef CMAW_LAUNCH_OPTIONS_H
#define CMAW_LAUNCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/diag.h"

enum { LAUNCH_NAME_MAX = 64 };

struct launch_options {
    const char *verb;
    const char *backend;     /* "sim", "qemu", "nitro" */
    const char *eif;         /* file */
    const char *socket;      /* sim, qemu: host's side of the enclave: PATH, PATH_8000, …; else NULL */
    const char *nsm;         /* sim: socket of the NSM simulator */
    char name[LAUNCH_NAME_MAX + 1]; /* [A-Za-z0-9_.-], not starting with a dot; empty: not given */
    const char *enclave_id;  /* terminate, console */
    const char *parent_role; /* ARN or NULL: PCR3 */
    const char *parent_id;   /* instance id: PCR4 and the start of the enclave's id */
    const char *state_dir;   /* NULL: none */
    const char *vm;          /* qemu: folder of its tools; NULL: $CMAW_VM */
    const char *nitro_cli;   /* nitro: program */
    const char *host_root;   /* nitro: where /etc, /sys and /dev are looked for; "" is / */
    uint32_t memory_mib;     /* 0: not given */
    uint32_t cpu_count;      /* 0: not given */
    uint32_t cid;            /* 0: not given */
    bool debug_mode;
    bool all;                /* terminate */
    int ready_fd;            /* -1: none */
    uint32_t boot_timeout_ms;
};

/* USAGE with a hint. --help and --version print and exit. */
enum cmaw_err cmaw_launch_options_parse(int argc, char **argv, struct launch_options *ret_options, struct cmaw_diag *diag);

/* USAGE with the text and where to look. */
enum cmaw_err cmaw_launch_bad_usage(struct cmaw_diag *diag, const char *text, const char *detail);

/* USAGE, "TEXTDETAIL", with a hint where to look. */
enum cmaw_err cmaw_launch_bad_usage(struct cmaw_diag *diag, const char *text, const char *detail);

#endif
