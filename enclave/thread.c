#include "enclave/thread.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

enum { STACK_BYTES = 512 * 1024 }; /* address space; only what is touched is resident */

enum cmaw_err cmaw_thread_start(void *(*run)(void *), void *argument)
{
    pthread_attr_t attributes;
    CMAW_REQUIRE(pthread_attr_init(&attributes) == 0, CMAW_E_NO_MEMORY);
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    const bool started = pthread_attr_setstacksize(&attributes, STACK_BYTES) == 0 &&
                         pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0 &&
                         pthread_create(&thread, &attributes, run, argument) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attributes);
    return started ? CMAW_OK : CMAW_E_BUSY;
}
