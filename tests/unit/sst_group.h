/* One world for all tests of a program, and the run that most of them look at. */
#ifndef CMAW_TESTS_SST_GROUP_H
#define CMAW_TESTS_SST_GROUP_H

#include "sst_world.h"

extern struct sst_world *world; /* between sst_group_setup and sst_group_teardown */
int sst_group_setup(void **state);
int sst_group_teardown(void **state);

enum { REVIEW_STEPS = 2, REVIEW_EDGES = 4 };
/* client -1-> read -2-> write -4-> client, client -3-> write; to be given to run_drop. */
struct sst_run *review_start(void); /* no step is done */
struct sst_run *review_done(void);
void run_drop(struct sst_run *run);

#endif
