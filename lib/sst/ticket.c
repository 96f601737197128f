#include "lib/sst/ticket.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/crypto/hpke.h"
#include "lib/crypto/seal.h"
#include "lib/pb/pb.h"

enum { WORKFLOW_ID_BYTES = 20 }; /* of run_id */

enum cmaw_err cmaw_ticket_header_decode(struct cmaw_slice bytes, struct cmaw_ticket_header *ret_header)
{
    struct cmaw_ticket_header *h = ret_header;
    struct cmaw_pb_reader r = cmaw_pb_reader_of(bytes);
    struct cmaw_slice commit;
    h->bytes = bytes;
    h->run_id = (struct cmaw_bytes32){0};
    h->version = cmaw_pb_u32(&r, 1);
    h->manifest = cmaw_pb_bytes(&r, 2);
    h->plan = cmaw_pb_bytes(&r, 3);
    h->expires_ms = cmaw_pb_u64(&r, 4);
    h->nonce = cmaw_pb_bytes(&r, 5);
    h->commit_count = 0;
    while (cmaw_pb_next(&r, 6, &commit)) {
        CMAW_REQUIRE(h->commit_count < CMAW_EDGES_MAX, CMAW_E_MALFORMED);
        h->edge_commits[h->commit_count++] = commit;
    }
    return cmaw_pb_end(&r);
}

static enum cmaw_err header_check(const struct cmaw_ticket_header *header)
{
    CMAW_REQUIRE(header->version == 1, CMAW_E_MALFORMED);
    CMAW_REQUIRE(header->manifest.size == CMAW_HASH_SIZE && header->plan.size == CMAW_HASH_SIZE, CMAW_E_MALFORMED);
    CMAW_REQUIRE(header->nonce.size == CMAW_HASH_SIZE, CMAW_E_MALFORMED);
    for (uint32_t i = 0; i < header->commit_count; i++) {
        CMAW_REQUIRE(header->edge_commits[i].size == CMAW_HASH_SIZE, CMAW_E_MALFORMED);
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_ticket_header_parse(struct cmaw_slice bytes, struct cmaw_ticket_header *ret_header)
{
    CMAW_REQUIRE(bytes.size <= CMAW_TICKET_HEADER_MAX, CMAW_E_TOO_LARGE);
    CMAW_TRY(cmaw_ticket_header_decode(bytes, ret_header));
    CMAW_TRY(header_check(ret_header));
    return cmaw_ctx_hash(CMAW_LABEL_RUN, CMAW_FIELDS(CMAW_F(bytes)), &ret_header->run_id);
}

void cmaw_ticket_header_encode(const struct cmaw_ticket_header *header, struct cmaw_buf *buf)
{
    cmaw_pb_put_u32(buf, 1, header->version);
    cmaw_pb_put_bytes(buf, 2, header->manifest);
    cmaw_pb_put_bytes(buf, 3, header->plan);
    cmaw_pb_put_u64(buf, 4, header->expires_ms);
    cmaw_pb_put_bytes(buf, 5, header->nonce);
    for (uint32_t i = 0; i < header->commit_count; i++) {
        cmaw_pb_put_element(buf, 6, header->edge_commits[i]);
    }
}

enum cmaw_err cmaw_grant_decode(struct cmaw_slice bytes, struct cmaw_grant *ret_grant)
{
    struct cmaw_pb_reader r = cmaw_pb_reader_of(bytes);
    ret_grant->role = cmaw_pb_u32(&r, 1);
    ret_grant->enc = cmaw_pb_bytes(&r, 2);
    ret_grant->sealed = cmaw_pb_bytes(&r, 3);
    return cmaw_pb_end(&r);
}

void cmaw_grant_encode(const struct cmaw_grant *grant, struct cmaw_buf *buf)
{
    cmaw_pb_put_u32(buf, 1, grant->role);
    cmaw_pb_put_bytes(buf, 2, grant->enc);
    cmaw_pb_put_bytes(buf, 3, grant->sealed);
}

enum cmaw_err cmaw_ticket_decode(struct cmaw_slice bytes, struct cmaw_ticket *ret_ticket)
{
    struct cmaw_pb_reader r = cmaw_pb_reader_of(bytes);
    struct cmaw_slice nested;
    ret_ticket->header = cmaw_pb_bytes(&r, 1);
    ret_ticket->grant_count = 0;
    while (cmaw_pb_next(&r, 2, &nested)) {
        CMAW_REQUIRE(ret_ticket->grant_count < CMAW_ROLES_MAX, CMAW_E_MALFORMED);
        CMAW_TRY(cmaw_grant_decode(nested, &ret_ticket->grants[ret_ticket->grant_count++]));
    }
    return cmaw_pb_end(&r);
}

enum cmaw_err cmaw_ticket_parse(struct cmaw_slice bytes, struct cmaw_ticket *ret_ticket)
{
    CMAW_REQUIRE(bytes.size <= CMAW_TICKET_MAX, CMAW_E_TOO_LARGE);
    CMAW_TRY(cmaw_ticket_decode(bytes, ret_ticket));
    uint32_t last = 0;
    for (uint32_t i = 0; i < ret_ticket->grant_count; i++) {
        const struct cmaw_grant *grant = &ret_ticket->grants[i];
        CMAW_REQUIRE(grant->role > last, CMAW_E_MALFORMED);
        CMAW_REQUIRE(grant->enc.size == CMAW_HPKE_ENC_SIZE, CMAW_E_MALFORMED);
        last = grant->role;
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_ticket_check_roles(const struct cmaw_ticket *ticket, const struct cmaw_plan *plan)
{
    for (uint32_t i = 0; i < ticket->grant_count; i++) {
        CMAW_REQUIRE(cmaw_plan_has_role(plan, ticket->grants[i].role), CMAW_E_MALFORMED);
    }
    for (uint32_t s = 0; s < plan->step_count; s++) {
        bool granted = false;
        for (uint32_t i = 0; i < ticket->grant_count; i++) {
            granted = granted || ticket->grants[i].role == plan->steps[s].role;
        }
        CMAW_REQUIRE(granted, CMAW_E_MALFORMED);
    }
    return CMAW_OK;
}

void cmaw_ticket_encode(const struct cmaw_ticket *ticket, struct cmaw_buf *buf)
{
    cmaw_pb_put_bytes(buf, 1, ticket->header);
    for (uint32_t i = 0; i < ticket->grant_count; i++) {
        const size_t mark = cmaw_pb_open(buf);
        cmaw_grant_encode(&ticket->grants[i], buf);
        cmaw_pb_close(buf, 2, mark);
    }
}

void cmaw_workflow_id(const struct cmaw_bytes32 *run_id, char ret_id[CMAW_WORKFLOW_ID_SIZE])
{
    static const char prefix[] = "cmaw-";
    const size_t prefix_size = sizeof prefix - 1;
    memcpy(ret_id, prefix, prefix_size);
    CMAW_IGNORE(cmaw_hex_to_cstr(cmaw_slice_of(run_id->bytes, WORKFLOW_ID_BYTES), ret_id + prefix_size,
        CMAW_WORKFLOW_ID_SIZE - prefix_size)); /* the size is exact */
}
