#include "lib/sst/receipt.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/cbor/write.h"
#include "lib/sst/signed.h"

static const struct cmaw_signed_kind receipt_kind = {
    .content_type = "application/vnd.cmaw.receipt+cbor",
    .has_names = true,
    .check_cbor = "receipt.cbor",
    .check_protected = "receipt.protected",
    .check_alg = "receipt.alg",
    .check_type = "receipt.type",
    .check_kid = "receipt.kid",
    .check_signature = "receipt.signature",
};
enum { CLAIM_COUNT = 11, NAMES_MAX = 256 };

static void edges_encode(const struct cmaw_receipt_edge *edges, uint32_t count, struct cmaw_buf *buf)
{
    cmaw_cbor_put_array(buf, count);
    for (uint32_t i = 0; i < count; i++) {
        cmaw_cbor_put_array(buf, 3);
        cmaw_cbor_put_uint(buf, edges[i].edge);
        cmaw_cbor_put_bstr(buf, cmaw_bytes32_slice(&edges[i].digest));
        cmaw_cbor_put_bstr(buf, cmaw_bytes32_slice(&edges[i].commit));
    }
}

static void claims_encode(const struct cmaw_receipt *receipt, struct cmaw_buf *buf)
{
    cmaw_cbor_put_map(buf, CLAIM_COUNT);
    cmaw_cbor_put_uint(buf, 1);
    cmaw_cbor_put_uint(buf, 1);
    cmaw_cbor_put_uint(buf, 2);
    cmaw_cbor_put_bstr(buf, cmaw_bytes32_slice(&receipt->run));
    cmaw_cbor_put_uint(buf, 3);
    cmaw_cbor_put_uint(buf, receipt->step);
    cmaw_cbor_put_uint(buf, 4);
    cmaw_cbor_put_uint(buf, receipt->role);
    cmaw_cbor_put_uint(buf, 5);
    cmaw_cbor_put_uint(buf, receipt->attempt);
    cmaw_cbor_put_uint(buf, 6);
    edges_encode(cmaw_receipt_inputs(receipt), receipt->input_count, buf);
    cmaw_cbor_put_uint(buf, 7);
    edges_encode(cmaw_receipt_outputs(receipt), receipt->output_count, buf);
    cmaw_cbor_put_uint(buf, 8);
    cmaw_cbor_put_uint(buf, receipt->started_ms);
    cmaw_cbor_put_uint(buf, 9);
    cmaw_cbor_put_uint(buf, receipt->finished_ms);
    cmaw_cbor_put_uint(buf, 10);
    cmaw_cbor_put_bstr(buf, cmaw_bytes32_slice(&receipt->ak_doc));
    cmaw_cbor_put_uint(buf, 11);
    cmaw_cbor_put_uint(buf, receipt->kind);
}

static void iss_put(struct cmaw_slice tenant, struct cmaw_slice role_name, struct cmaw_buf *buf)
{
    cmaw_buf_put_cstr(buf, "cmaw:");
    cmaw_buf_put(buf, tenant);
    cmaw_buf_put_cstr(buf, "/");
    cmaw_buf_put(buf, role_name);
}

enum cmaw_err cmaw_receipt_make(const struct cmaw_receipt *receipt, struct cmaw_slice tenant, struct cmaw_slice role_name,
    const struct cmaw_ec_key *ak, struct cmaw_buf *buf)
{
    CMAW_BUF_AUTO(payload, CMAW_RECEIPT_MAX);
    CMAW_BUF_AUTO(iss, NAMES_MAX);
    CMAW_BUF_AUTO(sub, NAMES_MAX);
    claims_encode(receipt, &payload);
    iss_put(tenant, role_name, &iss);
    cmaw_buf_put_hex(&sub, cmaw_bytes32_slice(&receipt->run));
    CMAW_TRY(cmaw_buf_err(&payload));
    CMAW_TRY(cmaw_buf_err(&iss));
    CMAW_TRY(cmaw_buf_err(&sub));
    return cmaw_signed_make(&receipt_kind, cmaw_buf_slice(&iss), cmaw_buf_slice(&sub), cmaw_buf_slice(&payload), ak, buf);
}

static void bytes32_read(struct cmaw_cbor *cbor, struct cmaw_bytes32 *ret_value)
{
    CMAW_IGNORE(cmaw_bytes32_of(cmaw_cbor_bstr_exact(cbor, CMAW_HASH_SIZE), ret_value)); /* the reader latches */
}

