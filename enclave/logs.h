/* Log lines on their way to the host: a bounded queue and one thread that writes to port 9001. A host that does not read
 * costs lines, never time or memory; how many is counted, and told in a line once it reads again. Lines are what cmaw_log makes:
 * codes and counters. */
#ifndef CMAW_ENCLAVE_LOGS_H
#define CMAW_ENCLAVE_LOGS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"

/* Takes over cmaw_log: lines wait for the thread. */
void cmaw_logs_take(void);
/* Starts the thread. */
enum cmaw_err cmaw_logs_start(void);
/* Whether lines go to standard error as well. Before any thread logs. */
void cmaw_logs_copy(bool copy);
/* How many lines were lost since the start. */
uint64_t cmaw_logs_dropped(void);
/* Waits until the queue is empty, at most timeout_ms: the last words before the end. Starts the thread if nobody has. */
void cmaw_logs_flush(uint32_t timeout_ms);

#endif
