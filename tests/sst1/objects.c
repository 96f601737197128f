#include <string.h>

#include "lib/pb/pb.h"
#include "lib/sst/bundle.h"
#include "lib/sst/evidence.h"
#include "lib/sst/state.h"
#include "lib/sst/ticket.h"
#include "tests/sst1/vec.h"

enum { ENCODED_MAX = 64 * 1024 * 1024 };

void vec_manifest_valid(struct vec *v, const json_t *item)
{
    struct cmaw_manifest *manifest = vec_alloc(v, sizeof *manifest);
    struct cmaw_buf *again = vec_buf(v, ENCODED_MAX);
    if (vec_ok(v, cmaw_manifest_parse(vec_bytes(v, item, "manifest"), manifest), "parse")) {
        cmaw_manifest_encode(manifest, again);
        vec_equal(v, item, "manifest", cmaw_buf_slice(again));
    }
}

void vec_manifest_invalid(struct vec *v, const json_t *item)
{
    struct cmaw_manifest *manifest = vec_alloc(v, sizeof *manifest);
    (void)vec_check(v, cmaw_manifest_parse(vec_bytes(v, item, "manifest"), manifest) != CMAW_OK, "accepted");
}

static const struct cmaw_manifest *file_manifest(struct vec *v)
{
    struct cmaw_manifest *manifest = vec_alloc(v, sizeof *manifest);
    (void)vec_ok(v, cmaw_manifest_parse(vec_bytes(v, v->root, "manifest"), manifest), "the file's manifest");
    return manifest;
}

void vec_plan_valid(struct vec *v, const json_t *item)
{
    struct cmaw_plan *plan = vec_alloc(v, sizeof *plan);
    struct cmaw_buf *again = vec_buf(v, ENCODED_MAX);
    if (vec_ok(v, cmaw_plan_parse(vec_bytes(v, item, "plan"), file_manifest(v), plan), "parse")) {
        cmaw_plan_encode(plan, again);
        vec_equal(v, item, "plan", cmaw_buf_slice(again));
        (void)vec_ok(v, cmaw_plan_parse_public(vec_bytes(v, item, "plan"), plan), "parse without manifest");
    }
}

void vec_plan_invalid(struct vec *v, const json_t *item)
{
    struct cmaw_plan *plan = vec_alloc(v, sizeof *plan);
    (void)vec_check(v, cmaw_plan_parse(vec_bytes(v, item, "plan"), file_manifest(v), plan) != CMAW_OK, "accepted");
}

static void manifest_of_value(struct vec *v, const json_t *value, struct cmaw_manifest *manifest)
{
    static const char *const pcr_keys[CMAW_MEASURED_PCRS] = {"pcr0", "pcr1", "pcr2", "pcr8"};
    const json_t *roles = json_object_get(value, "roles");
    size_t i;
    json_t *role;
    manifest->version = vec_u32(v, value, "version");
    manifest->tenant = vec_text(v, value, "tenant");
    manifest->serial = vec_u64(v, value, "serial");
    manifest->epoch = vec_u64(v, value, "epoch");
    manifest->attestation_root = vec_bytes(v, value, "attestation_root");
    manifest->not_before_ms = vec_u64(v, value, "not_before_ms");
    manifest->not_after_ms = vec_u64(v, value, "not_after_ms");
    if (!vec_check(v, json_array_size(roles) <= CMAW_ROLES_MAX, "roles")) {
        return;
    }
    json_array_foreach(roles, i, role) {
        struct cmaw_role *r = &manifest->roles[manifest->role_count++];
        const json_t *measurements = json_object_get(role, "measurements");
        r->id = vec_u32(v, role, "id");
        r->name = vec_text(v, role, "name");
        r->kms_key_arn = vec_text(v, role, "kms_key_arn");
        for (size_t m = 0; m < json_array_size(measurements) && m < CMAW_MEASUREMENTS_MAX; m++) {
            const json_t *measurement = json_array_get(measurements, m);
            for (size_t p = 0; p < CMAW_MEASURED_PCRS; p++) {
                if (vec_has(measurement, pcr_keys[p])) {
                    r->measurements[m].pcrs[p] = vec_bytes(v, measurement, pcr_keys[p]);
                }
            }
            r->measurement_count++;
        }
    }
}

