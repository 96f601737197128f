/* Log lines on their way to a host that is away, slow, or there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "enclave/logs.h"
#include "enclave/platform/platform.h"
#include "lib/base/log.h"

enum { QUEUE = 64, LOST = 36, LINE_MAX_SIZE = 256 };

/* The host: away until somebody puts its end here. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int offered = -1;

enum cmaw_err cmaw_platform_connect(uint32_t port, uint32_t timeout_ms, int *ret_fd)
{
    (void)timeout_ms;
    assert_int_equal(port, CMAW_PORT_LOGS);
    pthread_mutex_lock(&lock);
    const int fd = offered;
    offered = -1;
    pthread_mutex_unlock(&lock);
    *ret_fd = fd;
    return fd >= 0 ? CMAW_OK : CMAW_E_UNAVAILABLE;
}

static FILE *offer(void)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    pthread_mutex_lock(&lock);
    offered = pair[0];
    pthread_mutex_unlock(&lock);
    return fdopen(pair[1], "r");
}

static char line[1024];

static const char *next(FILE *host)
{
    assert_non_null(fgets(line, sizeof line, host));
    return line;
}

static void lines_wait_are_bounded_and_the_lost_are_told(void **state)
{
    (void)state;
    cmaw_log_init("enclave", CMAW_LOG_INFO);
    cmaw_logs_take();
    for (int i = 0; i < QUEUE + LOST; i++) {
        cmaw_log(CMAW_LOG_INFO, "a.line", "n=%d", i);
    }
    assert_int_equal(cmaw_logs_dropped(), LOST);
    FILE *host = offer();
    cmaw_logs_flush(10000); /* starts the thread, and waits for it */
    for (int i = 0; i < QUEUE; i++) {
        char wanted[64];
        (void)snprintf(wanted, sizeof wanted, " info enclave a.line n=%d\n", i);
        assert_non_null(strstr(next(host), wanted));
    }
    assert_non_null(strstr(next(host), " warn enclave logs.dropped lines=36\n"));
    cmaw_log(CMAW_LOG_INFO, "a.line", "n=%d", 200);
    assert_non_null(strstr(next(host), " a.line n=200\n")); /* and that is told once */
    (void)fclose(host);
}

static void a_long_line_is_cut(void **state)
{
    (void)state;
    char text[600];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    cmaw_log(CMAW_LOG_INFO, "before", "the line that finds out that the host has gone, and is lost");
    cmaw_logs_flush(10000);
    FILE *host = offer();
    cmaw_log(CMAW_LOG_INFO, "long", "%s", text);
    while (strstr(next(host), " long ") == NULL) {
    }
    assert_int_equal(strlen(line), LINE_MAX_SIZE);
    assert_int_equal(line[LINE_MAX_SIZE - 1], '\n');
    (void)fclose(host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_wait_are_bounded_and_the_lost_are_told),
        cmocka_unit_test(a_long_line_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
