#include "host/launch/sim_root.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/file.h"
#include "sys/proc.h"
#include "sys/ramdisk.h"

enum { FD_INCOMING = 3, FD_OUTGOING, FD_REPORT, FD_FLOOR = 64 };

static enum cmaw_err fail(struct cmaw_diag *diag, const char *what)
{
    const int errnum = errno;
    if (errnum == EPERM || errnum == EACCES) {
        cmaw_diag_hint(diag, "run as root, or allow user namespaces (user.max_user_namespaces) with /proc and /sys unmasked");
    }
    return cmaw_diag_set(diag, cmaw_err_of_errno(errnum), "cannot %s: %s", what, strerror(errnum));
}

#define MUST(cond, what) CMAW_REQUIRE(cond, fail(diag, what))

/* The launcher may have ended before the death signal was asked for: then nobody reads the report pipe any more. */
static bool launcher_lives(int report)
{
    struct pollfd event = {.fd = report};
    return poll(&event, 1, 0) == 0;
}

static enum cmaw_err put_text(const char *path, const char *text, struct cmaw_diag *diag)
{
    CMAW_FD_AUTO(fd);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    MUST(fd >= 0 && cmaw_fd_write(fd, cmaw_slice_of_cstr(text)) == CMAW_OK, "map the user of the new namespace");
    return CMAW_OK;
}

static enum cmaw_err become_root(const struct launch_child *child, struct cmaw_diag *diag)
{
    char line[64];
    CMAW_TRY(put_text("/proc/self/setgroups", "deny", diag));
    (void)snprintf(line, sizeof line, "0 %u 1", child->uid);
    CMAW_TRY(put_text("/proc/self/uid_map", line, diag));
    (void)snprintf(line, sizeof line, "0 %u 1", child->gid);
    return put_text("/proc/self/gid_map", line, diag);
}

/* The empty root of the enclave, on any folder of the host that is there: only this process sees it. */
static enum cmaw_err mount_root(uint64_t limit, char base[static CMAW_PATH_MAX], struct cmaw_diag *diag)
{
    static const char *const places[] = {"/tmp", "/mnt", "/run", "/var"};
    char options[64];
    (void)snprintf(options, sizeof options, "mode=0755,size=%llu", (unsigned long long)limit);
    MUST(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "make the mounts private");
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (mount("enclave", places[i], "tmpfs", MS_NOSUID, options) == 0) {
            return cmaw_path(base, "%s", places[i]);
        }
    }
    return fail(diag, "mount the enclave's root");
}

/* What devtmpfs gives an enclave, as far as programs rely on it. A user namespace may not make nodes: bind those of the host. */
static enum cmaw_err bind_devices(const char *base, struct cmaw_diag *diag)
{
    static const char *const devices[] = {"null", "zero", "full", "random", "urandom"};
    char from[CMAW_PATH_MAX], to[CMAW_PATH_MAX];
    CMAW_TRY(cmaw_path(to, "%s/dev", base));
    MUST(mkdir(to, 0755) == 0, "make /dev");
    for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++) {
        CMAW_TRY(cmaw_path(from, "/dev/%s", devices[i]));
        CMAW_TRY(cmaw_path(to, "%s/dev/%s", base, devices[i]));
        const int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        MUST(fd >= 0 && close(fd) == 0 && mount(from, to, NULL, MS_BIND, NULL) == 0, "bind the devices of /dev");
    }
    return CMAW_OK;
}

/* These have to be there before the host's are gone: the kernel lets a user namespace mount them only while it sees one. */
static enum cmaw_err mount_kernel_views(const char *base, struct cmaw_diag *diag)
{
    static const struct { const char *type, *folder; unsigned long flags; } views[] = {{"proc", "proc", 0}, {"sysfs", "sys", MS_RDONLY}};
    for (size_t i = 0; i < sizeof views / sizeof views[0]; i++) {
        char path[CMAW_PATH_MAX];
        CMAW_TRY(cmaw_path(path, "%s/%s", base, views[i].folder));
        MUST(mkdir(path, 0555) == 0, "make /proc and /sys");
        MUST(mount(views[i].type, path, views[i].type, MS_NOSUID | MS_NODEV | MS_NOEXEC | views[i].flags, NULL) == 0, "mount /proc and /sys");
    }
    return CMAW_OK;
}

