/* What nitro-cli prints (NITRO.md 5.2): objects on standard output, codes of errors on standard error. It runs on our side of the trust
 * line, but what it prints is read as strictly as anything else that another program says. */
#ifndef CMAW_LAUNCH_NITRO_ANSWER_H
#define CMAW_LAUNCH_NITRO_ANSWER_H

#include "host/launch/backend.h"

enum { LAUNCH_NITRO_SEEN_MAX = 16, LAUNCH_NITRO_ANSWER_MAX = 64 * 1024 /* bytes */, LAUNCH_NITRO_CODES = 100 };

/* An enclave as run-enclave and describe-enclaves show it. */
struct launch_nitro_seen {
    struct launch_enclave enclave;
    char name[LAUNCH_NAME_MAX + 1]; /* cut; printable ASCII */
    bool running;                   /* State; true where there is none, as in the answer of run-enclave */
    bool debug;                     /* Flags */
    bool measured;
    uint8_t pcrs[3][CMAW_EIF_PCR_SIZE]; /* of the file */
};

/* The object of run-enclave. PEER if it is none, lacks what is needed, or has a value that cannot be: an id that is not i-…-enc…, a
 * process that is none, an address below 4, more processors than there can be. */
enum cmaw_err cmaw_launch_nitro_read_run(struct cmaw_slice text, struct launch_nitro_seen *ret_seen);
/* The array of describe-enclaves; at most LAUNCH_NITRO_SEEN_MAX, else PEER. */
enum cmaw_err cmaw_launch_nitro_read_all(struct cmaw_slice text, struct launch_nitro_seen seen[static LAUNCH_NITRO_SEEN_MAX], size_t *ret_count);
/* Whether the object of terminate-enclave says that it did. */
bool cmaw_launch_nitro_read_terminated(struct cmaw_slice text);

/* The codes "[ Exx ]" in the order in which they first come. Returns their number. */
size_t cmaw_launch_nitro_codes(struct cmaw_slice text, uint8_t ret_codes[static LAUNCH_NITRO_CODES]);

/* What a command is told that failed. */
struct launch_nitro_failure {
    int status;             /* its exit status; 128 + signal */
    struct cmaw_slice text; /* its standard error */
    bool image_signed;
};
/* One line for the code that is the cause, and a hint; returns an error. The codes of consequences (no connection to the enclave's process)
 * count only where there is no other. A status without a code in the text stands for the code of that number. */
enum cmaw_err cmaw_launch_nitro_explain(const char *what, const struct launch_nitro_failure *failure, struct cmaw_diag *diag);

#endif
