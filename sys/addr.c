#include "sys/addr.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "sys/daemon.h"
#include "sys/file.h"

enum { BACKLOG = 128, ANSWER_MAX = 64 };

static enum cmaw_err bad(struct cmaw_diag *diag, const char *text)
{
    cmaw_diag_hint(diag, "write vsock:CID:PORT or uds:PATH:PORT");
    return cmaw_diag_set(diag, CMAW_E_USAGE, "not an enclave address: %s", text);
}

enum cmaw_err cmaw_addr_parse(const char *text, struct cmaw_addr *ret_addr, struct cmaw_diag *diag)
{
    struct cmaw_addr addr = {0};
    const char *colon = strrchr(text, ':');
    const char *first = strchr(text, ':');
    uint64_t port = 0, cid = 0;
    if (colon == first || cmaw_parse_u64(colon + 1, UINT32_MAX, &port) != CMAW_OK) {
        return bad(diag, text);
    }
    addr.port = (uint32_t)port;
    const int size = snprintf(addr.path, sizeof addr.path, "%.*s", (int)(colon - first - 1), first + 1);
    if (size <= 0 || (size_t)size >= sizeof addr.path) {
        return bad(diag, text);
    }
    addr.vsock = strncmp(text, "vsock:", 6) == 0;
    if (!addr.vsock && strncmp(text, "uds:", 4) != 0) {
        return bad(diag, text);
    }
    if (addr.vsock && cmaw_parse_u64(addr.path, UINT32_MAX, &cid) != CMAW_OK) {
        return bad(diag, text);
    }
    addr.cid = (uint32_t)cid;
    *ret_addr = addr;
    return CMAW_OK;
}

/* sun_path has 108 bytes; a path through /proc/self/fd has no such limit. The caller keeps folder open meanwhile. */
static enum cmaw_err unix_address(const char *path, int *ret_folder, struct sockaddr_un *ret_addr)
{
    char folder[CMAW_PATH_MAX], name[CMAW_PATH_MAX];
    CMAW_TRY(cmaw_path(folder, "%s", path));
    CMAW_TRY(cmaw_path(name, "%s", path));
    const int fd = open(dirname(folder), O_PATH | O_DIRECTORY | O_CLOEXEC);
    CMAW_REQUIRE(fd >= 0, cmaw_err_of_errno(errno));
    *ret_folder = fd;
    *ret_addr = (struct sockaddr_un){.sun_family = AF_UNIX};
    const int size = snprintf(ret_addr->sun_path, sizeof ret_addr->sun_path, "/proc/self/fd/%d/%s", fd, basename(name));
    CMAW_REQUIRE(size > 0 && (size_t)size < sizeof ret_addr->sun_path, CMAW_E_TOO_LARGE);
    return CMAW_OK;
}