static void plan_of_value(struct vec *v, const json_t *value, struct cmaw_plan *plan)
{
    size_t i;
    json_t *item;
    plan->version = vec_u32(v, value, "version");
    plan->name = vec_text(v, value, "name");
    plan->manifest = vec_bytes(v, value, "manifest");
    if (!vec_check(v, json_array_size(json_object_get(value, "steps")) <= CMAW_STEPS_MAX &&
                          json_array_size(json_object_get(value, "edges")) <= CMAW_EDGES_MAX, "steps or edges")) {
        return;
    }
    json_array_foreach(json_object_get(value, "steps"), i, item) {
        plan->steps[plan->step_count++] = (struct cmaw_plan_step){
            .id = vec_u32(v, item, "id"),
            .name = vec_text(v, item, "name"),
            .role = vec_u32(v, item, "role"),
            .timeout_s = vec_u32(v, item, "timeout_s"),
            .max_attempts = vec_u32(v, item, "max_attempts"),
        };
    }
    json_array_foreach(json_object_get(value, "edges"), i, item) {
        plan->edges[plan->edge_count++] = (struct cmaw_plan_edge){
            .id = vec_u32(v, item, "id"),
            .from = vec_u32(v, item, "from"),
            .to = vec_u32(v, item, "to"),
            .name = vec_text(v, item, "name"),
            .size_class = vec_u32(v, item, "size_class"),
        };
    }
}

static void header_of_value(struct vec *v, const json_t *value, struct cmaw_ticket_header *header)
{
    const json_t *commits = json_object_get(value, "edge_commits");
    header->version = vec_u32(v, value, "version");
    header->manifest = vec_bytes(v, value, "manifest");
    header->plan = vec_bytes(v, value, "plan");
    header->expires_ms = vec_u64(v, value, "expires_ms");
    header->nonce = vec_bytes(v, value, "nonce");
    for (size_t i = 0; i < json_array_size(commits) && i < CMAW_EDGES_MAX; i++) {
        header->edge_commits[header->commit_count++] = vec_decode(v, json_array_get(commits, i), "edge_commits");
    }
}

static void check_manifest(struct vec *v, const json_t *object)
{
    struct cmaw_manifest *manifest = vec_alloc(v, sizeof *manifest);
    struct cmaw_buf *encoded = vec_buf(v, ENCODED_MAX);
    manifest_of_value(v, json_object_get(object, "value"), manifest);
    cmaw_manifest_encode(manifest, encoded);
    vec_equal(v, object, "bytes", cmaw_buf_slice(encoded));
    (void)vec_ok(v, cmaw_manifest_parse(cmaw_buf_slice(encoded), manifest), "manifest");
    vec_equal(v, object, "mh", cmaw_bytes32_slice(&manifest->mh));
}

static void check_plan(struct vec *v, const json_t *object)
{
    struct cmaw_plan *plan = vec_alloc(v, sizeof *plan);
    struct cmaw_buf *encoded = vec_buf(v, ENCODED_MAX);
    plan_of_value(v, json_object_get(object, "value"), plan);
    cmaw_plan_encode(plan, encoded);
    vec_equal(v, object, "bytes", cmaw_buf_slice(encoded));
    (void)vec_ok(v, cmaw_plan_parse_public(cmaw_buf_slice(encoded), plan), "plan");
    vec_equal(v, object, "ph", cmaw_bytes32_slice(&plan->ph));
}

void vec_objects(struct vec *v, const json_t *item)
{
    struct cmaw_ticket_header *header = vec_alloc(v, sizeof *header);
    struct cmaw_ticket *ticket = vec_alloc(v, sizeof *ticket);
    struct cmaw_buf *encoded = vec_buf(v, ENCODED_MAX);
    struct cmaw_buf *ticket_again = vec_buf(v, ENCODED_MAX);
    char workflow_id[CMAW_WORKFLOW_ID_SIZE];
    const json_t *header_object = json_object_get(item, "ticket_header");
    check_manifest(v, json_object_get(item, "manifest"));
    check_plan(v, json_object_get(item, "plan"));
    header_of_value(v, json_object_get(header_object, "value"), header);
    cmaw_ticket_header_encode(header, encoded);
    vec_equal(v, header_object, "bytes", cmaw_buf_slice(encoded));
    (void)vec_ok(v, cmaw_ticket_header_parse(cmaw_buf_slice(encoded), header), "ticket header");
    vec_equal(v, item, "run_id", cmaw_bytes32_slice(&header->run_id));
    cmaw_workflow_id(&header->run_id, workflow_id);
    (void)vec_check(v, cmaw_slice_eq_cstr(vec_text(v, item, "workflow_id"), workflow_id), "workflow_id");
    if (vec_ok(v, cmaw_ticket_parse(vec_bytes(v, item, "ticket"), ticket), "ticket")) {
        (void)vec_check(v, cmaw_slice_eq(ticket->header, cmaw_buf_slice(encoded)), "header in the ticket");
        cmaw_ticket_encode(ticket, ticket_again);
        vec_equal(v, item, "ticket", cmaw_buf_slice(ticket_again));
    }
}

