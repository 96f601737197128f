#include "host/worker/heavy.h"

#include <pthread.h>

enum { LARGE = 256 * 1024, AT_ONCE = 1 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t left = PTHREAD_COND_INITIALIZER;
static unsigned inside;

bool cmaw_heavy_enter(size_t size)
{
    if (size <= LARGE) {
        return false;
    }
    pthread_mutex_lock(&lock);
    while (inside >= AT_ONCE) {
        pthread_cond_wait(&left, &lock);
    }
    inside++;
    pthread_mutex_unlock(&lock);
    return true;
}

void cmaw_heavy_leave(bool entered)
{
    if (!entered) {
        return;
    }
    pthread_mutex_lock(&lock);
    inside--;
    pthread_cond_signal(&left);
    pthread_mutex_unlock(&lock);
}
