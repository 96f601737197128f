#include "lib/rpc/frame.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

enum { LENGTH_SIZE = 4, PARTS_AT_ONCE = 64 };

uint64_t cmaw_monotonic_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t cmaw_deadline_in(uint64_t ms)
{
    const uint64_t now = cmaw_monotonic_ms();
    return ms > UINT64_MAX - now ? CMAW_NO_DEADLINE : now + ms;
}

/* Waits until the socket is ready or the deadline has passed. */
static enum cmaw_err wait_ready(int fd, short events, uint64_t deadline)
{
    for (;;) {
        int timeout = -1;
        if (deadline != CMAW_NO_DEADLINE) {
            const uint64_t now = cmaw_monotonic_ms();
            CMAW_REQUIRE(now < deadline, CMAW_E_TIMEOUT);
            timeout = deadline - now > INT_MAX ? INT_MAX : (int)(deadline - now);
        }
        struct pollfd poller = {.fd = fd, .events = events};
        const int ready = poll(&poller, 1, timeout);
        if (ready > 0) {
            return CMAW_OK; /* also for errors and hang-ups: the call that follows names them */
        }
        CMAW_REQUIRE(ready == 0 || errno == EINTR, CMAW_E_IO);
    }
}

static bool would_block(int errnum)
{
    return errnum == EAGAIN || errnum == EWOULDBLOCK;
}

static enum cmaw_err err_of(int errnum)
{
    return errnum == EPIPE || errnum == ECONNRESET ? CMAW_E_CLOSED : CMAW_E_IO;
}

/* Fills dst; *ret_got says how much came before an error. */
static enum cmaw_err read_full(int fd, uint64_t deadline, uint8_t *dst, size_t size, size_t *ret_got)
{
    *ret_got = 0;
    while (*ret_got < size) {
        const ssize_t n = recv(fd, dst + *ret_got, size - *ret_got, MSG_DONTWAIT);
        if (n > 0) {
            *ret_got += (size_t)n;
        } else if (n == 0) {
            return CMAW_E_CLOSED;
        } else if (would_block(errno)) {
            CMAW_TRY(wait_ready(fd, POLLIN, deadline));
        } else if (errno != EINTR) {
            return err_of(errno);
        }
    }
    return CMAW_OK;
}

static enum cmaw_err read_body(int fd, uint64_t deadline, size_t size, struct cmaw_buf *buf)
{
    size_t got;
    uint8_t *dst = cmaw_buf_extend(buf, size);
    CMAW_TRY(cmaw_buf_err(buf));
    const enum cmaw_err err = read_full(fd, deadline, dst, size, &got);
    if (err != CMAW_OK) {
        cmaw_buf_truncate(buf, 0);
    }
    return err == CMAW_E_CLOSED ? CMAW_E_MALFORMED : err;
}

enum cmaw_err cmaw_frame_read(int fd, uint64_t deadline, struct cmaw_buf *buf)
{
    uint8_t head[LENGTH_SIZE];
    size_t got;
    cmaw_buf_reset(buf);
    const enum cmaw_err err = read_full(fd, deadline, head, sizeof head, &got);
    if (err == CMAW_E_CLOSED && got > 0) {
        return CMAW_E_MALFORMED;
    }
    CMAW_TRY(err);
    struct cmaw_reader reader = cmaw_reader_of(CMAW_SLICE_ARRAY(head));
    const size_t size = cmaw_read_u32be(&reader);
    CMAW_REQUIRE(size <= CMAW_FRAME_MAX && size <= buf->max, CMAW_E_TOO_LARGE);
    return read_body(fd, deadline, size, buf);
}

/* Drops n sent bytes from the front of the vectors; returns how many vectors are done. */
static size_t advance(struct iovec *vectors, size_t count, size_t n)
{
    size_t done = 0;
    while (done < count && n >= vectors[done].iov_len) {
        n -= vectors[done++].iov_len;
    }
    if (done < count) {
        vectors[done].iov_base = (uint8_t *)vectors[done].iov_base + n;
        vectors[done].iov_len -= n;
    }
    return done;
}

static enum cmaw_err write_full(int fd, uint64_t deadline, struct iovec *vectors, size_t count)
{
    size_t done = advance(vectors, count, 0);
    while (done < count) {
        const struct msghdr message = {.msg_iov = vectors + done, .msg_iovlen = count - done};
        const ssize_t n = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n >= 0) {
            done += advance(vectors + done, count - done, (size_t)n);
        } else if (would_block(errno)) {
            CMAW_TRY(wait_ready(fd, POLLOUT, deadline));
        } else if (errno != EINTR) {
            return err_of(errno);
        }
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_frame_write(int fd, uint64_t deadline, const struct cmaw_slice *parts, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        CMAW_REQUIRE(parts[i].size <= CMAW_FRAME_MAX - size, CMAW_E_TOO_LARGE);
        size += parts[i].size;
    }
    uint8_t head[LENGTH_SIZE] = {(uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size};
    struct iovec vectors[PARTS_AT_ONCE] = {{head, sizeof head}};
    size_t filled = 1;
    for (size_t i = 0; i < count; i++) {
        if (filled == PARTS_AT_ONCE) {
            CMAW_TRY(write_full(fd, deadline, vectors, filled));
            filled = 0;
        }
        vectors[filled++] = (struct iovec){(void *)(uintptr_t)parts[i].data, parts[i].size};
    }
    return write_full(fd, deadline, vectors, filled);
}
