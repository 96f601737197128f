/* Text from elsewhere made fit for a log line or a terminal. */
#ifndef CMAW_TEMPORAL_PRINTABLE_H
#define CMAW_TEMPORAL_PRINTABLE_H

#include "lib/base/bytes.h"

/* Copies at most capacity - 1 characters; what is not printable ASCII becomes '?'. */
void cmaw_printable(struct cmaw_slice text, char *dst, size_t capacity);

#endif