/* Decodes a message by name and encodes it again. */
typedef enum cmaw_err recode_fn(struct vec *v, struct cmaw_slice bytes, struct cmaw_buf *buf);

static enum cmaw_err recode_manifest(struct vec *v, struct cmaw_slice bytes, struct cmaw_buf *buf)
{
    struct cmaw_manifest *manifest = vec_alloc(v, sizeof *manifest);
    CMAW_TRY(cmaw_manifest_decode(bytes, manifest));
    cmaw_manifest_encode(manifest, buf);
    return CMAW_OK;
}
static enum cmaw_err recode_plan(struct vec *v, struct cmaw_slice bytes, struct cmaw_buf *buf)
{
    struct cmaw_plan *plan = vec_alloc(v, sizeof *plan);
    CMAW_TRY(cmaw_plan_decode(bytes, plan));
    cmaw_plan_encode(plan, buf);
    return CMAW_OK;
}
static enum cmaw_err recode_ticket_header(struct vec *v, struct cmaw_slice bytes, struct cmaw_buf *buf)
{
    struct cmaw_ticket_header *header = vec_alloc(v, sizeof *header);
    CMAW_TRY(cmaw_ticket_header_decode(bytes, header));
    cmaw_ticket_header_encode(header, buf);
    return CMAW_OK;
}
static enum cmaw_err recode_ticket(struct vec *v, struct cmaw_slice bytes, struct cmaw_buf *buf)
{
    struct cmaw_ticket *ticket = vec_alloc(v, sizeof *ticket);
    CMAW_TRY(cmaw_ticket_decode(bytes, ticket));
    cmaw_ticket_encode(ticket, buf);
    return CMAW_OK;
}
static enum cmaw_err recode_grant(struct vec *, struct cmaw_slice bytes, struct cmaw_buf *buf)
{
    struct cmaw_grant grant;
    CMAW_TRY(cmaw_grant_decode(bytes, &grant));
    cmaw_grant_encode(&grant, buf);
    return CMAW_OK;
}
static enum cmaw_err recode_edge_secret(struct vec *, struct cmaw_slice bytes, struct cmaw_buf *buf)
{
    struct cmaw_pb_reader r = cmaw_pb_reader_of(bytes);
    cmaw_pb_put_u32(buf, 1, cmaw_pb_u32(&r, 1));
    cmaw_pb_put_bytes(buf, 2, cmaw_pb_bytes(&r, 2));
    return cmaw_pb_end(&r);
}
static enum cmaw_err recode_grant_secrets(struct vec *v, struct cmaw_slice bytes, struct cmaw_buf *buf)
{
    struct cmaw_pb_reader r = cmaw_pb_reader_of(bytes);
    struct cmaw_slice nested;
    while (cmaw_pb_next(&r, 1, &nested)) {
        const size_t mark = cmaw_pb_open(buf);
        CMAW_TRY(recode_edge_secret(v, nested, buf));
        cmaw_pb_close(buf, 1, mark);
    }
    return cmaw_pb_end(&r);
}
static enum cmaw_err recode_state_header(struct vec *, struct cmaw_slice bytes, struct cmaw_buf *buf)
{
    struct cmaw_state_header header;
    CMAW_TRY(cmaw_state_header_decode(bytes, &header));
    cmaw_pb_put_u32(buf, 1, header.version);
    cmaw_pb_put_bytes(buf, 2, header.run);
    cmaw_pb_put_u32(buf, 3, header.edge);
    cmaw_pb_put_u32(buf, 4, header.kind);
    cmaw_buf_put(buf, header.parents);
    cmaw_pb_put_u32(buf, 6, header.size_class);
    return CMAW_OK;
}
static enum cmaw_err recode_state(struct vec *, struct cmaw_slice bytes, struct cmaw_buf *buf)
{
    struct cmaw_state state;
    CMAW_TRY(cmaw_state_decode(bytes, &state));
    cmaw_pb_put_bytes(buf, 1, state.header.bytes);
    cmaw_pb_put_bytes(buf, 2, state.ciphertext);
    return CMAW_OK;
}
static enum cmaw_err recode_agent_state(struct vec *v, struct cmaw_slice bytes, struct cmaw_buf *buf)
{
    struct cmaw_agent_state *state = vec_alloc(v, sizeof *state);
    CMAW_TRY(cmaw_agent_state_decode(bytes, state));
    cmaw_agent_state_encode(state, buf);
    (void)vec_check(v, cmaw_agent_state_size(state) == buf->size, "cmaw_agent_state_size");
    return CMAW_OK;
}
static enum cmaw_err recode_bundle(struct vec *v, struct cmaw_slice bytes, struct cmaw_buf *buf)
{
    struct cmaw_bundle *bundle = vec_alloc(v, sizeof *bundle);
    CMAW_TRY(cmaw_bundle_decode(bytes, bundle));
    cmaw_bundle_encode(bundle, buf);
    return CMAW_OK;
}
static enum cmaw_err recode_evidence(struct vec *v, struct cmaw_slice bytes, struct cmaw_buf *buf)
{
    struct cmaw_evidence *evidence = vec_alloc(v, sizeof *evidence);
    CMAW_TRY(cmaw_evidence_decode(bytes, evidence));
    cmaw_evidence_encode(evidence, buf);
    return CMAW_OK;
}
static enum cmaw_err recode_disclosure(struct vec *, struct cmaw_slice bytes, struct cmaw_buf *buf)
{
    struct cmaw_disclosure disclosure;
    CMAW_TRY(cmaw_disclosure_decode(bytes, &disclosure));
    cmaw_pb_put_u32(buf, 1, disclosure.edge);
    cmaw_pb_put_bytes(buf, 2, disclosure.agent_state);
    return CMAW_OK;
}

