/* Large states are copied a few times on their way through Temporal's core. What handles them takes turns, so that the worker's memory does not grow
 * with what happens at once. */
#ifndef CMAW_WORKER_HEAVY_H
#define CMAW_WORKER_HEAVY_H

#include <stdbool.h>
#include <stddef.h>

/* Waits for a turn if size is large; true: give it back. Held for no longer than an exchange with the server, and never twice by a thread. */
bool cmaw_heavy_enter(size_t size);
void cmaw_heavy_leave(bool entered);

#endif
