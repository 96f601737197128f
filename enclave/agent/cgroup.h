/* An agent's limits in the kernel's own books: one control group (version 2) for each sandbox, made before anything runs in it
 * and removed after its end. What rlimits hold per process, a group holds for all that an agent starts together, files in
 * its /tmp and its output included. Paths are parameters so that a test can look at what is written. */
#ifndef CMAW_AGENT_CGROUP_H
#define CMAW_AGENT_CGROUP_H

#include <sys/types.h>

#include "enclave/conf.h"

enum { CMAW_CGROUP_PATH_MAX = 128 };

/* What one agent may take of memory: memory_mib for itself, and what tmp_kib and output_kib allow on top. */
uint64_t cmaw_cgroup_agent_bytes(const struct cmaw_agent_limits *limits);
/* Once, before the spawner starts: makes a group for all agents together below folder, which takes at most all_bytes and is locked as long
 * as this process lives. Groups there that nobody holds any more are removed: they are of simulations that ended. UNSUPPORTED where folder
 * has no control of memory and of the number of processes; IO with errno set. */
enum cmaw_err cmaw_cgroup_prepare(const char *folder, uint64_t all_bytes, char ret_agents[static CMAW_CGROUP_PATH_MAX]);
/* Makes group number index below agents with these limits; one that is there still and not empty makes it fail. IO with errno set. */
enum cmaw_err cmaw_cgroup_make(const char *agents, size_t index, const struct cmaw_agent_limits *limits);
/* Moves a process with all it will start there. IO with errno set. */
enum cmaw_err cmaw_cgroup_enter(const char *agents, size_t index, pid_t pid);
/* Whether the kernel ended something in the group for want of memory. */
bool cmaw_cgroup_ran_out(const char *agents, size_t index);
/* Removes a group in which nothing runs any more; what is not there is no matter. */
void cmaw_cgroup_remove(const char *agents, size_t index);

#endif
