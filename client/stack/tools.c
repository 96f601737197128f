#include "client/stack/tools.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/json.h"
#include "sys/proc.h"

enum { WORDS_MAX = 40, OUTPUT_MAX = 1024 * 1024 };

enum cmaw_err cmaw_tool_run(const char *program, const char *const *words, struct cmaw_buf *out, struct cmaw_diag *diag)
{
    char path[CMAW_PATH_MAX];
    CMAW_TRY(cmaw_proc_find(program, path, diag));
    const char *argv[WORDS_MAX + 2] = {program};
    for (size_t i = 0; words[i] != NULL; i++) {
        CMAW_REQUIRE(i < WORDS_MAX, CMAW_E_BUG);
        argv[i + 1] = words[i];
    }
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return cmaw_diag_set(diag, cmaw_err_of_errno(errno), "cannot make a pipe: %s", strerror(errno));
    }
    CMAW_FD_AUTO(reader);
    reader = ends[0];
    const struct cmaw_proc_spec spec = {.path = path, .argv = argv, .in = -1, .out = ends[1], .err = -1, .die_with_parent = true};
    CMAW_PROC_AUTO(proc);
    const enum cmaw_err started = cmaw_proc_start(&spec, &proc, diag);
    (void)close(ends[1]);
    CMAW_TRY(started);
    CMAW_TRY(cmaw_file_read_fd(reader, program, out, diag));
    int status = 0;
    CMAW_TRY(cmaw_proc_wait(&proc, UINT32_MAX, &status));
    return status == 0 ? CMAW_OK : cmaw_diag_set(diag, CMAW_E_DENIED, "%s %s failed with code %d", program, words[0], status);
}

enum cmaw_err cmaw_tool_devd_init(const struct cmaw_stack *stack, struct cmaw_diag *diag)
{
    char dir[CMAW_PATH_MAX];
    CMAW_TRY(cmaw_stack_path(stack, dir, diag, "devd"));
    const char *const words[] = {"init", "--dir", dir, "--region", stack->region, "--account", stack->account, NULL};
    CMAW_BUF_AUTO(out, OUTPUT_MAX);
    return cmaw_tool_run("cmaw-devd", words, &out, diag);
}

enum cmaw_err cmaw_tool_access_key(const struct cmaw_stack *stack, const char *who, const char *iam_role, struct cmaw_diag *diag)
{
    char dir[CMAW_PATH_MAX];
    char path[CMAW_PATH_MAX];
    char arn[128];
    CMAW_TRY(cmaw_stack_path(stack, dir, diag, "devd"));
    CMAW_TRY(cmaw_stack_path(stack, path, diag, "credentials/%s.json", who));
    (void)snprintf(arn, sizeof arn, "arn:aws:iam::%s:role/%s", stack->account, iam_role);
    const char *const words[] = {"access-key", "--dir", dir, "--arn", arn, NULL};
    CMAW_BUF_AUTO(out, OUTPUT_MAX);
    CMAW_TRY(cmaw_tool_run("cmaw-devd", words, &out, diag));
    CMAW_JSON_AUTO(json);
    CMAW_TRY(cmaw_json_parse("cmaw-devd access-key", cmaw_buf_slice(&out), &json, diag));
    return cmaw_file_write(path, cmaw_buf_slice(&out), 0600, diag);
}

enum cmaw_err cmaw_tool_build_image(const struct cmaw_stack *stack, const struct cmaw_stack_role *role, struct cmaw_diag *diag)
{
    char eif[CMAW_PATH_MAX];
    char init[CMAW_PATH_MAX];
    char roots[CMAW_PATH_MAX];
    char root[CMAW_PATH_MAX];
    CMAW_TRY(cmaw_stack_path(stack, eif, diag, "images/%s.eif", role->name));
    CMAW_TRY(cmaw_stack_path(stack, roots, diag, "devd/tls-ca.pem"));
    CMAW_TRY(cmaw_stack_path(stack, root, diag, "devd/attestation-root.der"));
    const bool qemu = stack->tier == CMAW_STACK_QEMU;
    char kernel[CMAW_PATH_MAX] = "none";
    if (qemu) { /* whichever make vm has built; cmaw-image says so if it is not the pinned one */
        CMAW_TRY(cmaw_path(kernel, "%s/bzImage", stack->vm));
    }
    CMAW_TRY(cmaw_proc_find(qemu ? "init-vm" : "init-sim", init, diag));
    const char *const words[] = {"build", role->image, "-o", eif, "--init", init, "--kms-host", "kms.cmaw.test", "--kms-roots", roots,
                                 "--attestation-root", root, "--kernel", kernel, NULL};
    CMAW_BUF_AUTO(out, OUTPUT_MAX);
    const enum cmaw_err err = cmaw_tool_run("cmaw-image", words, &out, diag);
    return err == CMAW_OK ? err : cmaw_diag_wrap(diag, err, "the image of %s", role->name);
}
