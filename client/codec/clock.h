/* Which connections are open since when: a connection has one request and a deadline, so that a slow peer holds nothing for long. */
#ifndef CMAW_CLIENT_CODEC_CLOCK_H
#define CMAW_CLIENT_CODEC_CLOCK_H

#include <pthread.h>
#include <stdint.h>

enum { CMAW_CODEC_CONNECTIONS_MAX = 64, CMAW_CODEC_DEADLINE_MS = 30 * 1000 };

struct cmaw_codec_clock {
    pthread_mutex_t mutex;
    struct {
        int fd; /* -1: free */
        uint64_t since_ms;
    } open[CMAW_CODEC_CONNECTIONS_MAX];
};

void cmaw_codec_clock_init(struct cmaw_codec_clock *clock);
/* A connection began, or is about to close its descriptor. Thread-safe, as the others. */
void cmaw_codec_clock_opened(struct cmaw_codec_clock *clock, int fd, uint64_t now_ms);
void cmaw_codec_clock_closed(struct cmaw_codec_clock *clock, int fd);
/* Shuts down what is open since over CMAW_CODEC_DEADLINE_MS. */
void cmaw_codec_clock_tick(struct cmaw_codec_clock *clock, uint64_t now_ms);

#endif
