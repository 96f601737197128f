#include "sst_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cbor/write.h"
#include "lib/crypto/random.h"
#include "lib/crypto/x509_make.h"

enum { HOUR_MS = 3600 * 1000 };

static void ok(enum cmaw_err err)
{
    assert_string_equal(cmaw_err_text(err), cmaw_err_text(CMAW_OK));
}

static void make_authority(struct sst_world *w)
{
    static const char *const names[SST_WORLD_CERTS] = {"test root", "test issuer", "test leaf"};
    for (size_t i = 0; i < SST_WORLD_CERTS; i++) {
        const struct cmaw_x509_spec spec = {
            .common_name = names[i],
            .not_before_s = (int64_t)(SST_NOW_MS / 1000) - 10000,
            .not_after_s = (int64_t)(SST_NOW_MS / 1000) + 10000,
            .ca = i + 1 < SST_WORLD_CERTS,
            .path_length = -1,
        };
        w->certs[i] = CMAW_BUF(4096);
        ok(cmaw_ec_generate(CMAW_EC_P384, &w->keys[i]));
        const size_t issuer = i == 0 ? 0 : i - 1;
        ok(cmaw_x509_make(&spec, w->keys[i], i == 0 ? CMAW_SLICE_EMPTY : cmaw_buf_slice(&w->certs[issuer]), w->keys[issuer],
            &w->certs[i]));
    }
}

static void make_manifest(struct sst_world *w)
{
    static const char *const names[SST_ROLES] = {"reader", "writer", "judge"};
    static const char *const arns[SST_ROLES] = {
        "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-4000-8000-000000000001",
        "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-4000-8000-000000000002",
        "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-4000-8000-000000000003",
    };
    uint8_t root[CMAW_HASH_SIZE];
    struct cmaw_manifest *m = calloc(1, sizeof *m);
    assert_non_null(m);
    cmaw_sha256(cmaw_buf_slice(&w->certs[0]), root);
    m->version = 1;
    m->tenant = CMAW_SLICE_LIT("acme");
    m->serial = 1;
    m->epoch = 1;
    m->attestation_root = CMAW_SLICE_ARRAY(root);
    m->not_before_ms = SST_NOW_MS - HOUR_MS;
    m->not_after_ms = SST_NOW_MS + HOUR_MS;
    m->role_count = SST_ROLES;
    for (uint32_t i = 0; i < SST_ROLES; i++) {
        struct cmaw_role *role = &m->roles[i];
        role->id = i + 1;
        role->name = cmaw_slice_of_cstr(names[i]);
        role->kms_key_arn = cmaw_slice_of_cstr(arns[i]);
        role->measurement_count = 1;
        for (size_t p = 0; p < CMAW_MEASURED_PCRS; p++) {
            memset(w->pcrs[i][p], (int)(16 * i + p + 1), CMAW_PCR_SIZE);
            role->measurements[0].pcrs[p] = p == 3 ? CMAW_SLICE_EMPTY : CMAW_SLICE_ARRAY(w->pcrs[i][p]);
        }
    }
    w->manifest_bytes = CMAW_BUF(CMAW_MANIFEST_MAX);
    cmaw_manifest_encode(m, &w->manifest_bytes);
    free(m);
    ok(cmaw_manifest_parse(cmaw_buf_slice(&w->manifest_bytes), &w->manifest));
}

void sst_doc_of(const struct sst_world *world, const struct sst_enclave *enclave, struct sst_doc *ret_doc)
{
    static const uint8_t zeros[CMAW_PCR_SIZE];
    static const uint32_t measured[CMAW_MEASURED_PCRS] = {0, 1, 2, 8};
    const uint32_t role = enclave->role->id;
    *ret_doc = (struct sst_doc){.timestamp_ms = SST_NOW_MS, .spki = CMAW_BUF(CMAW_P384_SPKI_SIZE)};
    for (size_t i = 0; i < 16; i++) {
        ret_doc->pcrs[i] = CMAW_SLICE_ARRAY(zeros);
    }
    for (size_t p = 0; p < CMAW_MEASURED_PCRS; p++) {
        ret_doc->pcrs[measured[p]] = CMAW_SLICE_ARRAY(world->pcrs[role - 1][p]);
    }
    ok(cmaw_role_lock_pcr(&world->manifest.mh, role, &ret_doc->lock));
    ok(cmaw_ak_user_data(&world->manifest.mh, role, &ret_doc->ak_user_data));
    cmaw_ec_put_spki(enclave->ak, &ret_doc->spki);
    ret_doc->pcrs[16] = cmaw_pcr_slice(&ret_doc->lock);
    ret_doc->user_data = cmaw_bytes32_slice(&ret_doc->ak_user_data);
    ret_doc->public_key = cmaw_buf_slice(&ret_doc->spki);
}

