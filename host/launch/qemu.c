#include "host/launch/qemu.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MEMORY_MIB = 128, MACHINE_MAX = 8192 };

static const char qemu_name[] = "qemu-system-x86_64", vsock_name[] = "vhost-device-vsock";

static enum cmaw_err check(const struct launch_options *options, struct cmaw_diag *diag)
{
    if (options->socket == NULL) {
        return cmaw_launch_bad_usage(diag, "run --backend qemu needs ", "--eif and --socket");
    }
    if (options->nsm != NULL) {
        return cmaw_launch_bad_usage(diag, "the machine has its own NSM: leave out ", "--nsm");
    }
    const char *slash = strrchr(options->socket, '/');
    const char *name = slash == NULL ? options->socket : slash + 1;
    enum { NAME_MAX_SIZE = 80 }; /* with _PORT it has to fit into a socket's address */
    if (name[0] == '\0' || strpbrk(name, ",=") != NULL || strlen(name) > NAME_MAX_SIZE) {
        return cmaw_launch_bad_usage(diag, "the socket's name may have up to 80 bytes, and neither , nor =: ", options->socket);
    }
    return CMAW_OK;
}

static enum cmaw_err find_tool(const char *folder, const char *name, char ret_path[static CMAW_PATH_MAX], struct cmaw_diag *diag)
{
    static const char hint[] = "make vm builds it; scripts/vm --if-built prints the folder for --vm or CMAW_VM";
    if (folder == NULL || folder[0] == '\0') {
        cmaw_diag_hint(diag, "%s", hint);
        return cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "the virtual machine's tools are not named: neither --vm nor CMAW_VM");
    }
    char path[CMAW_PATH_MAX];
    CMAW_TRY(cmaw_path(path, "%s/%s", folder, name));
    if (access(path, X_OK) != 0) {
        cmaw_diag_hint(diag, "%s", hint);
        return cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "no program %s", path);
    }
    memcpy(ret_path, path, sizeof path);
    return CMAW_OK;
}

enum cmaw_err cmaw_launch_tool_start(struct launch_run *run, struct launch_tool *tool, struct cmaw_proc_spec spec, struct cmaw_diag *diag)
{
    CMAW_FD_AUTO(err_read);
    CMAW_FD_AUTO(err_write);
    CMAW_TRY(cmaw_launch_pipe(&err_read, &err_write));
    spec.path = spec.argv[0];
    spec.in = -1;
    spec.err = err_write;
    spec.out = spec.out >= 0 ? spec.out : err_write;
    spec.die_with_parent = true;
    CMAW_TRY(cmaw_proc_start(&spec, &tool->proc, diag));
    CMAW_TRY(cmaw_launch_tool_add(&run->loop, tool->name, &tool->words, &err_read));
    return cmaw_launch_source_add_copy(&run->loop, &tool->end, tool->proc.pidfd, EPOLLIN, cmaw_launch_death_ready);
}

static void put_value(struct cmaw_buf *text, const char *key, const char *value)
{
    cmaw_buf_printf(text, ",%s=", key);
    for (; *value != '\0'; value++) {
        cmaw_buf_put_u8(text, (uint8_t)*value);
        if (*value == ',') {
            cmaw_buf_put_u8(text, ',');
        }
    }
}

enum cmaw_err cmaw_launch_qemu_machine(const struct launch_options *options, const char *id, struct cmaw_buf *text)
{
    cmaw_buf_put_cstr(text, "nitro-enclave,vsock=vsock");
    put_value(text, "id", id);
    if (options->parent_role != NULL) {
        put_value(text, "parent-role", options->parent_role);
    }
    put_value(text, "parent-id", options->parent_id);
    cmaw_buf_put_u8(text, 0);
    return cmaw_buf_err(text);
}

/* The very bytes that were measured, whatever becomes of the file: nobody can change them any more. */
static enum cmaw_err seal_image(const struct launch_run *run, int *ret_fd, struct cmaw_diag *diag)
{
    CMAW_FD_AUTO(fd);
    fd = memfd_create("image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || cmaw_fd_write(fd, cmaw_buf_slice(&run->image.file)) != CMAW_OK ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0) {
        return cmaw_diag_set(diag, cmaw_err_of_errno(errno), "cannot keep a copy of %s: %s", run->options->eif, strerror(errno));
    }
    *ret_fd = fd;
    fd = -1;
    return CMAW_OK;
}

