#include "dev/fatal.h"

#include <execinfo.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/log.h"

enum { CALLS_MAX = 48 };

/* Only what may be called from a handler of signals; the handler has gone when it runs, so the second signal ends the process. */
static void report(int signal_number)
{
    static const char before[] = "devd fatal signal=SIG";
    const char *name = sigabbrev_np(signal_number);
    void *calls[CALLS_MAX];
    [[maybe_unused]] ssize_t written = write(STDERR_FILENO, before, sizeof before - 1);
    written = write(STDERR_FILENO, name, strlen(name));
    written = write(STDERR_FILENO, "\n", 1);
    backtrace_symbols_fd(calls, backtrace(calls, CALLS_MAX), STDERR_FILENO);
    (void)raise(signal_number);
}

void cmaw_fatal_report(void)
{
    static const int signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    struct sigaction ours = {.sa_handler = report, .sa_flags = (int)SA_RESETHAND | SA_NODEFER}, old;
    void *call;
    (void)backtrace(&call, 1); /* loads what it needs, which a handler must not */
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL) {
            (void)sigaction(signals[i], &ours, NULL);
        }
    }
}

void cmaw_fatal_panic(void *context, const char *file, unsigned line, const char *reason)
{
    (void)context;
    cmaw_log(CMAW_LOG_ERROR, "panic", "at=%s:%u reason=\"%s\"", file, line, reason == NULL ? "" : reason);
    abort();
}