static void put_pcrs(const struct sst_doc *doc, struct cmaw_buf *buf)
{
    size_t count = 0;
    for (size_t i = 0; i < CMAW_PCR_COUNT; i++) {
        count += doc->pcrs[i].size > 0;
    }
    cmaw_cbor_put_cstr(buf, "pcrs");
    cmaw_cbor_put_map(buf, count);
    for (size_t i = 0; i < CMAW_PCR_COUNT; i++) {
        if (doc->pcrs[i].size > 0) {
            cmaw_cbor_put_uint(buf, i);
            cmaw_cbor_put_bstr(buf, doc->pcrs[i]);
        }
    }
}

static const uint8_t qemu_zeros[64];

static void put_certificates(const struct sst_world *world, struct cmaw_buf *buf)
{
    const bool is_unsigned = world->trust == CMAW_DOC_UNSIGNED_QEMU_TOO;
    cmaw_cbor_put_cstr(buf, "certificate");
    cmaw_cbor_put_bstr(buf, is_unsigned ? CMAW_SLICE_ARRAY(qemu_zeros) : cmaw_buf_slice(&world->certs[2]));
    cmaw_cbor_put_cstr(buf, "cabundle");
    cmaw_cbor_put_array(buf, is_unsigned ? 1 : 2);
    cmaw_cbor_put_bstr(buf, is_unsigned ? CMAW_SLICE_ARRAY(qemu_zeros) : cmaw_buf_slice(&world->certs[0]));
    if (!is_unsigned) {
        cmaw_cbor_put_bstr(buf, cmaw_buf_slice(&world->certs[1]));
    }
}

static void put_payload(const struct sst_world *world, const struct sst_doc *doc, struct cmaw_buf *buf)
{
    cmaw_cbor_put_map(buf, 9);
    cmaw_cbor_put_cstr(buf, "module_id");
    cmaw_cbor_put_cstr(buf, "i-0123456789abcdef0-enc0123456789abcdef");
    cmaw_cbor_put_cstr(buf, "digest");
    cmaw_cbor_put_cstr(buf, "SHA384");
    cmaw_cbor_put_cstr(buf, "timestamp");
    cmaw_cbor_put_uint(buf, doc->timestamp_ms);
    put_pcrs(doc, buf);
    put_certificates(world, buf);
    cmaw_cbor_put_cstr(buf, "public_key");
    cmaw_cbor_put_bstr(buf, doc->public_key);
    cmaw_cbor_put_cstr(buf, "user_data");
    cmaw_cbor_put_bstr(buf, doc->user_data);
    cmaw_cbor_put_cstr(buf, "nonce");
    cmaw_cbor_put_null(buf);
    ok(cmaw_buf_err(buf));
}

void sst_doc_sign(const struct sst_world *world, const struct sst_doc *doc, struct cmaw_buf *buf)
{
    static const uint8_t es384[] = {0xa1, 0x01, 0x38, 0x22}, qemu[] = {0xa1, 0x01, 0x20}; /* {1: -35}, {1: -1} */
    const bool is_unsigned = world->trust == CMAW_DOC_UNSIGNED_QEMU_TOO;
    const struct cmaw_slice header = is_unsigned ? CMAW_SLICE_ARRAY(qemu) : CMAW_SLICE_ARRAY(es384);
    CMAW_BUF_AUTO(payload, CMAW_DOC_PAYLOAD_MAX);
    struct cmaw_cose_tbs tbs;
    uint8_t signature[CMAW_ES384_SIZE];
    put_payload(world, doc, &payload);
    cmaw_cose_tbs_of(header, cmaw_buf_slice(&payload), &tbs);
    ok(cmaw_es384_sign(world->keys[2], tbs.parts, CMAW_COSE_TBS_PARTS, signature));
    cmaw_cose_put_sign1(buf, &(struct cmaw_cose_sign1){header, cmaw_buf_slice(&payload),
                                                       is_unsigned ? CMAW_SLICE_ARRAY(qemu_zeros) : CMAW_SLICE_ARRAY(signature)});
    ok(cmaw_buf_err(buf));
}

