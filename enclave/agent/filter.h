/* The system calls an agent may make: an allow-list for computing with files, memory, threads and pipes (static C,
 * CPython and Go run under it). No sockets of any family, no tracing, no mounts or namespaces, no keys, no BPF, no perf,
 * no io_uring, no shared mappings, nothing that others at work in the same root could notice. What is not listed fails with EPERM;
 * locks on files with ENOLCK; clone3 with ENOSYS, so that libraries fall back to clone, whose flags a filter can see. */
#ifndef CMAW_AGENT_FILTER_H
#define CMAW_AGENT_FILTER_H

#include <linux/filter.h>

#include "lib/base/error.h"

enum { CMAW_FILTER_MAX = 1024 }; /* instructions */

struct cmaw_filter {
    struct sock_filter code[CMAW_FILTER_MAX];
    unsigned short count;
};

/* Compiles the list; done once per boot. BUG if the list does not compile. */
enum cmaw_err cmaw_filter_compile(struct cmaw_filter *ret_filter);
/* Applies it to the calling thread, which must have set no_new_privs. IO if the kernel refuses. */
enum cmaw_err cmaw_filter_apply(const struct cmaw_filter *filter);

#endif
