#include "dev/acceptor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "sys/file.h"

enum { BACKLOG = 4096, PAUSE_MS = 20 };

enum cmaw_err cmaw_acceptor_listen(struct cmaw_acceptor *acceptor, uint16_t port, uint16_t *ret_port)
{
    struct sockaddr_in self = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof self;
    const int on = 1;
    CMAW_FD_AUTO(fd);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CMAW_REQUIRE(fd >= 0, cmaw_err_of_errno(errno));
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    CMAW_REQUIRE(bind(fd, (const struct sockaddr *)&self, sizeof self) == 0
                 && listen(fd, BACKLOG) == 0
                 && getsockname(fd, (struct sockaddr *)&self, &size) == 0, cmaw_err_of_errno(errno));
    *ret_port = ntohs(self.sin_port);
    acceptor->listen_fd = fd;
    fd = -1;
    return CMAW_OK;
}

void cmaw_acceptor_closed(struct cmaw_acceptor *acceptor)
{
    (void)__atomic_sub_fetch(&acceptor->open, 1, __ATOMIC_SEQ_CST);
}

static void refuse(struct cmaw_acceptor *acceptor, int fd)
{
    /* a line for the first of a thousand: whoever floods us does not fill the log */
    if (acceptor->refused++ % 1000 == 0) {
        cmaw_log(CMAW_LOG_WARN, "http.refused", "limit=%u refused=%llu", acceptor->limit, (unsigned long long)acceptor->refused);
    }
    (void)close(fd);
}

static void take(struct cmaw_acceptor *acceptor, int fd, const struct sockaddr *addr, socklen_t size)
{
    if (__atomic_load_n(&acceptor->open, __ATOMIC_SEQ_CST) >= acceptor->limit) {
        refuse(acceptor, fd);
        return;
    }
    (void)__atomic_add_fetch(&acceptor->open, 1, __ATOMIC_SEQ_CST);
    if (!acceptor->give(acceptor->context, fd, addr, size)) {
        cmaw_acceptor_closed(acceptor);
    }
}

/* All that wait now. Without descriptors or memory the rest is left for later. */
static void accept_waiting(struct cmaw_acceptor *acceptor)
{
    struct sockaddr_in addr = {0};
    for (;;) {
        socklen_t size = sizeof addr;
        const int fd = accept4(acceptor->listen_fd, (struct sockaddr *)&addr, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            take(acceptor, fd, (const struct sockaddr *)&addr, size);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            struct pollfd stop = {.fd = acceptor->stop_fd, .events = POLLIN};
            (void)poll(&stop, 1, PAUSE_MS);
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}

static void *run(void *context)
{
    struct cmaw_acceptor *acceptor = context;
    struct pollfd wait[] = {{.fd = acceptor->listen_fd, .events = POLLIN}, {.fd = acceptor->stop_fd, .events = POLLIN}};
    for (;;) {
        (void)poll(wait, 2, -1);
        if (wait[1].revents != 0) {
            return NULL;
        }
        accept_waiting(acceptor);
    }
}

enum cmaw_err cmaw_acceptor_start(struct cmaw_acceptor *acceptor)
{
    acceptor->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    CMAW_REQUIRE(acceptor->stop_fd >= 0, cmaw_err_of_errno(errno));
    CMAW_REQUIRE(pthread_create(&acceptor->thread, NULL, run, acceptor) == 0, CMAW_E_NO_MEMORY);
    acceptor->running = true;
    return CMAW_OK;
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

void cmaw_acceptor_stop(struct cmaw_acceptor *acceptor)
{
    if (acceptor->running) {
        (void)eventfd_write(acceptor->stop_fd, 1);
        (void)pthread_join(acceptor->thread, NULL);
        acceptor->running = false;
    }
    close_fd(&acceptor->stop_fd);
    close_fd(&acceptor->listen_fd);
}

unsigned cmaw_acceptor_fit_limit(unsigned connections, unsigned reserve)
{
    struct rlimit files;
    const rlim_t wanted = (rlim_t)connections + reserve;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) {
        return connections;
    }
    if (files.rlim_cur < wanted) {
        files.rlim_cur = files.rlim_max < wanted ? files.rlim_max : wanted;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    if (files.rlim_cur >= wanted) {
        return connections;
    }
    return files.rlim_cur <= reserve ? 1 : (unsigned)(files.rlim_cur - reserve);
}
