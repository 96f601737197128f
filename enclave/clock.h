/* Trusted time (PROTOCOL.md section 6): the timestamp of an attestation document plus the monotonic clock since. The wall
 * clock belongs to nobody here and is never asked. */
#ifndef CMAW_ENCLAVE_CLOCK_H
#define CMAW_ENCLAVE_CLOCK_H

#include <stdint.h>

/* Sets the time from a document that was made between the two monotonic moments (ms): the middle counts. */
void cmaw_clock_set(uint64_t timestamp_ms, uint64_t asked_ms, uint64_t answered_ms);
/* Milliseconds since 1970; 0 before the first cmaw_clock_set. Thread-safe. */
uint64_t cmaw_clock_now_ms(void);

#endif
