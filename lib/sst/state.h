/* States: header, digest, size classes and sealing (PROTOCOL.md section 4). Opening is in state_open.h, an object of its own. */
#ifndef CMAW_SST_STATE_H
#define CMAW_SST_STATE_H

#include "lib/sst/agent_state.h"
#include "lib/sst/edge.h"

enum cmaw_state_kind { CMAW_STATE_DATA = 1, CMAW_STATE_FAILURE = 2 };

struct cmaw_state_header {
    struct cmaw_slice bytes;
    uint32_t version;
    struct cmaw_slice run;
    uint32_t edge;
    uint32_t kind;
    uint32_t parent_count;
    struct cmaw_slice parents; /* the repeated field as it is on the wire: read it with cmaw_state_parent */
    uint32_t size_class;
};
struct cmaw_state {
    struct cmaw_slice bytes;
    struct cmaw_state_header header;
    struct cmaw_slice ciphertext;
};

enum cmaw_err cmaw_state_header_decode(struct cmaw_slice bytes, struct cmaw_state_header *ret_header);
/* Canonical encoding of State only; the header is not looked into. */
enum cmaw_err cmaw_state_decode(struct cmaw_slice bytes, struct cmaw_state *ret_state);
/* Size of the header, canonical, version, lengths, kind 1 or 2, edge >= 1, class 1..7. The length of the ciphertext is not looked
 * at: a wrong one counts as a bad tag. TOO_LARGE, MALFORMED. */
enum cmaw_err cmaw_state_parse(struct cmaw_slice bytes, struct cmaw_state *ret_state);
/* Digest i of the parents of a parsed header, 32 bytes; the empty slice beyond parent_count. */
struct cmaw_slice cmaw_state_parent(const struct cmaw_state_header *header, uint32_t i);
/* H(ctx("state", header, ciphertext)). */
enum cmaw_err cmaw_state_digest(const struct cmaw_state *state, struct cmaw_bytes32 *ret_digest);

/* Bytes of plaintext that a class holds, and of ciphertext that it makes; 0 for what is no class. */
size_t cmaw_class_size(uint32_t size_class);
size_t cmaw_class_ciphertext_size(uint32_t size_class);
/* The smallest class that holds an AgentState of this encoded size; 0: none does. */
uint32_t cmaw_class_for(size_t agent_state_size);

/* What is sealed on an edge of a run. */
struct cmaw_state_seal {
    const struct cmaw_plan_edge *edge;
    const struct cmaw_bytes32 *run_id;
    struct cmaw_slice secret;        /* ES_e */
    enum cmaw_state_kind kind;
    const struct cmaw_bytes32 *parents; /* digests of the states consumed, in edge order */
    uint32_t parent_count;
    const struct cmaw_agent_state *content; /* its salt is not used */
};
struct cmaw_sealed {
    struct cmaw_bytes32 digest;
    struct cmaw_bytes32 commit;
    uint32_t size_class;
    size_t ciphertext_size;
};
/* Appends one whole State message to buf. TOO_LARGE: the content does not fit its class (or buf); MALFORMED: content type or
 * annotations break a limit. Buf is cut back on failure. */
enum cmaw_err cmaw_state_seal(const struct cmaw_state_seal *what, struct cmaw_buf *buf, struct cmaw_sealed *ret_sealed);
/* The same with AgentState.salt and the random bytes of the content cipher's salt given, for tests. */
enum cmaw_err cmaw_state_seal_with(const struct cmaw_state_seal *what, const struct cmaw_bytes32 *agent_salt,
    const struct cmaw_bytes32 *random32, struct cmaw_buf *buf, struct cmaw_sealed *ret_sealed);

#endif
