#include "lib/crypto/tls_wire.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

enum { POLL_MAX_MS = 60000 };

static uint64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

enum cmaw_err cmaw_tls_wire_wait(int fd, bool for_writing, uint64_t deadline_ms)
{
    for (;;) {
        const uint64_t now = now_ms();
        CMAW_REQUIRE(now < deadline_ms, CMAW_E_TIMEOUT);
        const uint64_t left = deadline_ms - now;
        struct pollfd poll_fd = {.fd = fd, .events = for_writing ? POLLOUT : POLLIN};
        const int ready = poll(&poll_fd, 1, left < POLL_MAX_MS ? (int)left : POLL_MAX_MS);
        if (ready > 0) {
            return CMAW_OK; /* an error or a hang-up shows when the socket is used */
        }
        CMAW_REQUIRE(ready == 0 || errno == EINTR, CMAW_E_IO);
    }
}

static int fd_of(BIO *bio)
{
    return (int)(intptr_t)BIO_get_data(bio);
}

static bool may_retry(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static int wire_write(BIO *bio, const char *data, int size)
{
    const ssize_t done = send(fd_of(bio), data, (size_t)size, MSG_DONTWAIT | MSG_NOSIGNAL);
    BIO_clear_retry_flags(bio);
    if (done < 0 && may_retry(errno)) {
        BIO_set_retry_write(bio);
    }
    return (int)done;
}

static int wire_read(BIO *bio, char *data, int size)
{
    const ssize_t done = recv(fd_of(bio), data, (size_t)size, MSG_DONTWAIT);
    BIO_clear_retry_flags(bio);
    if (done < 0 && may_retry(errno)) {
        BIO_set_retry_read(bio);
    } else if (done == 0) {
        BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    }
    return (int)done;
}

static long wire_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)number;
    (void)pointer;
    switch (command) {
    case BIO_CTRL_EOF: return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
    case BIO_CTRL_FLUSH: return 1;
    default: return 0;
    }
}

BIO_METHOD *cmaw_tls_wire_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wire");
    if (method == NULL || BIO_meth_set_write(method, wire_write) != 1 || BIO_meth_set_read(method, wire_read) != 1 ||
        BIO_meth_set_ctrl(method, wire_ctrl) != 1) {
        BIO_meth_free(method);
        return NULL;
    }
    return method;
}

BIO *cmaw_tls_wire_new(BIO_METHOD *method, int fd)
{
    BIO *bio = BIO_new(method);
    if (bio != NULL) {
        BIO_set_data(bio, (void *)(intptr_t)fd);
        BIO_set_init(bio, 1);
    }
    return bio;
}
