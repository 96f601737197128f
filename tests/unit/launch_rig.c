#include "tests/unit/launch_rig.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
/* after the standard headers it needs */
#include <cmocka.h>

#include "lib/attest/eif.h"
#include "sys/addr.h"
#include "sys/cpio.h"
#include "sys/folder.h"
#include "tests/unit/gzip_make.h"

enum { IMAGE_MAX = 64 << 20, WAIT_MS = 60000 };
static const char token[] = "00112233445566778899aabbccddeeff";

void rig_open(struct rig *rig)
{
    (void)signal(SIGPIPE, SIG_IGN); /* a peer that goes away is a failed write */
    *rig = (struct rig){.launcher = CMAW_PROC_NONE, .nsm_listener = -1, .nsm_stop = -1};
    (void)snprintf(rig->dir, sizeof rig->dir, "/tmp/cmaw-launch-test-XXXXXX");
    assert_non_null(mkdtemp(rig->dir));
    (void)snprintf(rig->eif, sizeof rig->eif, "%s/test.eif", rig->dir);
    (void)snprintf(rig->socket, sizeof rig->socket, "%s/enclave.sock", rig->dir);
    (void)snprintf(rig->nsm, sizeof rig->nsm, "%s/nsm.sock", rig->dir);
    (void)snprintf(rig->state, sizeof rig->state, "%s/state", rig->dir);
    (void)snprintf(rig->program, sizeof rig->program, "%s/cmaw-launch", rig->dir);
    (void)snprintf(rig->log, sizeof rig->log, "%s/log", rig->dir);
}

void rig_close(struct rig *rig)
{
    cmaw_proc_kill(&rig->launcher);
    rig_nsm_stop(rig);
    struct cmaw_diag diag = {0};
    assert_int_equal(cmaw_folder_remove(rig->dir, &diag), CMAW_OK);
}

static bool read_line(int fd, char *line, size_t capacity)
{
    for (size_t used = 0; used + 1 < capacity; used++) {
        if (read(fd, line + used, 1) != 1) {
            return false;
        }
        if (line[used] == '\n') {
            line[used] = '\0';
            return true;
        }
    }
    return false;
}

/* One connection at a time is enough here: the launcher's first, then the enclave's. */
static void serve_nsm(struct rig *rig, int fd)
{
    char line[sizeof rig->nsm_new], block[256];
    if (!read_line(fd, line, sizeof line)) {
        return;
    }
    if (strncmp(line, "NEW ", 4) == 0) {
        memcpy(rig->nsm_new, line, sizeof line);
        atomic_fetch_add(&rig->nsm_news, 1);
    } else if (strncmp(line, "RESUME ", 7) == 0 && strcmp(line + 7, token) == 0) {
        atomic_fetch_add(&rig->nsm_resumes, 1);
    } else {
        return;
    }
    (void)dprintf(fd, rig->nsm_refuses ? "ERR no more modules\n" : "OK %s\n", token);
    for (ssize_t got; (got = read(fd, block, sizeof block)) > 0;) {
        if (write(fd, block, (size_t)got) != got) {
            return;
        }
    }
}

static void *nsm_main(void *rig_pointer)
{
    struct rig *rig = rig_pointer;
    for (;;) {
        struct pollfd events[] = {{.fd = rig->nsm_listener, .events = POLLIN}, {.fd = rig->nsm_stop, .events = POLLIN}};
        (void)poll(events, 2, -1);
        if (events[1].revents != 0) {
            return NULL;
        }
        const int fd = accept4(rig->nsm_listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0) {
            serve_nsm(rig, fd);
            (void)close(fd);
        }
    }
}

const char *rig_nsm_new(struct rig *rig)
{
    assert_true(atomic_load(&rig->nsm_news) > 0);
    return rig->nsm_new;
}

void rig_nsm_start(struct rig *rig)
{
    assert_int_equal(cmaw_unix_listen(rig->nsm, &rig->nsm_listener), CMAW_OK);
    rig->nsm_stop = eventfd(0, EFD_CLOEXEC);
    assert_int_equal(pthread_create(&rig->nsm_thread, NULL, nsm_main, rig), 0);
}

void rig_nsm_stop(struct rig *rig)
{
    if (rig->nsm_listener >= 0) {
        assert_int_equal(eventfd_write(rig->nsm_stop, 1), 0);
        assert_int_equal(pthread_join(rig->nsm_thread, NULL), 0);
        cmaw_fd_close(&rig->nsm_listener);
        cmaw_fd_close(&rig->nsm_stop);
        assert_int_equal(unlink(rig->nsm), 0);
    }
}

