#include "client/run/prepare.h"

#include <stdio.h>
#include <stdlib.h>

#include "client/run/input.h"
#include "client/yaml/workflow.h"
#include "lib/sst/run.h"

enum { STATES_MAX = 2 * 1024 * 1024 };

/* The moment after which no enclave works on the run; never after the end of the manifest. */
static enum cmaw_err expiry(const struct cmaw_manifest *manifest, uint64_t expires_ms, uint64_t *ret_ms, struct cmaw_diag *diag)
{
    const uint64_t now = cmaw_wall_clock_ms();
    if (!cmaw_manifest_valid_at(manifest, now)) {
        cmaw_diag_hint(diag, "deploy anew with a new manifest, then cmaw trust it");
        return cmaw_diag_set(diag, CMAW_E_EXPIRED, "the manifest of the deployment has expired or is not valid yet");
    }
    const uint64_t wanted = now + expires_ms;
    *ret_ms = wanted < manifest->not_after_ms ? wanted : manifest->not_after_ms;
    return CMAW_OK;
}

static enum cmaw_err fill_record(const struct cmaw_new_run *run, const struct cmaw_temporal_place *place, struct cmaw_slice plan,
                                 struct cmaw_run_record *record)
{
    record->run_id = run->run_id;
    CMAW_TRY(cmaw_bytes32_of(run->plan.manifest, &record->mh));
    cmaw_workflow_id(&run->run_id, record->workflow_id);
    CMAW_TRY(cmaw_temporal_request_id(record->request_id));
    CMAW_TRY(cmaw_slice_to_cstr(run->plan.name, record->name, sizeof record->name));
    (void)snprintf(record->address, sizeof record->address, "%s", place->address);
    (void)snprintf(record->ns, sizeof record->ns, "%s", place->ns);
    record->status = CMAW_RUN_PREPARED;
    record->created_ms = cmaw_wall_clock_ms();
    cmaw_buf_put(&record->plan, plan);
    cmaw_buf_put(&record->ticket, cmaw_buf_slice(&run->ticket));
    CMAW_TRY(record->plan.err);
    return record->ticket.err;
}

static enum cmaw_err make_run(const struct cmaw_deployment *deployment, const struct cmaw_run_request *request,
                              const struct cmaw_temporal_place *place, struct cmaw_new_run *run, struct cmaw_run_record *record,
                              struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(plan, CMAW_PLAN_MAX);
    CMAW_TRY(cmaw_workflow_plan(request->workflow, &deployment->manifest, &plan, diag));
    uint64_t expires_ms = 0;
    CMAW_TRY(expiry(&deployment->manifest, request->expires_ms, &expires_ms, diag));
    struct cmaw_finding finding = {0};
    const enum cmaw_err err = cmaw_run_new(deployment, cmaw_buf_slice(&plan), expires_ms, run, &finding);
    if (err != CMAW_OK) {
        return cmaw_diag_set(diag, err, "cannot make the run: %s", finding.text[0] == '\0' ? cmaw_err_text(err) : finding.text);
    }
    CMAW_TRY(fill_record(run, place, cmaw_buf_slice(&plan), record));
    return cmaw_inputs_seal(run, request, &record->inputs, diag);
}

static enum cmaw_err prepare(struct cmaw_store *store, const struct cmaw_run_request *request, const struct cmaw_temporal_place *place,
                               struct cmaw_run_record *ret_record, struct cmaw_edge_secrets *ret_secrets, struct cmaw_diag *diag)
{
    CMAW_PINNED_AUTO(pinned);
    CMAW_TRY(cmaw_pinned_load(store, NULL, &pinned, diag));
    CMAW_RUN_RECORD_AUTO(record);
    record.plan = CMAW_BUF(CMAW_PLAN_MAX);
    record.ticket = CMAW_BUF(CMAW_TICKET_MAX);
    record.inputs = CMAW_BUF(STATES_MAX);
    struct cmaw_new_run *run = calloc(1, sizeof *run);
    CMAW_REQUIRE(run != NULL, CMAW_E_NO_MEMORY);
    enum cmaw_err err = make_run(pinned.deployment, request, place, run, &record, diag);
    if (err == CMAW_OK) {
        *ret_secrets = run->secrets; /* moved */
        run->secrets = (struct cmaw_edge_secrets){0};
    }
    cmaw_new_run_free(run);
    free(run);
    CMAW_TRY(err);
    *ret_record = record;
    record = (struct cmaw_run_record){0};
    return CMAW_OK;
}

