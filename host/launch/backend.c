#include "host/launch/backend.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "sys/file.h"

static const struct launch_backend *const backends[] = {&cmaw_launch_sim};

enum cmaw_err cmaw_launch_backend_find(const char *name, const struct launch_backend **ret_backend, struct cmaw_diag *diag)
{
    for (size_t i = 0; i < sizeof backends / sizeof backends[0]; i++) {
        if (strcmp(backends[i]->name, name) == 0) {
            *ret_backend = backends[i];
            return CMAW_OK;
        }
    }
    cmaw_diag_hint(diag, "backends: sim");
    return cmaw_diag_set(diag, CMAW_E_USAGE, "no backend %s", name);
}

void cmaw_launch_enclave_end(struct launch_enclave *enclave)
{
    if (enclave->pid > 0) {
        (void)kill(enclave->pid, SIGKILL);
        while (waitpid(enclave->pid, NULL, 0) < 0 && errno == EINTR) {
        }
        enclave->pid = 0;
    }
    cmaw_fd_close(&enclave->pidfd);
    cmaw_fd_close(&enclave->incoming);
    cmaw_fd_close(&enclave->outgoing);
    cmaw_fd_close(&enclave->console);
}