static void put_file(struct cmaw_buf *archive, const char *name, uint32_t mode, struct cmaw_slice content, uint32_t inode)
{
    struct cmaw_cpio_entry entry = {.mode = mode, .content = content};
    (void)snprintf(entry.name, sizeof entry.name, "%s", name);
    assert_int_equal(cmaw_cpio_put(archive, &entry, inode), CMAW_OK);
}

void rig_image(struct rig *rig, const char *mode, bool gzip, struct cmaw_slice more_entries)
{
    CMAW_BUF_AUTO(init, IMAGE_MAX);
    CMAW_BUF_AUTO(one, IMAGE_MAX);
    CMAW_BUF_AUTO(two, IMAGE_MAX);
    CMAW_BUF_AUTO(packed, IMAGE_MAX);
    CMAW_BUF_AUTO(file, IMAGE_MAX);
    struct cmaw_diag diag = {0};
    const char *fake_init = getenv("CMAW_TEST_FAKE_INIT"); /* set by meson test */
    assert_non_null(fake_init);
    assert_int_equal(cmaw_file_read(fake_init, &init, &diag), CMAW_OK);
    put_file(&one, "init", S_IFREG | 0755, cmaw_buf_slice(&init), 1);
    put_file(&one, "dev", S_IFDIR | 0755, CMAW_SLICE_EMPTY, 2);
    put_file(&one, "proc", S_IFDIR | 0755, CMAW_SLICE_EMPTY, 3);
    assert_int_equal(cmaw_cpio_put_end(&one), CMAW_OK);
    put_file(&two, "mode", S_IFREG | 0644, cmaw_slice_of_cstr(mode), 1);
    put_file(&two, "etc", S_IFDIR | 0755, CMAW_SLICE_EMPTY, 2);
    put_file(&two, "etc/cmaw/test.conf", S_IFREG | 0640, CMAW_SLICE_LIT("twelve bytes"), 3);
    put_file(&two, "link", S_IFLNK | 0777, CMAW_SLICE_LIT("/etc"), 4);
    cmaw_buf_put(&two, more_entries);
    assert_int_equal(cmaw_cpio_put_end(&two), CMAW_OK);
    gzip_make(&packed, cmaw_buf_slice(&two));
    const struct cmaw_eif eif = {.default_mem = 256 << 20, .default_cpus = 2, .kernel = CMAW_SLICE_LIT("k"), .cmdline = CMAW_SLICE_LIT("c"),
                                 .metadata = CMAW_SLICE_LIT("{}"), .ramdisk_count = 2,
                                 .ramdisks = {cmaw_buf_slice(&one), cmaw_buf_slice(gzip ? &packed : &two)}};
    assert_int_equal(cmaw_eif_write(&eif, &file), CMAW_OK);
    assert_int_equal(cmaw_file_write(rig->eif, cmaw_buf_slice(&file), 0600, &diag), CMAW_OK);
}

static size_t append(const char **argv, size_t count, const char *const *extra)
{
    for (; extra != NULL && *extra != NULL; extra++) {
        argv[count++] = *extra;
    }
    argv[count] = NULL;
    return count;
}

static void find_launcher(char path[static CMAW_PATH_MAX])
{
    struct cmaw_diag diag = {0};
    if (cmaw_proc_find("cmaw-launch", path, &diag) != CMAW_OK) {
        fail_msg("%s", diag.text);
    }
}

static void start(const char *path, const char **argv, int out, int ready, struct cmaw_proc *ret_proc)
{
    struct cmaw_diag diag = {0};
    const struct cmaw_proc_spec spec = {.path = path, .argv = argv, .in = -1, .out = out, .err = out, .fds = {ready},
                                        .fd_count = ready >= 0 ? 1 : 0, .die_with_parent = true};
    assert_int_equal(cmaw_proc_start(&spec, ret_proc, &diag), CMAW_OK);
}