/* Appends a list to receipt->edges; its edges ascend strictly from >= 1. */
static uint32_t edges_parse(struct cmaw_cbor *cbor, struct cmaw_receipt *receipt, uint32_t start)
{
    const size_t count = cmaw_cbor_array(cbor);
    if (count > CMAW_RECEIPT_EDGES_MAX - start) {
        cmaw_cbor_fail(cbor, CMAW_E_MALFORMED);
        return 0;
    }
    uint32_t last = 0;
    for (size_t i = 0; i < count && cbor->err == CMAW_OK; i++) {
        struct cmaw_receipt_edge *entry = &receipt->edges[start + i];
        cmaw_cbor_array_exact(cbor, 3);
        entry->edge = (uint32_t)cmaw_cbor_uint_max(cbor, UINT32_MAX);
        bytes32_read(cbor, &entry->digest);
        bytes32_read(cbor, &entry->commit);
        if (entry->edge <= last) {
            cmaw_cbor_fail(cbor, CMAW_E_MALFORMED);
        }
        last = entry->edge;
    }
    return (uint32_t)count;
}

static uint32_t u32_claim(struct cmaw_cbor *cbor, int64_t key)
{
    cmaw_cbor_expect_int(cbor, key);
    return (uint32_t)cmaw_cbor_uint_max(cbor, UINT32_MAX);
}

static enum cmaw_err claims_parse(struct cmaw_slice payload, struct cmaw_receipt *ret_receipt)
{
    struct cmaw_receipt *c = ret_receipt;
    struct cmaw_cbor cbor = cmaw_cbor_of(payload, CMAW_CBOR_DETERMINISTIC);
    cmaw_cbor_map_exact(&cbor, CLAIM_COUNT);
    cmaw_cbor_expect_int(&cbor, 1);
    cmaw_cbor_expect_int(&cbor, 1);
    cmaw_cbor_expect_int(&cbor, 2);
    bytes32_read(&cbor, &c->run);
    c->step = u32_claim(&cbor, 3);
    c->role = u32_claim(&cbor, 4);
    c->attempt = u32_claim(&cbor, 5);
    cmaw_cbor_expect_int(&cbor, 6);
    c->input_count = edges_parse(&cbor, c, 0);
    cmaw_cbor_expect_int(&cbor, 7);
    c->output_count = edges_parse(&cbor, c, c->input_count);
    cmaw_cbor_expect_int(&cbor, 8);
    c->started_ms = cmaw_cbor_uint(&cbor);
    cmaw_cbor_expect_int(&cbor, 9);
    c->finished_ms = cmaw_cbor_uint(&cbor);
    cmaw_cbor_expect_int(&cbor, 10);
    bytes32_read(&cbor, &c->ak_doc);
    c->kind = u32_claim(&cbor, 11);
    return cmaw_cbor_end(&cbor);
}

enum cmaw_err cmaw_receipt_parse(struct cmaw_slice bytes, struct cmaw_signed_receipt *ret_receipt, struct cmaw_finding *finding)
{
    struct cmaw_signed form;
    if (bytes.size > CMAW_RECEIPT_MAX) {
        return cmaw_finding_set(finding, CMAW_E_MALFORMED, "receipt.cbor", "over %d bytes", CMAW_RECEIPT_MAX);
    }
    CMAW_TRY(cmaw_signed_parse(&receipt_kind, bytes, &form, finding));
    ret_receipt->bytes = bytes;
    ret_receipt->sign1 = form.sign1;
    ret_receipt->kid = form.kid;
    ret_receipt->iss = form.iss;
    ret_receipt->sub = form.sub;
    if (claims_parse(form.sign1.payload, &ret_receipt->claims) != CMAW_OK) {
        return cmaw_finding_set(finding, CMAW_E_MALFORMED, "receipt.payload",
            "the claims are not exactly those that are asked for, in deterministic CBOR and ascending");
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_receipt_verify_signature(const struct cmaw_signed_receipt *receipt, const struct cmaw_ec_key *ak,
    const struct cmaw_bytes32 *kid, struct cmaw_finding *finding)
{
    return cmaw_signed_verify(&receipt_kind, &receipt->sign1, receipt->kid, ak, kid, finding);
}

enum cmaw_err cmaw_receipt_check_names(const struct cmaw_signed_receipt *receipt, struct cmaw_slice tenant,
    struct cmaw_slice role_name, struct cmaw_finding *finding)
{
    CMAW_BUF_AUTO(iss, NAMES_MAX);
    CMAW_BUF_AUTO(sub, NAMES_MAX);
    iss_put(tenant, role_name, &iss);
    cmaw_buf_put_hex(&sub, cmaw_bytes32_slice(&receipt->claims.run));
    CMAW_TRY(cmaw_buf_err(&iss));
    CMAW_TRY(cmaw_buf_err(&sub));
    if (!cmaw_slice_eq(receipt->iss, cmaw_buf_slice(&iss)) || !cmaw_slice_eq(receipt->sub, cmaw_buf_slice(&sub))) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "receipt.claims", "iss or sub does not repeat tenant, role and run");
    }
    return CMAW_OK;
}
