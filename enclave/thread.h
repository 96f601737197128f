/* Threads of the enclave: detached, with a small stack. */
#ifndef CMAW_ENCLAVE_THREAD_H
#define CMAW_ENCLAVE_THREAD_H

#include "lib/base/error.h"

/* BUSY if the kernel has no room for another. Signals are blocked in it: the main thread takes them. */
enum cmaw_err cmaw_thread_start(void *(*run)(void *), void *argument);

#endif
