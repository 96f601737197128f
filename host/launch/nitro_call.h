/* Runs nitro-cli once. */
#ifndef CMAW_LAUNCH_NITRO_CALL_H
#define CMAW_LAUNCH_NITRO_CALL_H

#include "host/launch/nitro_answer.h"

struct launch_nitro_output {
    struct cmaw_buf out; /* at most LAUNCH_NITRO_ANSWER_MAX */
    struct cmaw_buf err; /* the first LAUNCH_NITRO_ANSWER_MAX bytes */
    int status;          /* exit status; 128 + signal */
};

/* Where the program is: program itself if it has a slash, else it is looked for. NOT_FOUND with a hint. */
enum cmaw_err cmaw_launch_nitro_find(const char *program, char ret_path[static CMAW_PATH_MAX], struct cmaw_diag *diag);
/* Runs path with words (ends with NULL; words[0] is the command), waits for its end and reads what it prints meanwhile; what its own
 * background processes print later is not waited for. TIMEOUT: it was killed. PEER: it printed too much. The caller frees the output, also
 * after a failure. */
enum cmaw_err cmaw_launch_nitro_call(const char *path, const char *const *words, uint32_t timeout_ms, struct launch_nitro_output *output,
                                     struct cmaw_diag *diag);
void cmaw_launch_nitro_output_free(struct launch_nitro_output *output);
#define LAUNCH_NITRO_OUTPUT_AUTO(name) [[gnu::cleanup(cmaw_launch_nitro_output_free)]] struct launch_nitro_output name = {0}

#endif
