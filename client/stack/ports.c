#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "client/stack/stack.h"
#include "lib/crypto/random.h"

/* Chosen ports are from FIRST up to where the kernel takes the ports of outgoing connections from: one of those could get a port
 * between its choice and the start of the program that is to listen there, or while a stopped stack keeps it. */
enum { FIRST = 15000, KERNEL_FIRST = 32768, TRIES = 64 };

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

static uint16_t kernel_first(void)
{
    unsigned first = KERNEL_FIRST;
    FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
    if (file != NULL) {
        if (fscanf(file, "%u", &first) != 1 || first > UINT16_MAX) {
            first = KERNEL_FIRST;
        }
        (void)fclose(file);
    }
    return (uint16_t)first;
}

static enum cmaw_err choose_port(uint16_t end, int *ret_fd, uint16_t *ret_port)
{
    for (unsigned i = 0; end > FIRST && i < TRIES; i++) {
        uint16_t number = 0;
        CMAW_TRY(cmaw_random((uint8_t *)&number, sizeof number));
        const enum cmaw_err err = bind_port((uint16_t)(FIRST + number % (end - FIRST)), ret_fd, ret_port);
        if (err != CMAW_E_EXISTS) {
            return err;
        }
    }
    return bind_port(0, ret_fd, ret_port);
}

enum cmaw_err cmaw_stack_choose_ports(struct cmaw_stack *stack, struct cmaw_diag *diag)
{
    /* all are held until the end, so that none is given out twice */
    int fds[CMAW_PORT_COUNT];
    const uint16_t end = kernel_first();
    enum cmaw_err err = CMAW_OK;
    for (size_t i = 0; i < CMAW_PORT_COUNT; i++) {
        fds[i] = -1;
        if (err == CMAW_OK && stack->ports[i] == 0) {
            err = choose_port(end, &fds[i], &stack->ports[i]);
        }
    }
    for (size_t i = 0; i < CMAW_PORT_COUNT; i++) {
        cmaw_fd_close(&fds[i]);
    }
    return err == CMAW_OK ? err : cmaw_diag_set(diag, err, "no free port on the loopback interface: %s", cmaw_err_text(err));
}
