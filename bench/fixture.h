/* A made-up role, plan and ticket of one step with one edge in and one out, for measuring. */
#ifndef CMAW_BENCH_FIXTURE_H
#define CMAW_BENCH_FIXTURE_H

#include "bench/clock.h"
#include "lib/sst/run.h"
#include "lib/sst/step.h"

struct bench_fixture {
    struct cmaw_manifest manifest;
    struct cmaw_buf manifest_bytes;
    struct cmaw_buf plan_bytes;
    struct cmaw_role_keys keys;
    struct cmaw_new_run run;
    struct cmaw_buf input;
    struct cmaw_ec_key *ak;
    uint8_t doc[4500]; /* as long as a real one; a step only hashes it */
    struct cmaw_step_self self;
    struct cmaw_step_request request;
    uint64_t now_ms;
};

/* Content of content_size bytes, on edges of size_class. */
void bench_fixture_make(size_t content_size, uint32_t size_class, struct bench_fixture *ret_fixture);
void bench_fixture_free(struct bench_fixture *fixture);

#endif
