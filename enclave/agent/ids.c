#include "enclave/agent/ids.h"

#include <errno.h>
#include <stdio.h>

#include "enclave/agent/sandbox.h"
#include "enclave/small_file.h"

enum { OUTSIDE_UID = 20000 };

static enum cmaw_err map_id(pid_t pid, const char *file, unsigned outside)
{
    char path[64];
    char line[64];
    (void)snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
    (void)snprintf(line, sizeof line, "%d %u 1\n", CMAW_AGENT_UID, outside);
    return cmaw_small_file_write(path, line);
}

enum cmaw_err cmaw_ids_map(struct cmaw_ids *ids, size_t number, pid_t pid)
{
    const unsigned outside = OUTSIDE_UID + (unsigned)number;
    if (ids->own && map_id(pid, "uid_map", outside) == CMAW_OK) {
        ids->known = true;
        return map_id(pid, "gid_map", outside);
    }
    /* only the first sandbox finds out: a failure of a later one must not make its successors root outside */
    CMAW_REQUIRE(!ids->own || (!ids->known && errno == EPERM), CMAW_E_IO);
    ids->own = false;
    CMAW_TRY(map_id(pid, "uid_map", 0));
    if (map_id(pid, "gid_map", 0) == CMAW_OK) {
        return CMAW_OK;
    }
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/setgroups", pid);
    CMAW_TRY(cmaw_small_file_write(path, "deny"));
    return map_id(pid, "gid_map", 0);
}
