#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "client/stack/stack.h"

static const char *const purposes[CMAW_PORT_COUNT] = {"Temporal", "Temporal's web pages", "Temporal's HTTP API",
                                                      "Temporal's metrics", "the KMS emulator", "the worker's metrics",
                                                      "the proxy's metrics"};

/* A socket bound to the loopback port (0: any free one); *ret_port is the one it got. */
static enum cmaw_err bind_port(uint16_t port, int *ret_fd, uint16_t *ret_port)
{
    CMAW_FD_AUTO(fd);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CMAW_REQUIRE(fd >= 0, cmaw_err_of_errno(errno));
    /* a port in TIME_WAIT is free for whoever listens on it next */
    const int on = 1;
    CMAW_REQUIRE(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0, cmaw_err_of_errno(errno));
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof addr;
    CMAW_REQUIRE(bind(fd, (const struct sockaddr *)&addr, size) == 0, cmaw_err_of_errno(errno));
    CMAW_REQUIRE(listen(fd, 1) == 0, cmaw_err_of_errno(errno));
    CMAW_REQUIRE(getsockname(fd, (struct sockaddr *)&addr, &size) == 0, cmaw_err_of_errno(errno));
    *ret_port = ntohs(addr.sin_port);
    *ret_fd = fd;
    fd = -1;
    return CMAW_OK;
}

enum cmaw_err cmaw_stack_check_port(const struct cmaw_stack *stack, enum cmaw_stack_port port, struct cmaw_diag *diag)
{
    CMAW_FD_AUTO(fd);
    uint16_t got = 0;
    const enum cmaw_err err = bind_port(stack->ports[port], &fd, &got);
    if (err == CMAW_E_EXISTS) {
        cmaw_diag_hint(diag, "see who listens there with: ss -ltnp 'sport = :%u'; a new stack may ask for other ports", stack->ports[port]);
        return cmaw_diag_set(diag, err, "port %u, wanted for %s, is taken by another program", stack->ports[port], purposes[port]);
    }
    return err == CMAW_OK ? err : cmaw_diag_set(diag, err, "cannot use port %u for %s: %s", stack->ports[port], purposes[port],
                                                cmaw_err_text(err));
}

enum cmaw_err cmaw_stack_choose_ports(struct cmaw_stack *stack, struct cmaw_diag *diag)
{
    /* all are held until the end, so that none is given out twice */
    int fds[CMAW_PORT_COUNT];
    enum cmaw_err err = CMAW_OK;
    for (size_t i = 0; i < CMAW_PORT_COUNT; i++) {
        fds[i] = -1;
        if (err == CMAW_OK && stack->ports[i] == 0) {
            err = bind_port(0, &fds[i], &stack->ports[i]);
        }
    }
    for (size_t i = 0; i < CMAW_PORT_COUNT; i++) {
        cmaw_fd_close(&fds[i]);
    }
    return err == CMAW_OK ? err : cmaw_diag_set(diag, err, "no free port on the loopback interface: %s", cmaw_err_text(err));
}
