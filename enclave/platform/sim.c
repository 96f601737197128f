/* The simulation of an enclave: everything comes from the launcher over descriptors 3 and 4 (docs/adr/0002). Development
 * only; release images are linked without this file. */
#include "enclave/platform/sim.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "enclave/agent/cgroup.h"
#include "enclave/agent/fds.h"
#include "enclave/nsm/nsm.h"
#include "enclave/platform/mounts.h"
#include "enclave/platform/platform.h"
#include "enclave/small_file.h"

enum { INCOMING = 3, OUTGOING = 4, PORT_NSM = 0, NSM_TIMEOUT_S = 30, CGROUP_LINES_MAX = 4096 };

const uint32_t cmaw_platform_clock_renew_s = 3600;

enum cmaw_tier cmaw_platform_tier(void)
{
    return CMAW_TIER_SIM;
}

enum cmaw_err cmaw_platform_start(void)
{
    CMAW_REQUIRE(fcntl(INCOMING, F_SETFD, FD_CLOEXEC) == 0 && fcntl(OUTGOING, F_SETFD, FD_CLOEXEC) == 0, CMAW_E_USAGE);
    return cmaw_mounts_make();
}

enum cmaw_err cmaw_platform_show_console(void)
{
    return CMAW_OK; /* it is the launcher's */
}

/* The group that this process is in: the launcher's, as the kernel has it. It can be used where nothing else runs in it, or where it is
 * the root of all. */
const char *cmaw_platform_cgroups(void)
{
    static char folder[CMAW_CGROUP_PATH_MAX];
    char lines[CGROUP_LINES_MAX];
    CMAW_BUF_AUTO(read, sizeof lines - 1);
    if (cmaw_mounts_make_cgroups() != CMAW_OK || cmaw_small_file_read("/proc/self/cgroup", &read) != CMAW_OK ||
        cmaw_slice_to_cstr(cmaw_buf_slice(&read), lines, sizeof lines) != CMAW_OK) {
        return NULL;
    }
    char *own = strncmp(lines, "0::/", 4) == 0 ? lines : strstr(lines, "\n0::/"); /* version 2; those of version 1 have other numbers */
    if (own == NULL) {
        return NULL;
    }
    own = strchr(own, '/');
    own[strcspn(own, "\n")] = '\0';
    return snprintf(folder, sizeof folder, "%s%s", CMAW_MOUNTS_CGROUPS, own) < (int)sizeof folder ? folder : NULL;
}

static uint32_t u32_of(const uint8_t bytes[4])
{
    struct cmaw_reader reader = cmaw_reader_of(cmaw_slice_of(bytes, 4));
    return cmaw_read_u32be(&reader);
}

