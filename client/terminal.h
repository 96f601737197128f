/* What the terminal of a standard stream can do. */
#ifndef CMAW_CLIENT_TERMINAL_H
#define CMAW_CLIENT_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "lib/base/bytes.h"

/* Columns of the terminal at fd; 80 if it does not say; 0: it is none. */
size_t cmaw_terminal_width(int fd);
/* Its lines; 0: it does not say. */
size_t cmaw_terminal_height(int fd);
/* Whether lines can be drawn over: a terminal that has an address for its cursor (TERM is set and not dumb). */
bool cmaw_terminal_redraws(int fd);
/* Whether colours are welcome there: cmaw_terminal_redraws, and NO_COLOR is not set (or empty). */
bool cmaw_terminal_colours(int fd);
/* Foreign bytes, such as a result: as they are, or with '?' for what a terminal would obey if the stream is one. IO, NO_MEMORY. */
enum cmaw_err cmaw_terminal_print(FILE *stream, struct cmaw_slice bytes);

#endif
