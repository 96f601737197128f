/* A free port of the loopback for a program that is told where to listen. */
#ifndef CMAW_TESTS_FREE_PORT_H
#define CMAW_TESTS_FREE_PORT_H

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Below the ports that the kernel gives to outgoing connections: none of them takes it before its program listens, or while it is down. 0: none. */
static inline uint16_t free_port(void)
{
    enum { FIRST = 15000, COUNT = 15000 };
    const unsigned start = (unsigned)getpid() * 97U + (unsigned)rand();
    for (unsigned i = 0; i < COUNT; i++) {
        const uint16_t port = (uint16_t)(FIRST + (start + i) % COUNT);
        const struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const int bound = bind(fd, (const struct sockaddr *)&address, sizeof address);
        (void)close(fd);
        if (bound == 0) {
            return port;
        }
    }
    return 0;
}

#endif