static void u32_to(uint32_t value, uint8_t ret_bytes[4])
{
    for (int i = 0; i < 4; i++) {
        ret_bytes[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

/* The answer has a descriptor exactly where its errno is 0, so both shapes must be read. */
static enum cmaw_err receive_connection(int *ret_fd)
{
    uint8_t answer[4];
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec part = {answer, sizeof answer};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    ssize_t got = 0;
    do {
        got = recvmsg(OUTGOING, &message, MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    CMAW_REQUIRE(got == sizeof answer, CMAW_E_CLOSED);
    const struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    if (rights == NULL || rights->cmsg_type != SCM_RIGHTS) {
        return u32_of(answer) == ETIMEDOUT ? CMAW_E_TIMEOUT : CMAW_E_UNAVAILABLE;
    }
    *ret_fd = *(const int *)(const void *)CMSG_DATA(rights);
    return CMAW_OK;
}

/* One question and its answer at a time: they have no number to tell them apart. */
enum cmaw_err cmaw_sim_ask_connection(uint32_t port, int *ret_fd)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    uint8_t question[4];
    u32_to(port, question);
    pthread_mutex_lock(&lock);
    enum cmaw_err err = cmaw_fds_send(OUTGOING, CMAW_SLICE_ARRAY(question), NULL, 0);
    if (err == CMAW_OK) {
        err = receive_connection(ret_fd);
    }
    pthread_mutex_unlock(&lock);
    return err;
}

enum cmaw_err cmaw_platform_connect(uint32_t port, uint32_t timeout_ms, int *ret_fd)
{
    (void)timeout_ms; /* the launcher's connections are local: they succeed or fail at once */
    CMAW_REQUIRE(port != PORT_NSM, CMAW_E_BUG);
    return cmaw_sim_ask_connection(port, ret_fd);
}

enum cmaw_err cmaw_platform_accept(int *ret_fd)
{
    for (;;) {
        uint8_t port[4];
        int fd = -1;
        CMAW_TRY(cmaw_fds_receive(INCOMING, port, sizeof port, &fd, 1));
        if (u32_of(port) == CMAW_PORT_RPC) {
            *ret_fd = fd;
            return CMAW_OK;
        }
        close(fd); /* nobody listens on another port */
    }
}

static enum cmaw_err read_exact(int fd, uint8_t *dst, size_t size)
{
    for (size_t done = 0; done < size;) {
        const ssize_t got = read(fd, dst + done, size - done);
        CMAW_REQUIRE(got > 0 || (got < 0 && errno == EINTR), CMAW_E_CLOSED);
        done += got > 0 ? (size_t)got : 0;
    }
    return CMAW_OK;
}

static enum cmaw_err write_exact(int fd, struct cmaw_slice bytes)
{
    for (size_t done = 0; done < bytes.size;) {
        const ssize_t sent = send(fd, bytes.data + done, bytes.size - done, MSG_NOSIGNAL);
        CMAW_REQUIRE(sent > 0 || (sent < 0 && errno == EINTR), CMAW_E_CLOSED);
        done += sent > 0 ? (size_t)sent : 0;
    }
    return CMAW_OK;
}

/* u32 length and CBOR; back: u32 errno, u32 length and CBOR. */
enum cmaw_err cmaw_sim_nsm_exchange(int fd, struct cmaw_slice request, struct cmaw_buf *response)
{
    uint8_t head[8];
    u32_to((uint32_t)request.size, head);
    CMAW_TRY(write_exact(fd, cmaw_slice_of(head, 4)));
    CMAW_TRY(write_exact(fd, request));
    CMAW_TRY(read_exact(fd, head, sizeof head));
    const uint32_t size = u32_of(head + 4);
    CMAW_REQUIRE(size <= CMAW_NSM_RESPONSE_MAX, CMAW_E_IO);
    uint8_t *room = cmaw_buf_extend(response, size);
    CMAW_REQUIRE(room != NULL, CMAW_E_NO_MEMORY);
    CMAW_TRY(read_exact(fd, room, size));
    return u32_of(head) == 0 ? CMAW_OK : CMAW_E_IO;
}

static enum cmaw_err nsm_connect(int *ret_fd)
{
    const struct timeval timeout = {NSM_TIMEOUT_S, 0};
    CMAW_TRY(cmaw_sim_ask_connection(PORT_NSM, ret_fd));
    (void)setsockopt(*ret_fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    return CMAW_OK;
}

enum cmaw_err cmaw_platform_nsm_call(void *context, struct cmaw_slice request, struct cmaw_buf *response)
{
    (void)context;
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static int connection = -1;
    pthread_mutex_lock(&lock);
    enum cmaw_err err = connection < 0 ? nsm_connect(&connection) : CMAW_OK;
    if (err == CMAW_OK) {
        err = cmaw_sim_nsm_exchange(connection, request, response);
    }
    if (err != CMAW_OK) {
        cmaw_fds_close(&connection); /* the next call asks for a new one */
    }
    pthread_mutex_unlock(&lock);
    return err;
}

enum cmaw_err cmaw_platform_add_entropy(struct cmaw_slice bytes)
{
    (void)bytes; /* the generator is that of the development machine */
    return CMAW_OK;
}

void cmaw_platform_end(int status)
{
    _exit(status);
}
