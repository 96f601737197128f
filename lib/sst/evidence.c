#include "lib/sst/evidence.h"

#include "lib/pb/pb.h"

enum cmaw_err cmaw_disclosure_decode(struct cmaw_slice bytes, struct cmaw_disclosure *ret_disclosure)
{
    struct cmaw_pb_reader r = cmaw_pb_reader_of(bytes);
    ret_disclosure->edge = cmaw_pb_u32(&r, 1);
    ret_disclosure->agent_state = cmaw_pb_bytes(&r, 2);
    return cmaw_pb_end(&r);
}

/* A repeated bytes field into a list of fixed capacity. */
static uint32_t list_read(struct cmaw_pb_reader *reader, uint32_t field, struct cmaw_slice *list, uint32_t capacity)
{
    struct cmaw_slice element;
    uint32_t count = 0;
    while (cmaw_pb_next(reader, field, &element)) {
        if (count == capacity) {
            cmaw_pb_fail(reader, CMAW_E_MALFORMED);
            return 0;
        }
        list[count++] = element;
    }
    return count;
}

enum cmaw_err cmaw_evidence_decode(struct cmaw_slice bytes, struct cmaw_evidence *ret_evidence)
{
    struct cmaw_evidence *e = ret_evidence;
    CMAW_REQUIRE(bytes.size <= CMAW_EVIDENCE_MAX, CMAW_E_TOO_LARGE);
    struct cmaw_pb_reader r = cmaw_pb_reader_of(bytes);
    struct cmaw_slice nested;
    e->manifest = cmaw_pb_bytes(&r, 1);
    e->plan = cmaw_pb_bytes(&r, 2);
    e->ticket_header = cmaw_pb_bytes(&r, 3);
    e->ak_doc_count = list_read(&r, 4, e->ak_docs, CMAW_STEPS_MAX);
    e->receipt_count = list_read(&r, 5, e->receipts, CMAW_STEPS_MAX + 1);
    e->state_count = list_read(&r, 6, e->states, CMAW_EDGES_MAX);
    e->disclosure_count = 0;
    while (cmaw_pb_next(&r, 7, &nested)) {
        CMAW_REQUIRE(e->disclosure_count < CMAW_EDGES_MAX, CMAW_E_MALFORMED);
        CMAW_TRY(cmaw_disclosure_decode(nested, &e->disclosures[e->disclosure_count++]));
    }
    return cmaw_pb_end(&r);
}

static void list_write(uint32_t field, const struct cmaw_slice *list, uint32_t count, struct cmaw_buf *buf)
{
    for (uint32_t i = 0; i < count; i++) {
        cmaw_pb_put_element(buf, field, list[i]);
    }
}

void cmaw_evidence_encode(const struct cmaw_evidence *evidence, struct cmaw_buf *buf)
{
    cmaw_pb_put_bytes(buf, 1, evidence->manifest);
    cmaw_pb_put_bytes(buf, 2, evidence->plan);
    cmaw_pb_put_bytes(buf, 3, evidence->ticket_header);
    list_write(4, evidence->ak_docs, evidence->ak_doc_count, buf);
    list_write(5, evidence->receipts, evidence->receipt_count, buf);
    list_write(6, evidence->states, evidence->state_count, buf);
    for (uint32_t i = 0; i < evidence->disclosure_count; i++) {
        const size_t mark = cmaw_pb_open(buf);
        cmaw_pb_put_u32(buf, 1, evidence->disclosures[i].edge);
        cmaw_pb_put_bytes(buf, 2, evidence->disclosures[i].agent_state);
        cmaw_pb_close(buf, 7, mark);
    }
}
