/* The launcher's side of the simulation: what the functions of platform.h are made of here. Not static,
 * so that their names show in a binary that it is a simulation. */
#ifndef CMAW_PLATFORM_SIM_H
#define CMAW_PLATFORM_SIM_H

#include "lib/base/bytes.h"

/* Asks the launcher for a connection to a port of the host; 0 is the NSM simulator. UNAVAILABLE, TIMEOUT, CLOSED. */
enum cmaw_err cmaw_sim_ask_connection(uint32_t port, int *ret_fd);
/* One ioctl in the simulator's framing. CLOSED where the connection broke, IO where the device refused. */
enum cmaw_err cmaw_sim_nsm_exchange(int fd, struct cmaw_slice request, struct cmaw_buf *response);

#endif