static enum cmaw_err enter_root(const char *base, struct cmaw_diag *diag)
{
    MUST(chdir(base) == 0, "enter the enclave's root");
    MUST(syscall(SYS_pivot_root, ".", ".") == 0, "change the root");
    MUST(umount2(".", MNT_DETACH) == 0, "leave the host's root");
    MUST(chdir("/") == 0, "enter the enclave's root");
    return CMAW_OK;
}

static uint64_t root_limit(const struct cmaw_eif *eif)
{
    const uint64_t least = (uint64_t)64 << 20, most = (uint64_t)64 << 30;
    return eif->default_mem < least ? least : eif->default_mem > most ? most : eif->default_mem;
}

/* Descriptors 0 to 4 of /init, and the report pipe, which exec closes. */
static enum cmaw_err arrange_descriptors(struct launch_child *child, struct cmaw_diag *diag)
{
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    const int output = child->console >= 0 ? child->console : null;
    const int wanted[] = {null, output, output, child->incoming, child->outgoing, child->report};
    enum { COUNT = sizeof wanted / sizeof wanted[0] };
    int moved[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        moved[i] = fcntl(wanted[i], F_DUPFD_CLOEXEC, FD_FLOOR);
        MUST(moved[i] >= 0, "arrange descriptors");
    }
    for (size_t i = 0; i < COUNT; i++) {
        MUST(dup2(moved[i], (int)i) == (int)i, "arrange descriptors");
    }
    child->report = FD_REPORT;
    MUST(fcntl(FD_REPORT, F_SETFD, FD_CLOEXEC) == 0 && close_range(FD_REPORT + 1, ~0u, 0) == 0, "arrange descriptors");
    return CMAW_OK;
}

static enum cmaw_err make_root(const struct launch_child *child, struct cmaw_diag *diag)
{
    char base[CMAW_PATH_MAX];
    (void)umask(0);
    CMAW_TRY(mount_root(root_limit(&child->image->eif), base, diag));
    CMAW_TRY(bind_devices(base, diag));
    CMAW_TRY(mount_kernel_views(base, diag));
    CMAW_TRY(enter_root(base, diag));
    CMAW_TRY(cmaw_ramdisk_unpack("/", cmaw_buf_slice(&child->image->archive), diag));
    (void)umask(022);
    return CMAW_OK;
}

static enum cmaw_err become_init(struct launch_child *child, struct cmaw_diag *diag)
{
    if (child->new_user) {
        CMAW_TRY(become_root(child, diag));
    }
    MUST(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0, "ask for the death signal");
    CMAW_REQUIRE(launcher_lives(child->report), CMAW_E_CLOSED);
    (void)setsid(); /* a terminal's signals are for the launcher */
    CMAW_TRY(make_root(child, diag));
    CMAW_TRY(arrange_descriptors(child, diag));
    cmaw_proc_default_signals();
    static const char *const argv[] = {"/init", NULL};
    static const char *const env[] = {"HOME=/", "TERM=linux", NULL}; /* as the kernel sets them */
    (void)execve(argv[0], (char *const *)argv, (char *const *)env);
    return fail(diag, "run the image's /init");
}

void cmaw_launch_child(struct launch_child *child)
{
    static struct launch_report report;
    report.err = become_init(child, &report.diag);
    /* a launcher that is gone needs no report */
    CMAW_IGNORE(cmaw_fd_write(child->report, cmaw_slice_of(&report, sizeof report)));
    _exit(1);
}
