#include <errno.h>
#include <linux/vm_sockets.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/launch/nitro.h"
#include "lib/base/log.h"
#include "sys/addr.h"
#include "sys/daemon.h"

enum { PORT_LOGS = 9001, CID_MIN = 4, AGAIN_MS = 3000 };

bool cmaw_launch_nitro_label(uint32_t cid, uint32_t own_cid, const char *own_name, char ret_label[static LAUNCH_LABEL_MAX])
{
    if (cid < CID_MIN || cid == VMADDR_CID_ANY) {
        return false;
    }
    if (cid == own_cid) {
        (void)snprintf(ret_label, LAUNCH_LABEL_MAX, "%s", own_name);
    } else {
        (void)snprintf(ret_label, LAUNCH_LABEL_MAX, "cid-%u", cid);
    }
    return true;
}

static void logs_ready(struct launch_loop *loop, struct launch_source *source, [[maybe_unused]] uint32_t events)
{
    const struct launch_run *run = loop->state;
    struct sockaddr_vm peer = {0};
    socklen_t size = sizeof peer;
    char label[LAUNCH_LABEL_MAX];
    CMAW_FD_AUTO(fd);
    fd = accept4(source->fd, (struct sockaddr *)&peer, &size, SOCK_CLOEXEC);
    if (fd < 0) {
        return;
    }
    if (!cmaw_launch_nitro_label(peer.svm_cid, run->enclave.cid, run->options->name, label)) {
        cmaw_log(CMAW_LOG_WARN, "enclave.log_refused", "cid=%u", peer.svm_cid);
        return;
    }
    /* one too many is closed at once */
    CMAW_IGNORE(cmaw_launch_log_add(loop, label, &fd));
}

static enum cmaw_err listen_for_logs(struct launch_run *run)
{
    struct launch_nitro *nitro = run->state;
    const struct cmaw_addr addr = {.vsock = true, .port = PORT_LOGS};
    CMAW_FD_AUTO(fd);
    CMAW_TRY(cmaw_addr_listen(&addr, &fd));
    return cmaw_launch_source_add(&run->loop, &nitro->logs, &fd, EPOLLIN, logs_ready);
}

static void try_again(struct launch_loop *loop, [[maybe_unused]] struct launch_source *source)
{
    cmaw_launch_nitro_logs_start(loop->state);
}

void cmaw_launch_nitro_logs_start(struct launch_run *run)
{
    struct launch_nitro *nitro = run->state;
    const enum cmaw_err err = listen_for_logs(run);
    if (err == CMAW_OK) {
        if (nitro->logs_missed) {
            cmaw_log(CMAW_LOG_INFO, "enclave.logs_here", "name=%s", run->options->name);
        }
        return;
    }
    if (!nitro->logs_missed) {
        nitro->logs_missed = true;
        cmaw_log(CMAW_LOG_WARN, "enclave.logs_elsewhere", "name=%s cid=%u note=\"vsock port %d: %s; another launcher may log for this enclave\"",
                 run->options->name, run->enclave.cid, PORT_LOGS, cmaw_err_text(err));
    }
    nitro->process.deadline = cmaw_clock_ms() + AGAIN_MS;
    nitro->process.expired = try_again;
}

enum cmaw_err cmaw_launch_nitro_console_start(struct launch_run *run, struct cmaw_diag *diag)
{
    struct launch_nitro *nitro = run->state;
    CMAW_FD_AUTO(out);
    CMAW_FD_AUTO(out_write);
    CMAW_FD_AUTO(err);
    CMAW_FD_AUTO(err_write);
    CMAW_TRY(cmaw_launch_pipe(&out, &out_write));
    CMAW_TRY(cmaw_launch_pipe(&err, &err_write));
    const char *const argv[] = {nitro->path, "console", "--enclave-id", run->enclave.id, NULL};
    const struct cmaw_proc_spec spec = {.path = nitro->path, .argv = argv, .in = -1, .out = out_write, .err = err_write, .die_with_parent = true};
    CMAW_TRY(cmaw_proc_start(&spec, &nitro->console, diag));
    CMAW_TRY(cmaw_launch_console_add(&run->loop, &out));
    return cmaw_launch_tool_add(&run->loop, "nitro-cli", &nitro->console_words, &err);
}
