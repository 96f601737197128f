/* A new run: plan, ticket and sealed inputs, stored with their secrets before anything is sent. */
#ifndef CMAW_CLIENT_RUN_PREPARE_H
#define CMAW_CLIENT_RUN_PREPARE_H

#include "client/options.h"
#include "client/run/connect.h"
#include "client/store/store.h"

struct cmaw_run_request {
    const char *workflow;             /* path of the YAML */
    const char *input;                /* of the only edge from the client; "-" is standard input; NULL: see inputs */
    const struct cmaw_words *inputs;  /* NAME=FILE */
    const char *content_type;         /* NULL: by the file's name */
    uint64_t expires_ms;              /* how long the ticket is good, from now */
};

/* Makes a run, reaches Temporal, stores the run with its secrets, and only then starts it: what fails before leaves nothing behind, and what fails
 * after can be started again. The store must be unlocked. */
enum cmaw_err cmaw_run_submit(struct cmaw_store *store, const struct cmaw_settings *settings, const struct cmaw_run_request *request,
                              struct cmaw_run_record *ret_record, struct cmaw_temporal **ret_temporal, struct cmaw_diag *diag);
/* Starts the workflow of a stored run. Safe to repeat: Temporal has one workflow per run id and request id. */
enum cmaw_err cmaw_run_start(struct cmaw_store *store, struct cmaw_temporal *temporal, struct cmaw_run_record *record, struct cmaw_diag *diag);

/* The deployment of a stored run, or with mh NULL the last pinned, verified. Free with cmaw_pinned_free. */
struct cmaw_pinned {
    struct cmaw_buf bytes;
    struct cmaw_deployment *deployment;
};
void cmaw_pinned_free(struct cmaw_pinned *pinned);
#define CMAW_PINNED_AUTO(name) [[gnu::cleanup(cmaw_pinned_free)]] struct cmaw_pinned name = {0}
enum cmaw_err cmaw_pinned_load(struct cmaw_store *store, const struct cmaw_bytes32 *mh, struct cmaw_pinned *ret_pinned, struct cmaw_diag *diag);

#endif
