/* Memory that ends at a chosen allocation of the calling thread, of our code and of libcrypto; and a look at every block that is given
 * back. Link with short_memory_dep. */
#ifndef CMAW_TESTS_SHORT_MEMORY_H
#define CMAW_TESTS_SHORT_MEMORY_H

#include <stddef.h>

#include "lib/base/bytes.h"

enum short_memory { SHORT_ONCE, SHORT_FOREVER };

/* Until short_memory_end: the allocation number fail_at (from 1; 0: none) of this thread fails, and with SHORT_FOREVER all after it. */
void short_memory_begin(size_t fail_at, enum short_memory how);
/* How many allocations were asked for since. */
size_t short_memory_end(void);
/* A block that holds these bytes when it is given back, by any thread, ends the program. The bytes must live on until short_memory_watch_none. */
void short_memory_watch(const char *name, struct cmaw_slice secret);
void short_memory_watch_none(void);

#endif
