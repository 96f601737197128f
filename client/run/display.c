#include "client/run/display.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "client/settings.h"
#include "client/terminal.h"
#include "sys/daemon.h"

enum { FRAME_MS = 250, FRAME_MAX = 256 * 1024, LINE_MAX_BYTES = 512, SPARE_LINES = 3 };

struct cmaw_display {
    pthread_mutex_t lock;
    pthread_cond_t over;
    pthread_t thread;
    bool draws;       /* over itself; otherwise lines */
    bool ended;
    bool told;        /* that no worker answers */
    size_t drawn;     /* lines of the last frame that are still where the cursor can find them */
    size_t width;     /* of the last frame */
    struct cmaw_progress_steps progress;
};

static size_t count_lines(const struct cmaw_buf *text)
{
    size_t lines = 0;
    for (size_t i = 0; i < text->size; i++) {
        lines += text->data[i] == '\n';
    }
    return lines;
}

/* A terminal that got narrower may have broken the old lines, so that nobody knows where they began: the new frame goes below them. */
static void draw(struct cmaw_display *display)
{
    const size_t width = cmaw_terminal_width(STDERR_FILENO);
    CMAW_BUF_AUTO(frame, FRAME_MAX);
    if (display->drawn > 0 && width >= display->width) {
        cmaw_buf_printf(&frame, "\033[%zuA", display->drawn);
    }
    cmaw_buf_put_cstr(&frame, "\r\033[J");
    /* one column is left free: a full line would take the cursor to the next one on some terminals */
    cmaw_progress_draw(&display->progress, cmaw_clock_ms(), width > 1 ? width - 1 : width, cmaw_terminal_colours(STDERR_FILENO), &frame);
    if (frame.err == CMAW_OK) {
        (void)fwrite(frame.data, 1, frame.size, stderr);
        (void)fflush(stderr);
        display->drawn = count_lines(&frame);
        display->width = width;
    }
}

static void say(const struct cmaw_step_progress *step)
{
    CMAW_BUF_AUTO(line, LINE_MAX_BYTES);
    cmaw_progress_say(step, &line);
    cmaw_progress("%.*s", (int)line.size, line.size == 0 ? "" : (const char *)line.data);
}

static void tick(struct cmaw_display *display)
{
    if (display->draws) {
        draw(display);
    } else if (!display->told && cmaw_progress_unattended(&display->progress, cmaw_clock_ms())) {
        display->told = true;
        cmaw_progress("no worker answers: the run waits");
    }
}

static void *keep_going(void *context)
{
    struct cmaw_display *display = context;
    (void)pthread_mutex_lock(&display->lock);
    while (!display->ended) {
        struct timespec until;
        tick(display);
        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += FRAME_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        (void)pthread_cond_timedwait(&display->over, &display->lock, &until);
    }
    (void)pthread_mutex_unlock(&display->lock);
    return NULL;
}

/* Signals are for the thread that waits for Temporal. */
static int start_thread(struct cmaw_display *display)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    const int result = pthread_create(&display->thread, NULL, keep_going, display);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

enum cmaw_err cmaw_display_begin(const struct cmaw_plan *plan, const struct cmaw_manifest *manifest, struct cmaw_display **ret_display)
{
    struct cmaw_display *display = calloc(1, sizeof *display);
    CMAW_REQUIRE(display != NULL, CMAW_E_NO_MEMORY);
    const size_t height = cmaw_terminal_height(STDERR_FILENO);
    display->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    display->over = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
    cmaw_progress_begin(plan, manifest, &display->progress);
    /* the cursor cannot go back to what has left the screen */
    display->draws = cmaw_terminal_redraws(STDERR_FILENO) && (height == 0 || plan->step_count + SPARE_LINES <= height);
    if (start_thread(display) != 0) {
        free(display);
        return CMAW_E_BUSY;
    }
    *ret_display = display;
    return CMAW_OK;
}

static const struct cmaw_step_progress *take(struct cmaw_progress_steps *progress, const struct cmaw_temporal_news *news)
{
    const uint64_t now = cmaw_clock_ms();
    switch (news->kind) {
    case CMAW_NEWS_QUEUED:
        progress->queued_ms = progress->queued_ms == 0 ? now : progress->queued_ms;
        return NULL;
    case CMAW_NEWS_TAKEN:
        progress->queued_ms = 0;
        return NULL;
    case CMAW_NEWS_STARTED:
        return cmaw_progress_started(progress, news->scheduled, news->data, now);
    case CMAW_NEWS_DONE:
        return cmaw_progress_done(progress, news->scheduled, news->data, now);
    case CMAW_NEWS_FAILED:
        return cmaw_progress_failed(progress, news->scheduled, news->code);
    }
    return NULL;
}

void cmaw_display_news(void *context, const struct cmaw_temporal_news *news)
{
    struct cmaw_display *display = context;
    (void)pthread_mutex_lock(&display->lock);
    const struct cmaw_step_progress *step = take(&display->progress, news);
    if (!display->draws && step != NULL) {
        say(step);
    }
    (void)pthread_mutex_unlock(&display->lock);
}

void cmaw_display_end(struct cmaw_display **display)
{
    if (*display == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&(*display)->lock);
    (*display)->ended = true;
    (*display)->progress.queued_ms = 0;
    if ((*display)->draws) {
        draw(*display);
    }
    (void)pthread_cond_signal(&(*display)->over);
    (void)pthread_mutex_unlock(&(*display)->lock);
    (void)pthread_join((*display)->thread, NULL);
    free(*display);
    *display = NULL;
}
