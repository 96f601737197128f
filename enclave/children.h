/* Orphans of any kind become children of PID 1, which must take note of their end. */
#ifndef CMAW_ENCLAVE_CHILDREN_H
#define CMAW_ENCLAVE_CHILDREN_H

#include <stdbool.h>
#include <sys/types.h>

/* Takes note of every child that has ended, without waiting. Whether watched was one of them. */
bool cmaw_children_reap(pid_t watched);

#endif
