#include "client/codec/clock.h"

#include <sys/socket.h>

#include "lib/base/log.h"

void cmaw_codec_clock_init(struct cmaw_codec_clock *clock)
{
    (void)pthread_mutex_init(&clock->mutex, NULL);
    for (size_t i = 0; i < CMAW_CODEC_CONNECTIONS_MAX; i++) {
        clock->open[i].fd = -1;
    }
}

/* Puts `to` in the first place of `from`, with the time. */
static void replace(struct cmaw_codec_clock *clock, int from, int to, uint64_t now_ms)
{
    (void)pthread_mutex_lock(&clock->mutex);
    for (size_t i = 0; i < CMAW_CODEC_CONNECTIONS_MAX; i++) {
        if (clock->open[i].fd == from) {
            clock->open[i].fd = to;
            clock->open[i].since_ms = now_ms;
            break;
        }
    }
    (void)pthread_mutex_unlock(&clock->mutex);
}

void cmaw_codec_clock_opened(struct cmaw_codec_clock *clock, int fd, uint64_t now_ms)
{
    replace(clock, -1, fd, now_ms);
}

void cmaw_codec_clock_closed(struct cmaw_codec_clock *clock, int fd)
{
    replace(clock, fd, -1, 0);
}

void cmaw_codec_clock_tick(struct cmaw_codec_clock *clock, uint64_t now_ms)
{
    unsigned ended = 0;
    (void)pthread_mutex_lock(&clock->mutex);
    for (size_t i = 0; i < CMAW_CODEC_CONNECTIONS_MAX; i++) {
        if (clock->open[i].fd >= 0 && now_ms - clock->open[i].since_ms > CMAW_CODEC_DEADLINE_MS) {
            (void)shutdown(clock->open[i].fd, SHUT_RDWR);
            ended++;
        }
    }
    (void)pthread_mutex_unlock(&clock->mutex);
    if (ended > 0) {
        cmaw_log(CMAW_LOG_WARN, "codec.deadline", "connections=%u", ended);
    }
}
