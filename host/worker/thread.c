#include "host/worker/thread.h"

#include "host/worker/timing.h"

enum cmaw_err cmaw_thread_start(void *(*function)(void *argument), void *argument, pthread_t *ret_thread)
{
    pthread_attr_t attributes;

    CMAW_REQUIRE(pthread_attr_init(&attributes) == 0, CMAW_E_NO_MEMORY);
    int failed = pthread_attr_setstacksize(&attributes, CMAW_STACK_SIZE);
    if (failed == 0) {
        failed = pthread_create(ret_thread, &attributes, function, argument);
    }
    pthread_attr_destroy(&attributes);
    return failed == 0 ? CMAW_OK : CMAW_E_NO_MEMORY;
}