/* Messages that only occur inside others are put into those first. */
static const struct {
    const char *message;
    recode_fn *recode;
    const char *outer;
    uint32_t field;
} messages[] = {
    {"Manifest", recode_manifest, NULL, 0},
    {"Role", NULL, "Manifest", 6},
    {"Measurement", NULL, "Role", 3},
    {"Plan", recode_plan, NULL, 0},
    {"Step", NULL, "Plan", 4},
    {"Edge", NULL, "Plan", 5},
    {"TicketHeader", recode_ticket_header, NULL, 0},
    {"Ticket", recode_ticket, NULL, 0},
    {"Grant", recode_grant, NULL, 0},
    {"GrantSecrets", recode_grant_secrets, NULL, 0},
    {"EdgeSecret", recode_edge_secret, NULL, 0},
    {"StateHeader", recode_state_header, NULL, 0},
    {"State", recode_state, NULL, 0},
    {"AgentState", recode_agent_state, NULL, 0},
    {"Annotation", NULL, "AgentState", 3},
    {"Bundle", recode_bundle, NULL, 0},
    {"RoleKey", NULL, "Bundle", 2},
    {"Evidence", recode_evidence, NULL, 0},
    {"Disclosure", recode_disclosure, NULL, 0},
};

/* True where the bytes are accepted as the message's encoding and come out of it again. */
static bool is_canonical(struct vec *v, struct cmaw_slice message, struct cmaw_slice bytes)
{
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        if (!cmaw_slice_eq_cstr(message, messages[i].message)) {
            continue;
        }
        struct cmaw_buf *buf = vec_buf(v, ENCODED_MAX);
        if (messages[i].outer != NULL) {
            cmaw_pb_put_element(buf, messages[i].field, bytes);
            return is_canonical(v, cmaw_slice_of_cstr(messages[i].outer), cmaw_buf_slice(buf));
        }
        return messages[i].recode(v, bytes, buf) == CMAW_OK && cmaw_slice_eq(cmaw_buf_slice(buf), bytes);
    }
    (void)vec_check(v, false, "no such message");
    return false;
}

void vec_canonical(struct vec *v, const json_t *item)
{
    (void)vec_check(v, is_canonical(v, vec_text(v, item, "message"), vec_bytes(v, item, "bytes")), "refused");
}

void vec_refused(struct vec *v, const json_t *item)
{
    (void)vec_check(v, !is_canonical(v, vec_text(v, item, "message"), vec_bytes(v, item, "bytes")), "accepted");
}
