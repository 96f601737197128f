/* A connection to Temporal and what a client does over it. Calls block; a connection may be used from many threads.
 * Errors: UNAVAILABLE the server cannot be reached, TIMEOUT it did not answer in time, NOT_FOUND no such workflow or namespace, EXISTS,
 * TOO_LARGE, PEER it refused or answered nonsense; diag says which, with a hint. What the server sends is hostile. */
#ifndef CMAW_TEMPORAL_CLIENT_H
#define CMAW_TEMPORAL_CLIENT_H

#include "host/temporal/payload.h"
#include "lib/base/diag.h"

/* What the workflow, its activity and its query are called in Temporal. */
#define CMAW_TEMPORAL_WORKFLOW_TYPE "cmaw.run"
#define CMAW_TEMPORAL_ACTIVITY_TYPE "cmaw.step"
#define CMAW_TEMPORAL_QUERY_STATUS "status"

enum {
    CMAW_TEMPORAL_QUEUE_SIZE = 5 + 64 + 1 + 8 + 1 + 64 + 1, /* cmaw.<tenant>.<mh8>[.<role>] and a NUL */
    CMAW_TEMPORAL_ID_SIZE = 64,                             /* Temporal's own run ids, request ids: UUIDs */
};

/* Task queue for workflows of a manifest (role NULL) or for the steps of one of its roles. */
enum cmaw_err cmaw_temporal_queue(const char *tenant, const uint8_t mh[static 32], const char *role,
                                  char ret_queue[static CMAW_TEMPORAL_QUEUE_SIZE]);

struct cmaw_temporal; /* a connection, with the threads of Temporal's core: make it after any fork */

struct cmaw_temporal_options {
    const char *address;   /* host:port; plaintext */
    const char *ns;        /* namespace */
    const char *identity;  /* what the server shows as the caller; no user or host name; NULL: "cmaw" */
    uint32_t wait_ms;      /* keep trying a server that cannot be reached for this long; 0: one try */
    uint32_t io_threads;   /* 0: 1 */
    bool metrics;          /* for cmaw_temporal_metrics */
    const int *stop;       /* may be NULL; non-zero ends the waiting early (set by a signal handler) */
};

enum cmaw_err cmaw_temporal_connect(const struct cmaw_temporal_options *options, struct cmaw_temporal **ret_temporal,
                                    struct cmaw_diag *diag);
/* NULL-safe. Every call over the connection must have returned. */
void cmaw_temporal_close(struct cmaw_temporal *temporal);

struct cmaw_temporal_start {
    const char *workflow_id;
    const char *type;       /* CMAW_TEMPORAL_WORKFLOW_TYPE */
    const char *queue;
    const char *request_id; /* UUID: one per logical start, kept when the start is repeated */
    const struct cmaw_temporal_payload *payloads;
    size_t count;
    uint64_t timeout_ms;    /* the server ends the workflow after this; 0: never */
};

/* A fresh UUID for request_id. */
enum cmaw_err cmaw_temporal_request_id(char ret_id[static CMAW_TEMPORAL_ID_SIZE]);
/* Starts one workflow per workflow id, ever (REJECT_DUPLICATE, FAIL): a repeat with the same request id gives the same
 * run, any other EXISTS. ret_run is Temporal's id of the run. */
enum cmaw_err cmaw_temporal_start(struct cmaw_temporal *temporal, const struct cmaw_temporal_start *start,
                                  char ret_run[static CMAW_TEMPORAL_ID_SIZE], struct cmaw_diag *diag);

enum cmaw_temporal_status {
    CMAW_TEMPORAL_UNKNOWN, CMAW_TEMPORAL_RUNNING, CMAW_TEMPORAL_COMPLETED, CMAW_TEMPORAL_FAILED,
    CMAW_TEMPORAL_CANCELED, CMAW_TEMPORAL_TERMINATED, CMAW_TEMPORAL_CONTINUED, CMAW_TEMPORAL_TIMED_OUT,
};

/* How a workflow ended. Where it failed, the type is a code of PROTOCOL.md section 8. */
struct cmaw_temporal_outcome {
    enum cmaw_temporal_status status;
    struct cmaw_buf result;      /* COMPLETED: data of the one payload, a RunResult */
    char failure_type[32];       /* FAILED */
    char failure_message[256];   /* printable ASCII */
    uint32_t failure_step;       /* the step that failed; 0: none */
    struct cmaw_buf failure_result; /* a StepResult: the failure state, its receipt and ak_doc; empty: there is none */
};
void cmaw_temporal_outcome_free(struct cmaw_temporal_outcome *outcome);

/* Appends what Temporal's core has measured over the connection, in Prometheus' text format: metrics temporal_*. Only where the options ask for it;
 * lacks what is beyond the buffer's limit. */
void cmaw_temporal_metrics(struct cmaw_temporal *temporal, struct cmaw_buf *text);
/* OK if the server answers and the namespace is there. */
enum cmaw_err cmaw_temporal_check(struct cmaw_temporal *temporal, struct cmaw_diag *diag);

#endif