static void set_timeouts(int fd, uint32_t timeout_ms)
{
    const struct timeval limit = {timeout_ms / 1000, (timeout_ms % 1000) * 1000};
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

static enum cmaw_err connect_err(int errnum)
{
    return errnum == ENOENT ? CMAW_E_UNAVAILABLE : cmaw_err_of_errno(errnum);
}

enum cmaw_err cmaw_unix_connect(const char *path, uint32_t timeout_ms, int *ret_fd)
{
    CMAW_FD_AUTO(folder);
    CMAW_FD_AUTO(fd);
    struct sockaddr_un addr;
    const enum cmaw_err err = unix_address(path, &folder, &addr);
    CMAW_REQUIRE(err != CMAW_E_NOT_FOUND, CMAW_E_UNAVAILABLE);
    CMAW_TRY(err);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CMAW_REQUIRE(fd >= 0, cmaw_err_of_errno(errno));
    set_timeouts(fd, timeout_ms);
    CMAW_REQUIRE(connect(fd, (const struct sockaddr *)&addr, sizeof addr) == 0, connect_err(errno));
    set_timeouts(fd, 0);
    *ret_fd = fd;
    fd = -1;
    return CMAW_OK;
}

enum cmaw_err cmaw_unix_listen(const char *path, int *ret_fd)
{
    CMAW_FD_AUTO(folder);
    CMAW_FD_AUTO(fd);
    struct sockaddr_un addr;
    CMAW_TRY(unix_address(path, &folder, &addr));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CMAW_REQUIRE(fd >= 0, cmaw_err_of_errno(errno));
    struct stat info;
    if (lstat(path, &info) == 0 && S_ISSOCK(info.st_mode)) {
        (void)unlink(path);
    }
    /* the mode of a bound socket is that of the descriptor before bind (unix(7)) */
    CMAW_REQUIRE(fchmod(fd, 0600) == 0, cmaw_err_of_errno(errno));
    CMAW_REQUIRE(bind(fd, (const struct sockaddr *)&addr, sizeof addr) == 0, cmaw_err_of_errno(errno));
    CMAW_REQUIRE(listen(fd, BACKLOG) == 0, cmaw_err_of_errno(errno));
    *ret_fd = fd;
    fd = -1;
    return CMAW_OK;
}

/* Waits until fd can be read; TIMEOUT at end. */
static enum cmaw_err await_byte(int fd, uint64_t end)
{
    for (;;) {
        const uint64_t now = cmaw_clock_ms();
        CMAW_REQUIRE(now < end, CMAW_E_TIMEOUT);
        struct pollfd event = {.fd = fd, .events = POLLIN};
        const int ready = poll(&event, 1, end - now > INT32_MAX ? INT32_MAX : (int)(end - now));
        CMAW_REQUIRE(ready >= 0 || errno == EINTR, cmaw_err_of_errno(errno));
        if (ready > 0) {
            return CMAW_OK;
        }
    }
}

/* Reads the answer byte by byte: what follows its newline belongs to the caller. For a port that nobody serves, some give neither an
 * answer nor an end (NITRO.md 6.4). */
static enum cmaw_err read_answer(int fd, uint32_t timeout_ms)
{
    const uint64_t end = cmaw_clock_ms() + timeout_ms;
    char line[ANSWER_MAX];
    for (size_t used = 0; used < sizeof line; used++) {
        CMAW_TRY(await_byte(fd, end));
        const ssize_t got = read(fd, line + used, 1);
        CMAW_REQUIRE(got >= 0, cmaw_err_of_errno(errno));
        CMAW_REQUIRE(got == 1, CMAW_E_UNAVAILABLE);
        if (line[used] == '\n') {
            return strncmp(line, "OK", 2) == 0 ? CMAW_OK : CMAW_E_UNAVAILABLE;
        }
    }
    return CMAW_E_PEER;
}

static enum cmaw_err connect_hybrid(const struct cmaw_addr *addr, uint32_t timeout_ms, int *ret_fd)
{
    CMAW_FD_AUTO(fd);
    CMAW_TRY(cmaw_unix_connect(addr->path, timeout_ms, &fd));
    char request[32];
    const int size = snprintf(request, sizeof request, "CONNECT %u\n", addr->port);
    CMAW_TRY(cmaw_fd_write(fd, cmaw_slice_of(request, (size_t)size)));
    CMAW_TRY(read_answer(fd, timeout_ms));
    *ret_fd = fd;
    fd = -1;
    return CMAW_OK;
}

enum cmaw_err cmaw_addr_connect(const struct cmaw_addr *addr, uint32_t timeout_ms, int *ret_fd)
{
    if (!addr->vsock) {
        return connect_hybrid(addr, timeout_ms, ret_fd);
    }
    CMAW_FD_AUTO(fd);
    fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CMAW_REQUIRE(fd >= 0, cmaw_err_of_errno(errno));
    const struct timeval limit = {timeout_ms / 1000, (timeout_ms % 1000) * 1000};
    (void)setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &limit, sizeof limit);
    const struct sockaddr_vm peer = {.svm_family = AF_VSOCK, .svm_cid = addr->cid, .svm_port = addr->port};
    CMAW_REQUIRE(connect(fd, (const struct sockaddr *)&peer, sizeof peer) == 0, connect_err(errno));
    *ret_fd = fd;
    fd = -1;
    return CMAW_OK;
}

enum cmaw_err cmaw_addr_listen(const struct cmaw_addr *addr, int *ret_fd)
{
    if (!addr->vsock) {
        char path[CMAW_PATH_MAX];
        CMAW_TRY(cmaw_path(path, "%s_%u", addr->path, addr->port));
        return cmaw_unix_listen(path, ret_fd);
    }
    CMAW_FD_AUTO(fd);
    fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CMAW_REQUIRE(fd >= 0, cmaw_err_of_errno(errno));
    const struct sockaddr_vm self = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = addr->port};
    CMAW_REQUIRE(bind(fd, (const struct sockaddr *)&self, sizeof self) == 0, cmaw_err_of_errno(errno));
    CMAW_REQUIRE(listen(fd, BACKLOG) == 0, cmaw_err_of_errno(errno));
    *ret_fd = fd;
    fd = -1;
    return CMAW_OK;
}
