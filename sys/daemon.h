/* What our daemons have in common: readiness, signals, the clock of their deadlines. */
#ifndef CMAW_SYS_DAEMON_H
#define CMAW_SYS_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/diag.h"

/* Tells whoever started it that it is serving, and closes the descriptor; fd < 0 does nothing. */
void cmaw_ready_notify(int *fd);
/* Blocks SIGTERM and SIGINT (and SIGUSR1 if asked) for this and later threads, ignores SIGPIPE, and returns a signalfd
 * (non-blocking, close-on-exec) that delivers them. */
enum cmaw_err cmaw_signals_open(bool with_usr1, int *ret_fd);
/* The next signal that has arrived, 0 if none. */
int cmaw_signals_next(int fd);
/* --log-format: USAGE, with a message, for anything but text and json. */
enum cmaw_err cmaw_log_option(const char *format, struct cmaw_diag *diag);
/* Milliseconds of the monotonic clock. */
uint64_t cmaw_clock_ms(void);

#endif
