#include "enclave/platform/kernel.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "enclave/small_file.h"

enum { PATH_SIZE = 128, MEMINFO_MAX = 8192 };

static const struct {
    const char *file;
    const char *value;
} settings[] = {
    {"sys/kernel/panic", "-1"}, /* the end of the enclave, and no wait before it */
    {"sys/kernel/panic_on_oops", "0"},
    {"sys/kernel/oops_limit", "16"}, /* who can cause them may be looking for one that gives more */
    {"sys/kernel/dmesg_restrict", "1"},
    {"sys/kernel/kptr_restrict", "2"},
    {"sys/kernel/perf_event_paranoid", "3"},
    {"sys/kernel/unprivileged_bpf_disabled", "1"},
    {"sys/kernel/io_uring_disabled", "2"},
    {"sys/kernel/yama/ptrace_scope", "3"},
    {"sys/kernel/core_pattern", "\n"}, /* a pattern that starts a program asks no limit */
    {"sys/fs/suid_dumpable", "0"},
    {"sys/fs/pipe-user-pages-soft", "1024"},
    {"sys/vm/unprivileged_userfaultfd", "0"},
    {"sys/vm/panic_on_oom", "0"},
    {"self/oom_score_adj", "-1000"}, /* and of the spawner, which is forked from here */
};

void cmaw_kernel_settle(const char *proc)
{
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        char path[PATH_SIZE];
        (void)snprintf(path, sizeof path, "%s/%s", proc, settings[i].file);
        CMAW_IGNORE(cmaw_small_file_write(path, settings[i].value)); /* each is a second line of defence */
    }
}

enum cmaw_err cmaw_kernel_raise_loopback(void)
{
    struct ifreq request = {.ifr_name = "lo"};
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0); /* any socket will do; there may be no internet protocol */
    CMAW_REQUIRE(fd >= 0, CMAW_E_IO);
    int failed = ioctl(fd, SIOCGIFFLAGS, &request);
    if (failed == 0) {
        request.ifr_flags = (short)(request.ifr_flags | IFF_UP);
        failed = ioctl(fd, SIOCSIFFLAGS, &request);
    }
    const int why = errno;
    close(fd);
    errno = why;
    return failed == 0 || why == ENODEV ? CMAW_OK : CMAW_E_IO;
}

enum cmaw_err cmaw_kernel_available(const char *proc, uint64_t *ret_bytes)
{
    CMAW_BUF_AUTO(text, MEMINFO_MAX);
    char path[PATH_SIZE];
    uint64_t kib = 0;
    (void)snprintf(path, sizeof path, "%s/meminfo", proc);
    CMAW_REQUIRE(cmaw_small_file_read(path, &text) == CMAW_OK, CMAW_E_IO);
    CMAW_REQUIRE(cmaw_small_file_number(cmaw_buf_slice(&text), "MemAvailable:", &kib), CMAW_E_IO);
    *ret_bytes = kib << 10;
    return CMAW_OK;
}
