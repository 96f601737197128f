/* A world for tests of the protocol: an attestation authority, a manifest, enclaves with their keys, a deployment bundle; and
 * whole runs through cmaw_step_open and cmaw_step_finish. Every helper fails the test on an error. */
#ifndef CMAW_TESTS_SST_WORLD_H
#define CMAW_TESTS_SST_WORLD_H

#include "lib/sst/bundle.h"
#include "lib/sst/run.h"
#include "lib/sst/step.h"
#include "lib/sst/verify.h"

#define SST_NOW_MS UINT64_C(1780000000000)
enum { SST_ROLES = 3, SST_WORLD_CERTS = 3 }; /* root, issuer, leaf */

struct sst_enclave {
    const struct cmaw_role *role;
    struct cmaw_role_keys keys;
    struct cmaw_ec_key *ak;
    struct cmaw_buf ak_doc;
    struct cmaw_buf blob;
    struct cmaw_buf cert; /* birth certificate */
    uint8_t tsk[CMAW_KEY_SIZE];
};
struct sst_world {
    enum cmaw_doc_trust trust; /* CMAW_DOC_UNSIGNED_QEMU_TOO: its documents are of QEMU's form */
    struct cmaw_ec_key *keys[SST_WORLD_CERTS];
    struct cmaw_buf certs[SST_WORLD_CERTS];
    uint8_t pcrs[SST_ROLES][CMAW_MEASURED_PCRS][CMAW_PCR_SIZE];
    struct cmaw_buf manifest_bytes;
    struct cmaw_manifest manifest;
    struct sst_enclave enclaves[SST_ROLES]; /* of role i + 1 */
    struct cmaw_buf bundle_bytes;
    struct cmaw_deployment deployment;
};
/* Tenant "acme", roles 1..3, valid for an hour around SST_NOW_MS. */
void sst_world_make(struct sst_world *world, enum cmaw_doc_trust trust);
void sst_world_free(struct sst_world *world);

/* What a document says; start from sst_doc_of. */
struct sst_doc {
    struct cmaw_slice pcrs[CMAW_PCR_COUNT]; /* empty: not in it */
    struct cmaw_slice public_key;
    struct cmaw_slice user_data;
    uint64_t timestamp_ms;
    struct cmaw_buf spki;
    struct cmaw_pcr lock;
    struct cmaw_bytes32 ak_user_data;
};
void sst_doc_of(const struct sst_world *world, const struct sst_enclave *enclave, struct sst_doc *ret_doc);
void sst_doc_sign(const struct sst_world *world, const struct sst_doc *doc, struct cmaw_buf *buf);

/* roles: the role of each step; edges: {from, to, class} until {0, 0}. The encoding of a plan named "test". */
struct sst_edge {
    uint32_t from;
    uint32_t to;
    uint32_t size_class;
};
void sst_plan_make(const struct sst_world *world, const uint32_t *roles, uint32_t steps, const struct sst_edge *edges,
    uint32_t edge_count, struct cmaw_buf *buf);

/* A whole run: every state is what the step's first input held, with the edge's number added. */
struct sst_run {
    struct cmaw_buf plan;
    struct cmaw_new_run run;
    struct cmaw_buf states[CMAW_EDGES_MAX]; /* by edge id - 1 */
    struct cmaw_buf receipts[CMAW_STEPS_MAX];
    struct cmaw_evidence evidence; /* points into the others */
};
/* The run and its inputs; no step is done. */
void sst_run_start(const struct sst_world *world, const uint32_t *roles, uint32_t steps, const struct sst_edge *edges,
    uint32_t edge_count, struct cmaw_slice content, struct sst_run *ret_run);
/* All steps, in the order of their ids, and the evidence. */
void sst_run_all(const struct sst_world *world, struct sst_run *run);
void sst_run_free(struct sst_run *run);
/* The request for a step with the states at hand. */
void sst_run_request(const struct sst_run *run, uint32_t step, struct cmaw_step_request *ret_request);
/* Gives a run that was just started another plan and ticket header, as its owner could: grants and inputs are made again, so that
 * only the header itself can be wrong. header->plan and commits are the caller's. */
void sst_run_forge(const struct sst_world *world, struct sst_run *run, struct cmaw_slice plan,
    const struct cmaw_ticket_header *header);
struct cmaw_step_self sst_self(const struct sst_world *world, uint32_t role);
struct cmaw_step_signer sst_signer(const struct sst_world *world, uint32_t role);

#endif
