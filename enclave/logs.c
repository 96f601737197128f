#include "enclave/logs.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "enclave/platform/platform.h"
#include "enclave/thread.h"
#include "lib/base/log.h"

enum { LINES = 64, LINE_MAX = 256, SEND_TIMEOUT_S = 5, CONNECT_MS = 2000, RECONNECT_MS = 1000 };

struct line {
    uint16_t size;
    char text[LINE_MAX];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct line lines[LINES];
static size_t first;
static size_t count; /* the one that is being sent included */
static uint64_t dropped;
static bool copied; /* to standard error */
static bool started;

static void enqueue(const char *text, size_t size)
{
    if (copied) {
        [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text, size); /* the queue is what counts */
    }
    pthread_mutex_lock(&lock);
    if (count == LINES) {
        dropped++;
    } else {
        struct line *line = &lines[(first + count) % LINES];
        line->size = (uint16_t)(size < LINE_MAX ? size : LINE_MAX);
        memcpy(line->text, text, line->size);
        line->text[line->size - 1] = '\n';
        count++;
        pthread_cond_broadcast(&changed);
    }
    pthread_mutex_unlock(&lock);
}

static struct line peek(void)
{
    pthread_mutex_lock(&lock);
    while (count == 0) {
        pthread_cond_wait(&changed, &lock);
    }
    const struct line line = lines[first];
    pthread_mutex_unlock(&lock);
    return line;
}

static void drop_first(bool lost)
{
    pthread_mutex_lock(&lock);
    first = (first + 1) % LINES;
    count--;
    dropped += lost;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static bool send_line(int fd, const struct line *line)
{
    size_t done = 0;
    while (done < line->size) {
        const ssize_t sent = send(fd, line->text + done, line->size - done, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent <= 0) {
            return false;
        }
        done += (size_t)sent;
    }
    return true;
}

static int connect_host(void)
{
    const struct timeval timeout = {SEND_TIMEOUT_S, 0};
    const struct timespec pause = {RECONNECT_MS / 1000, (RECONNECT_MS % 1000) * 1000000L};
    int fd = -1;
    while (cmaw_platform_connect(CMAW_PORT_LOGS, CONNECT_MS, &fd) != CMAW_OK) {
        (void)nanosleep(&pause, NULL); /* nobody listens; that he does later is no event here */
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    return fd;
}

/* What was lost since this was said last. The line takes its turn in the queue, and may get lost as well. */
static void say_dropped(uint64_t *said)
{
    const uint64_t now = cmaw_logs_dropped();
    if (now != *said) {
        *said = now;
        cmaw_log(CMAW_LOG_WARN, "logs.dropped", "lines=%llu", (unsigned long long)now);
    }
}

static void *forward(void *unused)
{
    (void)unused;
    int fd = -1;
    uint64_t said = 0;
    for (;;) {
        const struct line line = peek();
        if (fd < 0) {
            fd = connect_host();
        }
        const bool sent = send_line(fd, &line);
        drop_first(!sent);
        if (!sent) {
            close(fd);
            fd = -1;
        } else {
            say_dropped(&said);
        }
    }
    return NULL;
}

void cmaw_logs_take(void)
{
    cmaw_log_to(enqueue);
}

enum cmaw_err cmaw_logs_start(void)
{
    started = true;
    return cmaw_thread_start(forward, NULL);
}

void cmaw_logs_copy(bool copy)
{
    copied = copy;
}

uint64_t cmaw_logs_dropped(void)
{
    pthread_mutex_lock(&lock);
    const uint64_t value = dropped;
    pthread_mutex_unlock(&lock);
    return value;
}

void cmaw_logs_flush(uint32_t timeout_ms)
{
    struct timespec until;
    if (!started && cmaw_logs_start() != CMAW_OK) {
        return; /* there is no other way to the host */
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    pthread_mutex_lock(&lock);
    while (count > 0 && pthread_cond_clockwait(&changed, &lock, CLOCK_MONOTONIC, &until) == 0) {
    }
    pthread_mutex_unlock(&lock);
}
