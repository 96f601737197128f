#include "client/interrupt.h"

#include <signal.h>
#include <time.h>

enum { SLICE_MS = 100 };

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

void cmaw_interrupt_catch(void)
{
    const struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

bool cmaw_interrupted(void)
{
    return interrupted != 0;
}

bool cmaw_interrupt_sleep(uint64_t ms)
{
    /* in slices: a signal between the look at the flag and the sleep costs one of them */
    while (ms > 0 && !cmaw_interrupted()) {
        const uint64_t slice = ms < SLICE_MS ? ms : SLICE_MS;
        const struct timespec time = {.tv_nsec = (long)slice * 1000000};
        (void)nanosleep(&time, NULL);
        ms -= slice;
    }
    return !cmaw_interrupted();
}
