#include "sst_group.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

struct sst_world *world;

int sst_group_setup(void **)
{
    world = malloc(sizeof *world);
    assert_non_null(world);
    sst_world_make(world, CMAW_DOC_SIGNED);
    return 0;
}

int sst_group_teardown(void **)
{
    sst_world_free(world);
    free(world);
    return 0;
}

static const uint32_t review_roles[REVIEW_STEPS] = {1, 2};
static const struct sst_edge review_edges[REVIEW_EDGES] = {{0, 1, 1}, {1, 2, 0}, {0, 2, 0}, {2, 0, 1}};

struct sst_run *review_start(void)
{
    struct sst_run *run = malloc(sizeof *run);
    assert_non_null(run);
    sst_run_start(world, review_roles, REVIEW_STEPS, review_edges, REVIEW_EDGES, CMAW_SLICE_LIT("the letter"), run);
    return run;
}

struct sst_run *review_done(void)
{
    struct sst_run *run = review_start();
    sst_run_all(world, run);
    return run;
}

void run_drop(struct sst_run *run)
{
    sst_run_free(run);
    free(run);
}