/* Nothing is appended to the measured command line, and nothing but the console leads out of the machine beside its vsock. */
static enum cmaw_err start_machine(struct launch_run *run, const char *program, int vhost, int console, struct cmaw_diag *diag)
{
    struct launch_qemu *qemu = run->state;
    CMAW_FD_AUTO(image);
    CMAW_TRY(seal_image(run, &image, diag));
    CMAW_BUF_AUTO(machine, MACHINE_MAX);
    char memory[16], cpus[16];
    CMAW_TRY(cmaw_launch_qemu_machine(run->options, run->enclave.id, &machine));
    (void)snprintf(memory, sizeof memory, "%lluM", (unsigned long long)run->enclave.memory_mib);
    (void)snprintf(cpus, sizeof cpus, "%u", run->enclave.cpu_count);
    const char *const argv[] = {program, "-M", (const char *)machine.data, "-accel", "tcg", "-cpu", "max", "-m", memory, "-smp", cpus,
        "-kernel", "/proc/self/fd/4", "-chardev", "socket,id=vsock,fd=3", "-nodefaults", "-no-user-config", "-display", "none", "-monitor", "none",
        "-serial", console >= 0 ? "stdio" : "null", "-no-reboot",
        "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny", NULL};
    const struct cmaw_proc_spec spec = {.argv = argv, .out = console, .fds = {vhost, image}, .fd_count = 2};
    return cmaw_launch_tool_start(run, &qemu->machine, spec, diag);
}

static void describe(struct launch_run *run)
{
    const struct launch_options *options = run->options;
    run->enclave.process = getpid(); /* its end is the enclave's */
    run->enclave.cid = options->cid != 0 ? options->cid : LAUNCH_DEFAULT_CID;
    run->enclave.memory_mib = options->memory_mib != 0 ? options->memory_mib : MEMORY_MIB;
    run->enclave.cpu_count = options->cpu_count != 0 ? options->cpu_count : 1;
    cmaw_launch_cpus_shared(&run->enclave);
}

static enum cmaw_err start(struct launch_run *run, struct cmaw_diag *diag)
{
    struct launch_qemu *qemu = run->state;
    qemu->vsock = (struct launch_tool){.name = vsock_name, .proc = CMAW_PROC_NONE, .end = LAUNCH_SOURCE_NONE};
    qemu->machine = (struct launch_tool){.name = qemu_name, .proc = CMAW_PROC_NONE, .end = LAUNCH_SOURCE_NONE};
    qemu->heartbeat = qemu->logs = LAUNCH_SOURCE_NONE;
    run->loop.state = qemu;
    const char *folder = run->options->vm != NULL ? run->options->vm : getenv("CMAW_VM");
    char machine[CMAW_PATH_MAX], vsock[CMAW_PATH_MAX];
    CMAW_TRY(find_tool(folder, qemu_name, machine, diag));
    CMAW_TRY(find_tool(folder, vsock_name, vsock, diag));
    CMAW_TRY(cmaw_launch_image_boots(run->options->eif, &run->image, false, diag));
    CMAW_TRY(cmaw_launch_id_make(run->options->parent_id, run->enclave.id));
    describe(run);
    CMAW_FD_AUTO(vhost);
    CMAW_FD_AUTO(console_read);
    CMAW_FD_AUTO(console_write);
    CMAW_TRY(cmaw_launch_vsock_start(run, vsock, &vhost, diag));
    if (vhost < 0) {
        return CMAW_OK;
    }
    if (run->options->debug_mode) {
        CMAW_TRY(cmaw_launch_pipe(&console_read, &console_write));
        CMAW_TRY(cmaw_launch_console_add(&run->loop, &console_read));
    }
    return start_machine(run, machine, vhost, console_write, diag);
}

/* What the tool that has ended said last. */
static enum cmaw_err explain_tool(struct launch_tool *tool, bool alive, struct cmaw_diag *diag)
{
    int status = 0;
    if (cmaw_proc_wait(&tool->proc, 0, &status) != CMAW_OK || status == 0) {
        return CMAW_OK; /* it runs; or the machine was switched off from inside */
    }
    const char *words = tool->words.text[0] == '\0' ? "it said nothing" : tool->words.text;
    if (tool->name == qemu_name && !alive && status < 128) {
        cmaw_diag_hint(diag, "cmaw image describe shows what is in the image");
        return cmaw_diag_set(diag, CMAW_E_CLOSED, "QEMU refused to start the image: %s", words);
    }
    return cmaw_diag_set(diag, CMAW_E_CLOSED, "%s has ended with status %d: %s", tool->name, status, words);
}

static enum cmaw_err explain(struct launch_run *run, struct cmaw_diag *diag)
{
    struct launch_qemu *qemu = run->state;
    cmaw_launch_tools_drain(&run->loop);
    CMAW_TRY(explain_tool(&qemu->machine, run->loop.alive, diag));
    CMAW_TRY(explain_tool(&qemu->vsock, run->loop.alive, diag));
    if (!run->loop.alive) {
        cmaw_diag_hint(diag, "is --memory enough? --debug-mode shows its console");
    }
    return CMAW_OK;
}

static void end(struct launch_run *run)
{
    struct launch_qemu *qemu = run->state;
    cmaw_proc_kill(&qemu->machine.proc);
    cmaw_proc_kill(&qemu->vsock.proc);
    cmaw_launch_vsock_end(run);
}

const struct launch_backend cmaw_launch_qemu = {
    .name = "qemu",
    .warning = "this machine is QEMU's: its attestation documents are unsigned, and this host can look into it",
    .silence = "is /init of the image the one for QEMU (init-vm)? --debug-mode shows its console",
    .state_size = sizeof(struct launch_qemu),
    .check = check,
    .start = start,
    .explain = explain,
    .end = end,
};
