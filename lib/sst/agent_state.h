/* The plaintext of a state: message AgentState of PROTOCOL.md section 4. */
#ifndef CMAW_SST_AGENT_STATE_H
#define CMAW_SST_AGENT_STATE_H

#include "lib/sst/ctx.h"

struct cmaw_annotation {
    struct cmaw_slice key;
    struct cmaw_slice value;
};
struct cmaw_agent_state {
    struct cmaw_slice content_type;
    struct cmaw_slice content;
    struct cmaw_slice salt; /* 32 bytes; sealing makes it, so what is to be sealed needs none */
    uint32_t annotation_count;
    struct cmaw_annotation annotations[CMAW_ANNOTATIONS_MAX];
};

enum cmaw_err cmaw_agent_state_decode(struct cmaw_slice bytes, struct cmaw_agent_state *ret_state);
/* Everything but the salt: content type, annotations. MALFORMED. */
enum cmaw_err cmaw_agent_state_check_content(const struct cmaw_agent_state *state);
/* Decode, check, salt of 32 bytes. MALFORMED. */
enum cmaw_err cmaw_agent_state_parse(struct cmaw_slice bytes, struct cmaw_agent_state *ret_state);
/* How long the encoding is. */
size_t cmaw_agent_state_size(const struct cmaw_agent_state *state);
/* The same once it has a salt of 32 bytes, whatever salt it has now: what sealing will pad. */
size_t cmaw_agent_state_sealed_size(const struct cmaw_agent_state *state);
void cmaw_agent_state_encode(const struct cmaw_agent_state *state, struct cmaw_buf *buf);
/* The encoding without the bytes of the content: what stands before them, and what stands behind. */
void cmaw_agent_state_encode_head(const struct cmaw_agent_state *state, struct cmaw_buf *buf);
void cmaw_agent_state_encode_tail(const struct cmaw_agent_state *state, struct cmaw_buf *buf);
/* commit(AgentState) of section 4. */
enum cmaw_err cmaw_agent_state_commit(const struct cmaw_agent_state *state, struct cmaw_bytes32 *ret_commit);
/* AgentState.salt from the edge secret, 32 random bytes and H(content). */
enum cmaw_err cmaw_agent_state_salt(struct cmaw_slice edge_secret, const struct cmaw_bytes32 *run_id, uint32_t edge,
    const struct cmaw_bytes32 *random32, struct cmaw_slice content, struct cmaw_bytes32 *ret_salt);

#endif