void rig_launch(struct rig *rig, const char *const *extra, int *ret_ready)
{
    const char *argv[40] = {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", rig->program, "run", "--eif", rig->eif,
                            "--socket", rig->socket, "--nsm", rig->nsm, "--state-dir", rig->state, "--ready-fd", "3"};
    char path[CMAW_PATH_MAX];
    int ready[2];
    find_launcher(path);
    append(argv, 16, extra);
    const int log = open(rig->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(log >= 0);
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    start(rig->as_nobody ? "/usr/bin/setpriv" : path, rig->as_nobody ? argv : argv + 4, log, ready[1], &rig->launcher);
    assert_int_equal(close(log) | close(ready[1]), 0);
    *ret_ready = ready[0];
}

void rig_give_up_root(struct rig *rig)
{
    CMAW_BUF_AUTO(program, IMAGE_MAX);
    struct cmaw_diag diag = {0};
    char path[CMAW_PATH_MAX];
    find_launcher(path);
    assert_int_equal(cmaw_file_read(path, &program, &diag), CMAW_OK);
    assert_int_equal(cmaw_file_write(rig->program, cmaw_buf_slice(&program), 0755, &diag), CMAW_OK);
    assert_int_equal(chown(rig->dir, 65534, 65534) | chown(rig->eif, 65534, 65534) | chown(rig->nsm, 65534, 65534), 0);
    rig->as_nobody = true;
}

void rig_launch_ready(struct rig *rig, const char *const *extra)
{
    CMAW_FD_AUTO(ready);
    rig_launch(rig, extra, &ready);
    if (cmaw_proc_await_ready(ready, WAIT_MS) != CMAW_OK) {
        CMAW_BUF_AUTO(log, 100000);
        rig_read_file(rig->log, &log);
        fail_msg("not ready: %.*s", (int)log.size, log.data);
    }
}

void rig_start(const char *const *arguments, int *ret_out, struct cmaw_proc *ret_proc)
{
    const char *argv[32] = {"cmaw-launch"};
    char path[CMAW_PATH_MAX];
    int out[2];
    find_launcher(path);
    append(argv, 1, arguments);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    start(path, argv, out[1], -1, ret_proc);
    assert_int_equal(close(out[1]), 0);
    *ret_out = out[0];
}

int rig_command(const char *const *arguments, struct cmaw_buf *buf)
{
    CMAW_PROC_AUTO(proc);
    CMAW_FD_AUTO(out);
    int status = -1;
    rig_start(arguments, &out, &proc);
    rig_read_all(out, buf);
    assert_int_equal(cmaw_proc_wait(&proc, WAIT_MS, &status), CMAW_OK);
    return status;
}

int rig_wait(struct rig *rig)
{
    int status = -1;
    assert_int_equal(cmaw_proc_wait(&rig->launcher, WAIT_MS, &status), CMAW_OK);
    return status;
}

int rig_connect(const struct rig *rig, uint32_t port)
{
    struct cmaw_addr addr = {.port = port};
    int fd = -1;
    (void)snprintf(addr.path, sizeof addr.path, "%s", rig->socket);
    assert_int_equal(cmaw_addr_connect(&addr, WAIT_MS, &fd), CMAW_OK);
    return fd;
}

void rig_read_all(int fd, struct cmaw_buf *text)
{
    struct cmaw_diag diag = {0};
    assert_int_equal(cmaw_file_read_fd(fd, "connection", text, &diag), CMAW_OK);
}

void rig_read_file(const char *path, struct cmaw_buf *text)
{
    struct cmaw_diag diag = {0};
    assert_int_equal(cmaw_file_read(path, text, &diag), CMAW_OK);
}

bool rig_has(const struct cmaw_buf *text, const char *part)
{
    return text->size > 0 && memmem(text->data, text->size, part, strlen(part)) != NULL;
}

int rig_setup(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    rig_open(rig);
    rig_nsm_start(rig);
    rig_image(rig, "echo", true, CMAW_SLICE_EMPTY);
    *state = rig;
    return 0;
}

int rig_teardown(void **state)
{
    rig_close(*state);
    free(*state);
    return 0;
}

pid_t rig_init_of(pid_t launcher)
{
    DIR *processes = opendir("/proc");
    pid_t found = 0;
    assert_non_null(processes);
    for (const struct dirent *entry; (entry = readdir(processes)) != NULL;) {
        char path[300];
        int parent = 0;
        (void)snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
        FILE *stat = fopen(path, "re");
        if (stat != NULL && fscanf(stat, "%*d (%*[^)]) %*c %d", &parent) == 1 && parent == launcher) {
            found = (pid_t)strtol(entry->d_name, NULL, 10);
        }
        if (stat != NULL) {
            (void)fclose(stat);
        }
    }
    (void)closedir(processes);
    assert_true(found > 0);
    return found;
}

int rig_watch_init(const struct rig *rig)
{
    const int pidfd = (int)syscall(SYS_pidfd_open, rig_init_of(rig->launcher.pid), 0);
    assert_true(pidfd >= 0);
    return pidfd;
}

void rig_read_world(const struct rig *rig, struct cmaw_buf *text)
{
    enum { PORT_WORLD = 5001 };
    CMAW_FD_AUTO(fd);
    fd = rig_connect(rig, PORT_WORLD);
    rig_read_all(fd, text);
}

bool rig_ends_within(int pidfd, int timeout_ms)
{
    struct pollfd event = {.fd = pidfd, .events = POLLIN};
    return poll(&event, 1, timeout_ms) == 1;
}

void rig_exchange(int fd, const char *text)
{
    char back[256] = "";
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    for (size_t used = 0; used < strlen(text);) {
        const ssize_t got = read(fd, back + used, sizeof back - 1 - used);
        assert_true(got > 0);
        used += (size_t)got;
    }
    assert_string_equal(back, text);
}
