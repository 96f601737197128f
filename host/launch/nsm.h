/* The launcher's side of the NSM simulator: it makes the virtual module of an enclave, and takes it up again for each
 * connection. What an enclave does with a connection is not our business. */
#ifndef CMAW_LAUNCH_NSM_H
#define CMAW_LAUNCH_NSM_H

#include "host/launch/image.h"
#include "host/launch/options.h"

enum { LAUNCH_TOKEN_SIZE = 32, LAUNCH_NSM_LINE_MAX = 128 };

struct launch_module {
    char token[LAUNCH_TOKEN_SIZE + 1]; /* hex; names the module to the simulator */
};

/* Makes a module of that id (i-…-enc…) with the image's measurements. UNAVAILABLE with a hint when nobody answers at options->nsm. */
enum cmaw_err cmaw_launch_module_make(const struct launch_options *options, const struct launch_image *image, const char *id,
                                      struct launch_module *ret_module, struct cmaw_diag *diag);
/* Connects and asks to resume; the answer is still to be read with cmaw_launch_nsm_answer. Waits for nothing. */
enum cmaw_err cmaw_launch_nsm_resume(const char *nsm, const struct launch_module *module, int *ret_fd);

/* An answer line that arrives in pieces. */
struct launch_nsm_answer {
    char text[LAUNCH_NSM_LINE_MAX];
    size_t size;
};
/* Reads what has arrived, never beyond the newline. BUSY: more to come. OK: the answer was OK, and text is without its
 * newline. DENIED: it was an error; CLOSED, PEER, IO. */
enum cmaw_err cmaw_launch_nsm_answer(int fd, struct launch_nsm_answer *answer);

#endif
