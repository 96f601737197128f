#include "client/codec/run.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"

void cmaw_codec_source_release(struct cmaw_codec_source *source)
{
    cmaw_pinned_free(&source->pinned);
}

void cmaw_codec_run_free(struct cmaw_codec_run **run)
{
    if (*run != NULL) {
        cmaw_run_record_free(&(*run)->record);
        cmaw_edge_secrets_release(&(*run)->secrets);
        free(*run);
        *run = NULL;
    }
}

/* Its id in hex, if it is in the form of cmaw_temporal_key_id. */
static enum cmaw_err read_key_id(struct cmaw_slice key_id, char ret_hex[static 2 * CMAW_HASH_SIZE + 1])
{
    static const char prefix[] = "sst/1:";
    struct cmaw_bytes32 run_id;
    const struct cmaw_slice head = cmaw_slice_sub(key_id, 0, sizeof prefix - 1);
    CMAW_REQUIRE(key_id.size == sizeof prefix - 1 + 2 * CMAW_HASH_SIZE && cmaw_slice_eq_cstr(head, prefix), CMAW_E_NOT_FOUND);
    const struct cmaw_slice hex = cmaw_slice_sub(key_id, sizeof prefix - 1, 2 * CMAW_HASH_SIZE);
    CMAW_REQUIRE(cmaw_hex_decode_exact(hex, run_id.bytes, CMAW_HASH_SIZE) == CMAW_OK, CMAW_E_NOT_FOUND);
    return cmaw_hex_to_cstr(cmaw_bytes32_slice(&run_id), ret_hex, 2 * CMAW_HASH_SIZE + 1);
}

static enum cmaw_err load_deployment(struct cmaw_codec_source *source, const struct cmaw_bytes32 *mh, struct cmaw_diag *diag)
{
    if (source->pinned.deployment != NULL && cmaw_bytes32_eq(&source->mh, cmaw_bytes32_slice(mh))) {
        return CMAW_OK;
    }
    CMAW_PINNED_AUTO(pinned);
    CMAW_TRY(cmaw_pinned_load(source->store, mh, &pinned, diag));
    cmaw_pinned_free(&source->pinned);
    source->pinned = pinned;
    source->mh = *mh;
    pinned = (struct cmaw_pinned){0};
    return CMAW_OK;
}

static enum cmaw_err parse_header(struct cmaw_codec_run *run)
{
    struct cmaw_ticket *ticket = calloc(1, sizeof *ticket);
    CMAW_REQUIRE(ticket != NULL, CMAW_E_NO_MEMORY);
    enum cmaw_err err = cmaw_ticket_parse(cmaw_buf_slice(&run->record.ticket), ticket);
    if (err == CMAW_OK) {
        err = cmaw_ticket_header_parse(ticket->header, &run->header);
    }
    free(ticket);
    return err;
}

enum cmaw_err cmaw_codec_run_load(struct cmaw_codec_source *source, struct cmaw_slice key_id, const char *ns, struct cmaw_codec_run **ret_run)
{
    struct cmaw_diag diag = {0};
    char hex[2 * CMAW_HASH_SIZE + 1];
    CMAW_TRY(read_key_id(key_id, hex));
    CMAW_CODEC_RUN_AUTO(run);
    run = calloc(1, sizeof *run);
    CMAW_REQUIRE(run != NULL, CMAW_E_NO_MEMORY);
    CMAW_TRY(cmaw_store_find_run(source->store, hex, &run->record, &diag));
    /* empty is what temporal sends unless it is told one */
    CMAW_REQUIRE(ns == NULL || ns[0] == '\0' || strcmp(ns, run->record.ns) == 0, CMAW_E_NOT_FOUND);
    CMAW_TRY(cmaw_store_secrets(source->store, &run->record.run_id, &run->secrets, &diag));
    CMAW_TRY(load_deployment(source, &run->record.mh, &diag));
    run->deployment = source->pinned.deployment;
    run->trust = cmaw_store_trust(source->store);
    CMAW_TRY(cmaw_plan_parse(cmaw_buf_slice(&run->record.plan), &run->deployment->manifest, &run->plan));
    CMAW_TRY(parse_header(run));
    *ret_run = run;
    run = NULL;
    return CMAW_OK;
}

const struct cmaw_plan_edge *cmaw_codec_edge_of(const struct cmaw_codec_run *run, struct cmaw_slice bytes)
{
    struct cmaw_state state;
    return cmaw_state_parse(bytes, &state) == CMAW_OK ? cmaw_plan_edge_at(&run->plan, state.header.edge) : NULL;
}

enum cmaw_err cmaw_codec_put_state(const struct cmaw_codec_run *run, struct cmaw_slice bytes, const struct cmaw_plan_edge *edge,
                                   const struct cmaw_receipt_edge *receipt, json_t *array)
{
    struct cmaw_state state;
    struct cmaw_bytes32 digest;
    CMAW_OPENED_AUTO(opened);
    CMAW_REQUIRE(edge != NULL && cmaw_state_parse(bytes, &state) == CMAW_OK && state.header.kind == CMAW_STATE_DATA, CMAW_E_AUTH);
    CMAW_TRY(cmaw_state_open(&state, edge, &run->record.run_id, cmaw_edge_secrets_of(&run->secrets, edge->id), &opened));
    CMAW_TRY(cmaw_state_digest(&state, &digest));
    CMAW_REQUIRE(receipt == NULL || (cmaw_bytes32_eq(&digest, cmaw_bytes32_slice(&receipt->digest)) &&
                                     cmaw_bytes32_eq(&opened.commit, cmaw_bytes32_slice(&receipt->commit))), CMAW_E_AUTH);
    return cmaw_codec_put_content(edge, &opened.content, array);
}
