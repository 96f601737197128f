/* A run of the owner's store, at hand with its secrets while a payload of it is shown. */
#ifndef CMAW_CLIENT_CODEC_RUN_H
#define CMAW_CLIENT_CODEC_RUN_H

#include "client/json.h"
#include "client/run/outcome.h"
#include "host/temporal/payload.h"

/* The store, and the deployment of the run shown last: to verify one takes far longer than to open a state. */
struct cmaw_codec_source {
    struct cmaw_store *store; /* unlocked; borrowed */
    struct cmaw_bytes32 mh;
    struct cmaw_pinned pinned; /* of mh, once it is loaded */
};
void cmaw_codec_source_release(struct cmaw_codec_source *source);

/* On the heap; freed by cmaw_codec_run_free, which wipes the secrets. */
struct cmaw_codec_run {
    struct cmaw_run_record record;
    struct cmaw_edge_secrets secrets;
    const struct cmaw_deployment *deployment; /* the source's */
    enum cmaw_doc_trust trust;                /* of its store */
    struct cmaw_plan plan;
    struct cmaw_ticket_header header;
};
void cmaw_codec_run_free(struct cmaw_codec_run **run);
#define CMAW_CODEC_RUN_AUTO(name) [[gnu::cleanup(cmaw_codec_run_free)]] struct cmaw_codec_run *name = NULL

/* The run that a payload's key id names ("sst/1:" and its id in hex): NOT_FOUND if it is not of this store, or of another namespace than ns (NULL or
 * empty: any). key_id is hostile. */
enum cmaw_err cmaw_codec_run_load(struct cmaw_codec_source *source, struct cmaw_slice key_id, const char *ns, struct cmaw_codec_run **ret_run);

/* Opens a state of the run and appends {"edge", "content_type", "content" | "content_base64", "annotations"}: content is JSON where it says so,
 * else text, else base64. AUTH unless it is of that kind on that edge and opens with the owner's secret, and is what receipt
 * (may be NULL) names by digest and commitment. */
enum cmaw_err cmaw_codec_put_state(const struct cmaw_codec_run *run, struct cmaw_slice bytes, const struct cmaw_plan_edge *edge,
                                   const struct cmaw_receipt_edge *receipt, json_t *array);
/* The same for what is open already. */
enum cmaw_err cmaw_codec_put_content(const struct cmaw_plan_edge *edge, const struct cmaw_agent_state *content, json_t *array);
/* The edge that a state says it is on; NULL if it is no state or the plan has none such. */
const struct cmaw_plan_edge *cmaw_codec_edge_of(const struct cmaw_codec_run *run, struct cmaw_slice bytes);

/* Sets a member: text; ms since 1970 as a time that a person reads. */
enum cmaw_err cmaw_codec_set_slice(json_t *object, const char *key, struct cmaw_slice text);
enum cmaw_err cmaw_codec_set_time(json_t *object, const char *key, uint64_t ms);

#endif
