/* The objects of the protocol: the first byte says which, the rest is the object. What is accepted is encoded again to the same
 * bytes, since every object has one encoding; and the checks run on whatever has the form. */
#include <stdlib.h>

#include "lib/cbor/cose.h"
#include "lib/sst/birth.h"
#include "lib/sst/bundle.h"
#include "lib/sst/evidence.h"
#include "lib/sst/receipt.h"
#include "lib/sst/state.h"
#include "lib/sst/ticket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ENCODED_MAX = 1 << 22 };

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void must_equal(const struct cmaw_buf *buf, struct cmaw_slice bytes)
{
    must(cmaw_buf_err(buf) == CMAW_OK && cmaw_slice_eq(cmaw_buf_slice(buf), bytes));
}

static void manifest(struct cmaw_slice bytes)
{
    static struct cmaw_manifest object;
    CMAW_BUF_AUTO(again, ENCODED_MAX);
    if (cmaw_manifest_decode(bytes, &object) == CMAW_OK) {
        cmaw_manifest_encode(&object, &again);
        must_equal(&again, bytes);
        CMAW_IGNORE(cmaw_manifest_check(&object)); /* it only must not crash */
    }
}

static void plan(struct cmaw_slice bytes)
{
    static struct cmaw_plan object;
    CMAW_BUF_AUTO(again, ENCODED_MAX);
    if (cmaw_plan_decode(bytes, &object) == CMAW_OK) {
        cmaw_plan_encode(&object, &again);
        must_equal(&again, bytes);
        const char *why = NULL;
        must((cmaw_plan_check(&object, NULL, &why) == CMAW_OK) == (why == NULL));
    }
}

static void ticket_header(struct cmaw_slice bytes)
{
    static struct cmaw_ticket_header object;
    CMAW_BUF_AUTO(again, ENCODED_MAX);
    if (cmaw_ticket_header_parse(bytes, &object) == CMAW_OK) {
        cmaw_ticket_header_encode(&object, &again);
        must_equal(&again, bytes);
    }
}

static void ticket(struct cmaw_slice bytes)
{
    static struct cmaw_ticket object;
    CMAW_BUF_AUTO(again, ENCODED_MAX);
    if (cmaw_ticket_parse(bytes, &object) == CMAW_OK) {
        cmaw_ticket_encode(&object, &again);
        must_equal(&again, bytes);
    }
}

static void state(struct cmaw_slice bytes)
{
    struct cmaw_state object;
    if (cmaw_state_parse(bytes, &object) == CMAW_OK) {
        for (uint32_t i = 0; i < object.header.parent_count; i++) {
            must(cmaw_state_parent(&object.header, i).size == CMAW_HASH_SIZE);
        }
        must(cmaw_state_parent(&object.header, object.header.parent_count).size == 0);
    }
}

static void agent_state(struct cmaw_slice bytes)
{
    struct cmaw_agent_state object;
    struct cmaw_bytes32 commit;
    CMAW_BUF_AUTO(again, ENCODED_MAX);
    if (cmaw_agent_state_decode(bytes, &object) == CMAW_OK) {
        cmaw_agent_state_encode(&object, &again);
        must_equal(&again, bytes);
        must(cmaw_agent_state_size(&object) == bytes.size);
        must(cmaw_agent_state_commit(&object, &commit) == CMAW_OK);
        CMAW_IGNORE(cmaw_agent_state_check_content(&object)); /* it only must not crash */
    }
}

static void bundle(struct cmaw_slice bytes)
{
    static struct cmaw_bundle object;
    static struct cmaw_deployment deployment;
    CMAW_BUF_AUTO(again, ENCODED_MAX);
    if (cmaw_bundle_decode(bytes, &object) == CMAW_OK) {
        cmaw_bundle_encode(&object, &again);
        must_equal(&again, bytes);
        struct cmaw_finding finding = {0};
        must((cmaw_bundle_verify(bytes, NULL, CMAW_DOC_SIGNED, &deployment, &finding) == CMAW_OK) == (finding.check == NULL));
    }
}

static void evidence(struct cmaw_slice bytes)
{
    static struct cmaw_evidence object;
    CMAW_BUF_AUTO(again, ENCODED_MAX);
    if (cmaw_evidence_decode(bytes, &object) == CMAW_OK) {
        cmaw_evidence_encode(&object, &again);
        must_equal(&again, bytes);
    }
}

/* What is parsed and made again has the same payload. */
static void receipt(struct cmaw_slice bytes)
{
    static struct cmaw_signed_receipt object;
    static struct cmaw_ec_key *key;
    CMAW_BUF_AUTO(again, ENCODED_MAX);
    struct cmaw_cose_sign1 sign1;
    if (key == NULL) {
        must(cmaw_ec_generate(CMAW_EC_P256, &key) == CMAW_OK);
    }
    if (cmaw_receipt_parse(bytes, &object, NULL) == CMAW_OK) {
        must(cmaw_receipt_make(&object.claims, CMAW_SLICE_LIT("acme"), CMAW_SLICE_LIT("role"), key, &again) == CMAW_OK);
        must(cmaw_cose_sign1_parse(cmaw_buf_slice(&again), CMAW_CBOR_DETERMINISTIC, &sign1) == CMAW_OK);
        must(cmaw_slice_eq(sign1.payload, object.sign1.payload));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const objects[])(struct cmaw_slice) = {
        manifest, plan, ticket_header, ticket, state, agent_state, bundle, evidence, receipt};
    if (size > 0 && data[0] < sizeof objects / sizeof objects[0]) {
        objects[data[0]](cmaw_slice_of(data + 1, size - 1));
    }
    return 0;
}
