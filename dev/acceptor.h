/* Takes connections on a loopback port and gives them to someone, up to a limit. What comes beyond it is closed at once, so
 * that its sender sees a refusal and not silence. */
#ifndef CMAW_DEV_ACCEPTOR_H
#define CMAW_DEV_ACCEPTOR_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "lib/base/error.h"

struct cmaw_acceptor {
    int listen_fd;
    int stop_fd;
    unsigned limit;
    unsigned open;     /* connections that were given away and are not closed yet; atomic */
    uint64_t refused;  /* by the thread only */
    pthread_t thread;
    bool running;
    bool (*give)(void *context, int fd, const struct sockaddr *addr, socklen_t size); /* takes fd over; false: it is closed */
    void *context;
};
#define CMAW_ACCEPTOR {.listen_fd = -1, .stop_fd = -1}

/* Binds 127.0.0.1:port (0: a free one) and listens. */
enum cmaw_err cmaw_acceptor_listen(struct cmaw_acceptor *acceptor, uint16_t port, uint16_t *ret_port);
/* From now on connections are given to acceptor->give in a thread of the acceptor's. */
enum cmaw_err cmaw_acceptor_start(struct cmaw_acceptor *acceptor);
/* To be called once for each connection that was taken over, when it has ended. */
void cmaw_acceptor_closed(struct cmaw_acceptor *acceptor);
/* Takes no more connections. Those that are open stay. */
void cmaw_acceptor_stop(struct cmaw_acceptor *acceptor);

/* Raises this process's limit of open files so that it can have connections of them beside reserve others; what of that the
 * system does not allow is taken off. At least 1. */
unsigned cmaw_acceptor_fit_limit(unsigned connections, unsigned reserve);

#endif
