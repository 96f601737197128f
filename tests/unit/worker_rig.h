/* A bench for tests of cmaw-worker: the real program, a real Temporal dev server and two enclaves in threads, one of each for all tests of a program. */
#ifndef CMAW_TESTS_WORKER_RIG_H
#define CMAW_TESTS_WORKER_RIG_H

#include "host/temporal/news.h"
#include "sys/proc.h"
#include "tests/unit/fake_enclave.h"

enum { RIG_CONTENT = 1000 /* bytes of a state */, RIG_WAIT_MS = 60000 };

/* The steps and the edges of the run that most tests make. */
#define RIG_CHAIN "1 2", "0>1 1>2 2>0"

extern struct rig {
    char dir[64];
    char address[32], enclaves[2][160], bundle[128], db[128], temporal_path[CMAW_PATH_MAX], worker_path[CMAW_PATH_MAX];
    unsigned port;
    struct cmaw_proc server, worker;
    struct fake_enclave enclave[2];
    struct run_make made; /* for its manifest */
    struct cmaw_temporal *temporal;
    uint32_t nonce;
} rig;

/* Set-up and teardown of a group. */
int rig_open(void **state);
int rig_close(void **state);
/* Teardown of a test: enclaves as a test finds and leaves them, also where it failed; the second is for use in a test. */
int rig_calm(void **state);
void rig_calm_now(void);
/* What was killed comes back. The worker's returns when it is ready. */
void rig_server_start(void);
void rig_worker_start(void);
/* Waits until a counter of an enclave is at least this. */
void rig_await(atomic_uint *counter, unsigned least);

/* A run as run_make makes it, with an id of its own; run_finish frees it. */
struct run_make *run_new(const char *steps, const char *edges, uint32_t max_attempts, size_t content);
void run_finish(struct run_make *made);
/* Starts it, under a request id that is given or a fresh one. */
enum cmaw_err run_start_as(const struct run_make *made, const char *request_id, struct cmaw_diag *diag);
void run_start(const struct run_make *made);
/* Waits for its end; free the outcome. */
struct cmaw_temporal_outcome run_outcome(const struct run_make *made);
/* Waits for its end, which is complete, with receipts of all steps and a state on each edge to the client. */
void run_expect_complete(const struct run_make *made);
/* Writes its history where recorded ones are kept, if that is asked for: CMAW_RECORD=folder. */
void run_record(const struct run_make *made, const char *name);

#endif
