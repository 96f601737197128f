/* Threads with a small stack: the worker has dozens. */
#ifndef CMAW_WORKER_THREAD_H
#define CMAW_WORKER_THREAD_H

#include <pthread.h>

#include "lib/base/error.h"

enum cmaw_err cmaw_thread_start(void *(*function)(void *argument), void *argument, pthread_t *ret_thread);

#endif
