#include "enclave/agent/fds.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(CMAW_FDS_MAX * sizeof(int))];
};

enum cmaw_err cmaw_fds_send(int socket, struct cmaw_slice message, const int *fds, size_t count)
{
    CMAW_REQUIRE(count <= CMAW_FDS_MAX, CMAW_E_BUG);
    struct iovec part = {(void *)(uintptr_t)message.data, message.size};
    union control control = {0};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    if (count > 0) {
        header.msg_control = control.bytes;
        header.msg_controllen = CMSG_SPACE(count * sizeof(int));
        struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(rights), fds, count * sizeof(int));
    }
    ssize_t sent = 0;
    do {
        sent = sendmsg(socket, &header, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        return errno == EPIPE || errno == ECONNRESET ? CMAW_E_CLOSED : CMAW_E_IO;
    }
    return (size_t)sent == message.size ? CMAW_OK : CMAW_E_IO;
}

static void close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        close(fds[i]);
    }
}

enum cmaw_err cmaw_fds_receive(int socket, void *ret_message, size_t size, int *ret_fds, size_t count)
{
    CMAW_REQUIRE(count <= CMAW_FDS_MAX, CMAW_E_BUG);
    struct iovec part = {ret_message, size};
    union control control = {0};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes,
                            .msg_controllen = sizeof control.bytes};
    ssize_t received = 0;
    do {
        received = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
    } while (received < 0 && errno == EINTR);
    CMAW_REQUIRE(received >= 0, CMAW_E_IO);

    int fds[CMAW_FDS_MAX];
    size_t got = 0;
    const struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
    if (rights != NULL && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS) {
        got = (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(fds, CMSG_DATA(rights), got * sizeof(int));
    }
    if (received == 0 && got == 0) {
        return CMAW_E_CLOSED;
    }
    if ((size_t)received != size || got != count || (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
        close_all(fds, got);
        return CMAW_E_PEER;
    }
    if (count > 0) {
        memcpy(ret_fds, fds, count * sizeof(int));
    }
    return CMAW_OK;
}

void cmaw_fds_close(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}
