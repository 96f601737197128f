#include "host/launch/backend.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "sys/addr.h"
#include "sys/file.h"

enum { PROBE_MS = 1000, RANDOM_SIZE = 8 };

static const struct launch_backend *const backends[] = {&cmaw_launch_sim, &cmaw_launch_qemu, &cmaw_launch_nitro};

enum cmaw_err cmaw_launch_backend_find(const char *name, const struct launch_backend **ret_backend, struct cmaw_diag *diag)
{
    for (size_t i = 0; i < sizeof backends / sizeof backends[0]; i++) {
        if (strcmp(backends[i]->name, name) == 0) {
            *ret_backend = backends[i];
            return CMAW_OK;
        }
    }
    cmaw_diag_hint(diag, "backends: sim, qemu, nitro");
    return cmaw_diag_set(diag, CMAW_E_USAGE, "no backend %s", name);
}

enum cmaw_err cmaw_launch_claim(const char *path, struct cmaw_diag *diag)
{
    struct stat info;
    if (lstat(path, &info) != 0) {
        return CMAW_OK;
    }
    CMAW_FD_AUTO(probe);
    if (!S_ISSOCK(info.st_mode) || cmaw_unix_connect(path, PROBE_MS, &probe) == CMAW_OK) {
        cmaw_diag_hint(diag, "another launcher may serve it: terminate that, or give another --socket");
        return cmaw_diag_set(diag, CMAW_E_EXISTS, "the socket path %s is taken", path);
    }
    (void)unlink(path);
    return CMAW_OK;
}

enum cmaw_err cmaw_launch_listen(const char *path, int *ret_fd, struct cmaw_diag *diag)
{
    CMAW_TRY(cmaw_launch_claim(path, diag));
    const enum cmaw_err err = cmaw_unix_listen(path, ret_fd);
    return err == CMAW_OK ? CMAW_OK : cmaw_diag_set(diag, err, "cannot listen on %s: %s", path, cmaw_err_text(err));
}

enum cmaw_err cmaw_launch_id_make(const char *parent_id, char ret_id[static LAUNCH_ID_MAX])
{
    uint8_t random[RANDOM_SIZE];
    char text[2 * RANDOM_SIZE + 1];
    CMAW_REQUIRE(getrandom(random, sizeof random, 0) == (ssize_t)sizeof random, CMAW_E_IO);
    CMAW_TRY(cmaw_hex_to_cstr(CMAW_SLICE_ARRAY(random), text, sizeof text));
    (void)snprintf(ret_id, LAUNCH_ID_MAX, "%s-enc%s", parent_id, text);
    return CMAW_OK;
}

void cmaw_launch_cpus_shared(struct launch_enclave *enclave)
{
    cpu_set_t set;
    enclave->cpus_used = 0;
    if (sched_getaffinity(0, sizeof set, &set) != 0) {
        return;
    }
    for (size_t i = 0; i < CPU_SETSIZE && enclave->cpus_used < LAUNCH_CPUS_MAX; i++) {
        if (CPU_ISSET(i, &set)) {
            enclave->cpus[enclave->cpus_used++] = (uint16_t)i;
        }
    }
}

enum cmaw_err cmaw_launch_pipe(int *ret_read, int *ret_write)
{
    int ends[2];
    CMAW_REQUIRE(pipe2(ends, O_CLOEXEC) == 0, cmaw_err_of_errno(errno));
    *ret_read = ends[0];
    *ret_write = ends[1];
    return CMAW_OK;
}
