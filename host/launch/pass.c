#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "host/launch/board.h"

enum cmaw_err cmaw_launch_pass(int queue, uint32_t value, int fd)
{
    uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value};
    struct iovec part = {bytes, sizeof bytes};
    union { struct cmsghdr header; uint8_t space[CMSG_SPACE(sizeof(int))]; } control = {0};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (fd >= 0) {
        message.msg_control = &control;
        message.msg_controllen = sizeof control.space;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        *header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fd)};
        memcpy(CMSG_DATA(header), &fd, sizeof fd);
    }
    if (sendmsg(queue, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof bytes) {
        return CMAW_OK;
    }
    const bool full = errno == EAGAIN || errno == EINTR || errno == ENOBUFS || errno == ETOOMANYREFS;
    return full ? CMAW_E_BUSY : errno == EPIPE ? CMAW_E_CLOSED : cmaw_err_of_errno(errno);
}
