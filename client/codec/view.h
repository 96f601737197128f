/* What a payload of a run says, for its owner. */
#ifndef CMAW_CLIENT_CODEC_VIEW_H
#define CMAW_CLIENT_CODEC_VIEW_H

#include "client/codec/run.h"

/* {"message": its type without the package, "run": …, …}: docs/web-ui.md shows them. ns is the namespace that the caller names; NULL: none. NOT_FOUND,
 * MALFORMED, AUTH and others: it is not of a run of this store, or not as an enclave or the owner made it; it is to stay as it is. The caller
 * owns the JSON. Hostile input. */
enum cmaw_err cmaw_codec_view(struct cmaw_codec_source *source, const struct cmaw_temporal_payload *payload, const char *ns, json_t **ret_json);

/* Sets what a plan says in json, whosever it is: plans are public. MALFORMED. */
enum cmaw_err cmaw_codec_view_plan(struct cmaw_slice data, json_t *json);

#endif