static void make_enclave(struct sst_world *w, uint32_t index)
{
    struct sst_enclave *e = &w->enclaves[index];
    struct sst_doc doc;
    e->role = &w->manifest.roles[index];
    e->ak_doc = CMAW_BUF(CMAW_AK_DOC_MAX);
    e->blob = CMAW_BUF(CMAW_KMS_BLOB_MAX);
    e->cert = CMAW_BUF(CMAW_BIRTH_CERT_MAX);
    ok(cmaw_random(e->tsk, sizeof e->tsk));
    ok(cmaw_ec_generate(CMAW_EC_P256, &e->ak));
    ok(cmaw_role_keys_derive(CMAW_SLICE_ARRAY(e->tsk), &w->manifest.mh, e->role->id, &e->keys));
    sst_doc_of(w, e, &doc);
    sst_doc_sign(w, &doc, &e->ak_doc);
    cmaw_buf_free(&doc.spki);
    cmaw_buf_printf(&e->blob, "wrapped key of role %u", e->role->id);
    struct cmaw_birth_claims claims = {
        .manifest = w->manifest.mh,
        .role = e->role->id,
        .tsk_commit = e->keys.tsk_commit,
        .pk_role = e->keys.pk,
        .key_arn = e->role->kms_key_arn,
        .created_ms = SST_NOW_MS,
    };
    ok(cmaw_kms_blob_hash(cmaw_buf_slice(&e->blob), &claims.blob_hash));
    ok(cmaw_birth_make(&claims, e->ak, &e->cert));
}

static void make_bundle(struct sst_world *w)
{
    struct cmaw_bundle bundle = {.manifest = cmaw_buf_slice(&w->manifest_bytes), .role_count = SST_ROLES};
    struct cmaw_finding finding = {0};
    for (uint32_t i = 0; i < SST_ROLES; i++) {
        const struct sst_enclave *e = &w->enclaves[i];
        bundle.roles[i] = (struct cmaw_role_key){
            i + 1, cmaw_buf_slice(&e->cert), cmaw_buf_slice(&e->ak_doc), cmaw_buf_slice(&e->blob)};
    }
    w->bundle_bytes = CMAW_BUF(CMAW_BUNDLE_MAX);
    cmaw_bundle_encode(&bundle, &w->bundle_bytes);
    ok(cmaw_buf_err(&w->bundle_bytes));
    const enum cmaw_err err =
        cmaw_bundle_verify(cmaw_buf_slice(&w->bundle_bytes), &w->manifest.mh, w->trust, &w->deployment, &finding);
    assert_string_equal(finding.text, "");
    ok(err);
}

void sst_world_make(struct sst_world *world, enum cmaw_doc_trust trust)
{
    memset(world, 0, sizeof *world);
    world->trust = trust;
    make_authority(world);
    make_manifest(world);
    for (uint32_t i = 0; i < SST_ROLES; i++) {
        make_enclave(world, i);
    }
    make_bundle(world);
}

void sst_world_free(struct sst_world *world)
{
    for (size_t i = 0; i < SST_WORLD_CERTS; i++) {
        cmaw_ec_key_free(world->keys[i]);
        cmaw_buf_free(&world->certs[i]);
    }
    for (size_t i = 0; i < SST_ROLES; i++) {
        struct sst_enclave *e = &world->enclaves[i];
        cmaw_role_keys_release(&e->keys);
        cmaw_ec_key_free(e->ak);
        cmaw_buf_free(&e->ak_doc);
        cmaw_buf_free(&e->blob);
        cmaw_buf_free(&e->cert);
    }
    cmaw_buf_free(&world->manifest_bytes);
    cmaw_buf_free(&world->bundle_bytes);
}

void sst_plan_make(const struct sst_world *world, const uint32_t *roles, uint32_t steps, const struct sst_edge *edges,
    uint32_t edge_count, struct cmaw_buf *buf)
{
    static char names[CMAW_EDGES_MAX][8];
    struct cmaw_plan *plan = calloc(1, sizeof *plan);
    assert_non_null(plan);
    plan->version = 1;
    plan->name = CMAW_SLICE_LIT("test");
    plan->manifest = cmaw_bytes32_slice(&world->manifest.mh);
    plan->step_count = steps;
    plan->edge_count = edge_count;
    for (uint32_t i = 0; i < CMAW_EDGES_MAX; i++) {
        (void)snprintf(names[i], sizeof names[i], "n%u", i + 1);
    }
    for (uint32_t i = 0; i < steps; i++) {
        plan->steps[i] = (struct cmaw_plan_step){i + 1, cmaw_slice_of_cstr(names[i]), roles[i], 60, 3, 0, 0};
    }
    for (uint32_t i = 0; i < edge_count; i++) {
        plan->edges[i] = (struct cmaw_plan_edge){
            i + 1, edges[i].from, edges[i].to, cmaw_slice_of_cstr(names[i]), edges[i].size_class};
    }
    cmaw_plan_encode(plan, buf);
    ok(cmaw_buf_err(buf));
    free(plan);
}

