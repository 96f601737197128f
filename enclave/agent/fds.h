/* Messages with descriptors over SOCK_SEQPACKET sockets, inside one machine. */
#ifndef CMAW_AGENT_FDS_H
#define CMAW_AGENT_FDS_H

#include "lib/base/bytes.h"

enum { CMAW_FDS_MAX = 4 };

/* Sends one message with count descriptors, at most CMAW_FDS_MAX. CLOSED if the other end is gone, else IO. */
enum cmaw_err cmaw_fds_send(int socket, struct cmaw_slice message, const int *fds, size_t count);
/* Receives one message of exactly size bytes and exactly count descriptors (close-on-exec), blocking. CLOSED at the
 * end; PEER on any other shape, and then no descriptor is left open. */
enum cmaw_err cmaw_fds_receive(int socket, void *ret_message, size_t size, int *ret_fds, size_t count);
/* Closes if open and sets to -1. */
void cmaw_fds_close(int *fd);
#define CMAW_FDS_AUTO(name) [[gnu::cleanup(cmaw_fds_close)]] int name = -1

#endif
