/* Ctrl-C, or SIGTERM, while a verb waits: it says what it has so far, and ends. */
#ifndef CMAW_CLIENT_INTERRUPT_H
#define CMAW_CLIENT_INTERRUPT_H

#include <stdbool.h>
#include <stdint.h>

/* From now on SIGINT and SIGTERM set a flag; a second one ends the program. */
void cmaw_interrupt_catch(void);
bool cmaw_interrupted(void);
/* Sleeps; false if interrupted before or meanwhile. */
bool cmaw_interrupt_sleep(uint64_t ms);

#endif