void sst_run_start(const struct sst_world *world, const uint32_t *roles, uint32_t steps, const struct sst_edge *edges,
    uint32_t edge_count, struct cmaw_slice content, struct sst_run *ret_run)
{
    struct cmaw_finding finding = {0};
    memset(ret_run, 0, sizeof *ret_run);
    ret_run->plan = CMAW_BUF(CMAW_PLAN_MAX);
    sst_plan_make(world, roles, steps, edges, edge_count, &ret_run->plan);
    const enum cmaw_err err = cmaw_run_new(
        &world->deployment, cmaw_buf_slice(&ret_run->plan), SST_NOW_MS + HOUR_MS / 2, &ret_run->run, &finding);
    assert_string_equal(finding.text, "");
    ok(err);
    for (uint32_t i = 0; i < edge_count; i++) {
        ret_run->states[i] = CMAW_BUF(CMAW_SUM_MAX + CMAW_STATE_HEADER_MAX);
        if (edges[i].from == 0) {
            const struct cmaw_agent_state state = {.content_type = CMAW_SLICE_LIT("text/plain"), .content = content};
            struct cmaw_sealed sealed;
            ok(cmaw_run_seal_input(&ret_run->run, i + 1, &state, &ret_run->states[i], &sealed));
        }
    }
}

static void forge_ticket(const struct sst_world *world, struct sst_run *run)
{
    struct cmaw_ticket *ticket = calloc(1, sizeof *ticket);
    struct cmaw_buf grants[SST_ROLES];
    assert_non_null(ticket);
    ticket->header = cmaw_buf_slice(&run->run.header);
    for (uint32_t role = 1; role <= SST_ROLES; role++) {
        grants[role - 1] = CMAW_BUF(CMAW_TICKET_MAX);
        if (cmaw_plan_has_role(&run->run.plan, role)) {
            ok(cmaw_grant_seal(&run->run.plan, &run->run.run_id, role, &world->enclaves[role - 1].keys.pk, &run->run.secrets,
                &grants[role - 1]));
            ok(cmaw_grant_decode(cmaw_buf_slice(&grants[role - 1]), &ticket->grants[ticket->grant_count++]));
        }
    }
    cmaw_ticket_encode(ticket, &run->run.ticket);
    for (uint32_t i = 0; i < SST_ROLES; i++) {
        cmaw_buf_free(&grants[i]);
    }
    free(ticket);
}

void sst_run_forge(const struct sst_world *world, struct sst_run *run, struct cmaw_slice plan,
    const struct cmaw_ticket_header *header)
{
    CMAW_BUF_AUTO(header_bytes, CMAW_TICKET_HEADER_MAX);
    CMAW_BUF_AUTO(plan_bytes, CMAW_PLAN_MAX);
    cmaw_ticket_header_encode(header, &header_bytes); /* before what it may point into is replaced */
    cmaw_buf_put(&plan_bytes, plan);
    cmaw_buf_reset(&run->run.header);
    cmaw_buf_put(&run->run.header, cmaw_buf_slice(&header_bytes));
    cmaw_buf_reset(&run->plan);
    cmaw_buf_put(&run->plan, cmaw_buf_slice(&plan_bytes));
    cmaw_buf_reset(&run->run.ticket);
    ok(cmaw_plan_parse_public(cmaw_buf_slice(&run->plan), &run->run.plan));
    ok(cmaw_ctx_hash(CMAW_LABEL_RUN, CMAW_FIELDS(CMAW_F(cmaw_buf_slice(&run->run.header))), &run->run.run_id));
    forge_ticket(world, run);
    for (uint32_t i = 0; i < run->run.plan.edge_count; i++) {
        cmaw_buf_reset(&run->states[i]);
        if (run->run.plan.edges[i].from == 0) {
            const struct cmaw_agent_state state = {.content = CMAW_SLICE_LIT("forged")};
            struct cmaw_sealed sealed;
            ok(cmaw_run_seal_input(&run->run, i + 1, &state, &run->states[i], &sealed));
        }
    }
}

