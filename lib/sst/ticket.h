/* TicketHeader, Ticket and Grant of PROTOCOL.md section 4: form only. Grants are made in grant.h and opened in grant_open.h. */
#ifndef CMAW_SST_TICKET_H
#define CMAW_SST_TICKET_H

#include "lib/sst/plan.h"

/* About 4 KiB; slices point into bytes. */
struct cmaw_ticket_header {
    struct cmaw_slice bytes;
    struct cmaw_bytes32 run_id; /* H(ctx("run", bytes)) */
    uint32_t version;
    struct cmaw_slice manifest;
    struct cmaw_slice plan;
    uint64_t expires_ms;
    struct cmaw_slice nonce;
    uint32_t commit_count;
    struct cmaw_slice edge_commits[CMAW_EDGES_MAX];
};
struct cmaw_grant {
    uint32_t role;
    struct cmaw_slice enc;
    struct cmaw_slice sealed;
};
struct cmaw_ticket {
    struct cmaw_slice header;
    uint32_t grant_count;
    struct cmaw_grant grants[CMAW_ROLES_MAX];
};

enum cmaw_err cmaw_ticket_header_decode(struct cmaw_slice bytes, struct cmaw_ticket_header *ret_header);
/* Size, decode, lengths, version and run_id. TOO_LARGE, MALFORMED. Nothing is compared with a plan or manifest. */
enum cmaw_err cmaw_ticket_header_parse(struct cmaw_slice bytes, struct cmaw_ticket_header *ret_header);
void cmaw_ticket_header_encode(const struct cmaw_ticket_header *header, struct cmaw_buf *buf);

enum cmaw_err cmaw_grant_decode(struct cmaw_slice bytes, struct cmaw_grant *ret_grant);
void cmaw_grant_encode(const struct cmaw_grant *grant, struct cmaw_buf *buf);

enum cmaw_err cmaw_ticket_decode(struct cmaw_slice bytes, struct cmaw_ticket *ret_ticket);
/* Size, decode, and the form of every grant; grants ascend strictly. TOO_LARGE, MALFORMED. The header is not parsed. */
enum cmaw_err cmaw_ticket_parse(struct cmaw_slice bytes, struct cmaw_ticket *ret_ticket);
/* One grant for each role that has a step of the plan, and no other. MALFORMED. */
enum cmaw_err cmaw_ticket_check_roles(const struct cmaw_ticket *ticket, const struct cmaw_plan *plan);
void cmaw_ticket_encode(const struct cmaw_ticket *ticket, struct cmaw_buf *buf);

/* "cmaw-" and the first 20 bytes of run_id in hex, with a NUL. */
void cmaw_workflow_id(const struct cmaw_bytes32 *run_id, char ret_id[CMAW_WORKFLOW_ID_SIZE]);

#endif
