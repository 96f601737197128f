/* Test vectors of SST/1 as JSON: reading fields, counting cases, one line for each that fails. */
#ifndef CMAW_TESTS_SST1_VEC_H
#define CMAW_TESTS_SST1_VEC_H

#include <jansson.h>

#include "lib/base/bytes.h"
#include "lib/sst/ctx.h"
#include "lib/sst/edge.h"

/* One file. Bytes that are read from it live until it is closed. */
struct vec {
    const char *file;
    json_t *root;
    struct vec_block *blocks;
    unsigned passed;
    unsigned failed;
    char name[192];    /* of the present case; empty: the file as a whole */
    char trouble[192]; /* the first thing wrong with it; empty: nothing */
};

void vec_begin(struct vec *v, const char *section, size_t index, const json_t *item);
void vec_end(struct vec *v);
/* Counts the present trouble, and prints it on one line whatever the file's texts hold. */
void vec_fail(struct vec *v);
/* Marks the present case as failed unless ok; the first trouble is kept. Returns ok. */
bool vec_check(struct vec *v, bool ok, const char *what);
bool vec_ok(struct vec *v, enum cmaw_err err, const char *what);

bool vec_has(const json_t *object, const char *key);
/* Hex with pool references. A missing or malformed field fails the case and gives the empty slice. */
struct cmaw_slice vec_bytes(struct vec *v, const json_t *object, const char *key);
struct cmaw_slice vec_decode(struct vec *v, const json_t *string, const char *what);
struct cmaw_bytes32 vec_bytes32(struct vec *v, const json_t *object, const char *key);
struct cmaw_slice vec_text(struct vec *v, const json_t *object, const char *key);
uint64_t vec_u64(struct vec *v, const json_t *object, const char *key);
uint32_t vec_u32(struct vec *v, const json_t *object, const char *key);
/* unit repeated and cut to length. */
struct cmaw_slice vec_repeat(struct vec *v, struct cmaw_slice unit, uint64_t length);
/* A buffer that is freed with the file. */
struct cmaw_buf *vec_buf(struct vec *v, size_t max);
/* A zeroed block that is freed with the file; never NULL (exits without memory). */
void *vec_alloc(struct vec *v, size_t size);
/* The field equals the bytes. */
void vec_equal(struct vec *v, const json_t *object, const char *key, struct cmaw_slice bytes);
void vec_equal_u64(struct vec *v, const json_t *object, const char *key, uint64_t value);
/* The SHA-256 of bytes equals the field. */
void vec_equal_sha256(struct vec *v, const json_t *object, const char *key, struct cmaw_slice bytes);
/* {"<edge>": hex} */
void vec_secrets(struct vec *v, const json_t *object, const char *key, struct cmaw_edge_secrets *ret_secrets);
/* "expect" is accept or reject. */
bool vec_expects_accept(struct vec *v, const json_t *item);

/* One case of each kind; the caller has begun it. */
typedef void vec_case_fn(struct vec *v, const json_t *item);
vec_case_fn vec_ctx, vec_kdf, vec_seal, vec_commit, vec_salt, vec_lock, vec_role_keys, vec_edge_keys, vec_objects;
vec_case_fn vec_plan_valid, vec_plan_invalid, vec_manifest_valid, vec_manifest_invalid, vec_canonical, vec_refused;
vec_case_fn vec_grant, vec_grant_fail, vec_state, vec_state_fail;
vec_case_fn vec_birth, vec_birth_fail, vec_receipt, vec_bundle, vec_bundle_variant, vec_pin, vec_failure, vec_failure_variant;
vec_case_fn vec_step, vec_run_variant, vec_run_parts, vec_run_opened;
/* All commitments of commit.json differ. */
vec_case_fn vec_commits_differ;

#endif
