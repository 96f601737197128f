/* What ends the process at once leaves its reason in the log. */
#ifndef CMAW_DEV_FATAL_H
#define CMAW_DEV_FATAL_H

/* From now on SIGABRT, SIGSEGV, SIGBUS, SIGFPE and SIGILL write a line with their name and the calls that led there to stderr, then end the
 * process as they would have. A signal that somebody handles already, such as a sanitizer, is left to them. */
void cmaw_fatal_report(void);
/* For libraries that end the process when they meet the impossible: logs why, and aborts. context is not looked at. */
[[gnu::noreturn]] void cmaw_fatal_panic(void *context, const char *file, unsigned line, const char *reason);

#endif