enum cmaw_err cmaw_run_submit(struct cmaw_store *store, const struct cmaw_settings *settings, const struct cmaw_run_request *request,
                              struct cmaw_run_record *ret_record, struct cmaw_temporal **ret_temporal, struct cmaw_diag *diag)
{
    struct cmaw_temporal_place place;
    CMAW_TRY(cmaw_temporal_place(settings, NULL, &place, diag));
    CMAW_RUN_RECORD_AUTO(record);
    CMAW_EDGE_SECRETS_AUTO(secrets);
    CMAW_TRY(prepare(store, request, &place, &record, &secrets, diag));
    CMAW_TEMPORAL_AUTO(temporal);
    CMAW_TRY(cmaw_temporal_reach(&place, &temporal, diag));
    CMAW_TRY(cmaw_store_add_run(store, &record, &secrets, diag));
    const enum cmaw_err err = cmaw_run_start(store, temporal, &record, diag);
    if (err == CMAW_E_UNAVAILABLE || err == CMAW_E_TIMEOUT) {
        diag->hint[0] = '\0';
        cmaw_diag_hint(diag, "the run is stored: cmaw wait %s starts it once Temporal is back", record.workflow_id);
    }
    CMAW_TRY(err);
    *ret_record = record;
    record = (struct cmaw_run_record){0};
    *ret_temporal = temporal;
    temporal = NULL;
    return CMAW_OK;
}

/* What cmaw.run begins with: plan, ticket and one state per edge from the client. */
static enum cmaw_err make_payloads(const struct cmaw_run_record *record, const char *key_id,
                                   struct cmaw_temporal_payload payloads[static CMAW_EDGES_MAX + 2], size_t *ret_count)
{
    size_t count = 0;
    payloads[count++] = cmaw_temporal_payload_clear(CMAW_TEMPORAL_PLAN, cmaw_buf_slice(&record->plan));
    payloads[count++] = cmaw_temporal_payload_sealed(CMAW_TEMPORAL_TICKET, key_id, cmaw_buf_slice(&record->ticket));
    struct cmaw_reader reader = cmaw_reader_of(cmaw_buf_slice(&record->inputs));
    while (reader.rest.size > 0 && reader.err == CMAW_OK && count < CMAW_EDGES_MAX + 2) {
        const struct cmaw_slice state = cmaw_read_bytes(&reader, cmaw_read_u32be(&reader));
        payloads[count++] = cmaw_temporal_payload_sealed(CMAW_TEMPORAL_STATE, key_id, state);
    }
    CMAW_TRY(cmaw_reader_end(&reader));
    *ret_count = count;
    return CMAW_OK;
}

static enum cmaw_err timeout_of(const struct cmaw_run_record *record, uint64_t *ret_ms, struct cmaw_diag *diag)
{
    enum { LEAST_MS = 1000 };
    struct cmaw_ticket *ticket = calloc(1, sizeof *ticket);
    struct cmaw_ticket_header *header = calloc(1, sizeof *header);
    enum cmaw_err err = ticket == NULL || header == NULL ? CMAW_E_NO_MEMORY : cmaw_ticket_parse(cmaw_buf_slice(&record->ticket), ticket);
    err = err != CMAW_OK ? err : cmaw_ticket_header_parse(ticket->header, header);
    const uint64_t expires_ms = err == CMAW_OK ? header->expires_ms : 0;
    free(ticket);
    free(header);
    CMAW_TRY(err);
    const uint64_t now = cmaw_wall_clock_ms();
    if (expires_ms <= now) {
        cmaw_diag_hint(diag, "submit the input again: another ticket is another run");
        return cmaw_diag_set(diag, CMAW_E_EXPIRED, "the ticket of run %s has expired", record->workflow_id);
    }
    /* the enclaves refuse what has expired with a code of their own, which says more than Temporal's timeout */
    *ret_ms = 2 * (expires_ms - now) + 60 * LEAST_MS;
    return CMAW_OK;
}

enum cmaw_err cmaw_run_start(struct cmaw_store *store, struct cmaw_temporal *temporal, struct cmaw_run_record *record, struct cmaw_diag *diag)
{
    CMAW_PINNED_AUTO(pinned);
    CMAW_TRY(cmaw_pinned_load(store, &record->mh, &pinned, diag));
    char tenant[CMAW_NAME_MAX + 1];
    char queue[CMAW_TEMPORAL_QUEUE_SIZE];
    char key_id[CMAW_TEMPORAL_KEY_ID_SIZE];
    char run[CMAW_TEMPORAL_ID_SIZE];
    CMAW_TRY(cmaw_slice_to_cstr(pinned.deployment->manifest.tenant, tenant, sizeof tenant));
    CMAW_TRY(cmaw_temporal_queue(tenant, record->mh.bytes, NULL, queue));
    cmaw_temporal_key_id(record->run_id.bytes, key_id);
    struct cmaw_temporal_start start = {.workflow_id = record->workflow_id, .type = CMAW_TEMPORAL_WORKFLOW_TYPE, .queue = queue,
                                        .request_id = record->request_id};
    CMAW_TRY(timeout_of(record, &start.timeout_ms, diag));
    struct cmaw_temporal_payload payloads[CMAW_EDGES_MAX + 2];
    CMAW_TRY(make_payloads(record, key_id, payloads, &start.count));
    start.payloads = payloads;
    CMAW_TRY(cmaw_temporal_start(temporal, &start, run, diag));
    record->status = CMAW_RUN_RUNNING;
    return cmaw_store_set_status(store, &record->run_id, CMAW_RUN_RUNNING, diag);
}
