/* A run store in a folder of its own, and what a run record needs. */
#ifndef CMAW_TESTS_UNIT_STORE_FIXTURE_H
#define CMAW_TESTS_UNIT_STORE_FIXTURE_H

#include "client/store/store.h"
#include "sys/file.h"

struct store_fixture {
    char folder[64];
    char path[CMAW_PATH_MAX];
    struct cmaw_store *store; /* new and locked */
    struct cmaw_diag diag;
};

/* What cmaw_store_kdf_new is without the fixture, which is linked in its place. */
enum cmaw_err __real_cmaw_store_kdf_new(struct cmaw_buf *kdf);

/* For cmocka_unit_test_setup_teardown. */
int store_fixture_open(void **state);
int store_fixture_close(void **state);
#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, store_fixture_open, store_fixture_close)

/* Opens the file once more, as another program would; with a passphrase, unlocks it. */
struct cmaw_store *store_fixture_reopen(struct store_fixture *fixture, const char *passphrase);
/* Puts the store of the first format, which tests/data/stores/v1.db is, in the place of the fixture's; closes that. */
void store_fixture_use_v1(struct store_fixture *fixture);
#define STORE_V1_PASSPHRASE "correct horse battery staple"

/* A record with the first byte of its id; free it. */
struct cmaw_run_record store_record(uint8_t first, const char *workflow_id);
/* The same with the workflow id that belongs to its id, and an end. */
struct cmaw_run_record store_record_ended(uint8_t first);
/* 32 times the byte. */
void store_put_secret(struct cmaw_edge_secrets *secrets, uint32_t edge, uint8_t fill);
/* Adds a run that has ended, whose edge 1 has the secret. */
void store_add(struct store_fixture *fixture, struct cmaw_store *store, uint8_t first, uint8_t fill);
/* The first byte of the secret of edge 1 of that run; what went wrong otherwise. */
enum cmaw_err store_read(struct store_fixture *fixture, struct cmaw_store *store, uint8_t first, uint8_t *ret_fill);

#endif