struct cmaw_step_self sst_self(const struct sst_world *world, uint32_t role)
{
    const struct sst_enclave *e = &world->enclaves[role - 1];
    return (struct cmaw_step_self){&world->manifest, e->role, &e->keys.kem};
}

struct cmaw_step_signer sst_signer(const struct sst_world *world, uint32_t role)
{
    const struct sst_enclave *e = &world->enclaves[role - 1];
    return (struct cmaw_step_signer){e->ak, cmaw_buf_slice(&e->ak_doc), SST_NOW_MS + 10, SST_NOW_MS + 20};
}

void sst_run_request(const struct sst_run *run, uint32_t step, struct cmaw_step_request *ret_request)
{
    uint32_t cursor = 0;
    const struct cmaw_plan_edge *edge;
    *ret_request = (struct cmaw_step_request){
        .plan = cmaw_buf_slice(&run->plan),
        .ticket = cmaw_buf_slice(&run->run.ticket),
        .step = step,
        .attempt = 1,
    };
    while ((edge = cmaw_plan_next_in(&run->run.plan, step, &cursor)) != NULL) {
        ret_request->inputs[ret_request->input_count++] = cmaw_buf_slice(&run->states[edge->id - 1]);
    }
}

static void run_step(const struct sst_world *world, struct sst_run *run, uint32_t id)
{
    struct cmaw_step_request *request = malloc(sizeof *request);
    struct cmaw_agent_state *outputs = calloc(CMAW_EDGES_MAX, sizeof *outputs);
    struct cmaw_step_result *result = calloc(1, sizeof *result);
    struct cmaw_step *step = NULL;
    const uint32_t role = run->run.plan.steps[id - 1].role;
    const struct cmaw_step_self self = sst_self(world, role);
    const struct cmaw_step_signer signer = sst_signer(world, role);
    assert_true(request != NULL && outputs != NULL && result != NULL);
    sst_run_request(run, id, request);
    assert_string_equal(cmaw_code_name(cmaw_step_open(&self, request, SST_NOW_MS, &step)), "OK");
    for (uint32_t i = 0; i < step->output_count; i++) {
        outputs[i] = step->inputs[0].opened.content;
        outputs[i].annotations[0] = (struct cmaw_annotation){CMAW_SLICE_LIT("from"), step->step->name};
        outputs[i].annotation_count = 1;
    }
    assert_string_equal(cmaw_code_name(cmaw_step_finish(step, outputs, step->output_count, &signer, result)), "OK");
    for (uint32_t i = 0; i < step->output_count; i++) {
        cmaw_buf_put(&run->states[step->outputs[i]->id - 1], result->state[i]);
    }
    run->receipts[id - 1] = result->receipt;
    result->receipt = CMAW_BUF(0);
    cmaw_step_result_free(result);
    cmaw_step_free(step);
    free(request);
    free(outputs);
    free(result);
}

static void make_evidence(const struct sst_world *world, struct sst_run *run)
{
    struct cmaw_evidence *e = &run->evidence;
    bool used[SST_ROLES] = {false};
    e->manifest = cmaw_buf_slice(&world->manifest_bytes);
    e->plan = cmaw_buf_slice(&run->plan);
    e->ticket_header = cmaw_buf_slice(&run->run.header);
    for (uint32_t i = 0; i < run->run.plan.step_count; i++) {
        const uint32_t role = run->run.plan.steps[i].role - 1;
        e->receipts[e->receipt_count++] = cmaw_buf_slice(&run->receipts[i]);
        if (!used[role]) {
            used[role] = true;
            e->ak_docs[e->ak_doc_count++] = cmaw_buf_slice(&world->enclaves[role].ak_doc);
        }
    }
    for (uint32_t i = 0; i < run->run.plan.edge_count; i++) {
        e->states[e->state_count++] = cmaw_buf_slice(&run->states[i]);
    }
}

void sst_run_all(const struct sst_world *world, struct sst_run *run)
{
    for (uint32_t id = 1; id <= run->run.plan.step_count; id++) {
        run_step(world, run, id);
    }
    make_evidence(world, run);
}

void sst_run_free(struct sst_run *run)
{
    for (size_t i = 0; i < CMAW_EDGES_MAX; i++) {
        cmaw_buf_free(&run->states[i]);
    }
    for (size_t i = 0; i < CMAW_STEPS_MAX; i++) {
        cmaw_buf_free(&run->receipts[i]);
    }
    cmaw_buf_free(&run->plan);
    cmaw_new_run_free(&run->run);
}
