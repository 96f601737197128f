#include "enclave/agent/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "enclave/small_file.h"

enum { PATH_SIZE = CMAW_CGROUP_PATH_MAX + 64, FILE_MAX = 4096 };
#define AGENTS_WEIGHT "20" /* of 100 */
#define AGENTS_PREFIX "agents-"

static const char *const controllers[] = {"memory", "pids"};

uint64_t cmaw_cgroup_agent_bytes(const struct cmaw_agent_limits *limits)
{
    return ((uint64_t)limits->memory_mib << 20) + (((uint64_t)limits->tmp_kib + limits->output_kib) << 10);
}

static void group_path(const char *agents, size_t index, const char *file, char ret_path[static PATH_SIZE])
{
    (void)snprintf(ret_path, PATH_SIZE, "%s/%zu%s%s", agents, index, file[0] == '\0' ? "" : "/", file);
}

static enum cmaw_err write_in(const char *folder, const char *file, const char *text)
{
    char path[PATH_SIZE];
    CMAW_REQUIRE(snprintf(path, sizeof path, "%s/%s", folder, file) < (int)sizeof path, CMAW_E_TOO_LARGE);
    return cmaw_small_file_write(path, text);
}

static enum cmaw_err write_number(const char *folder, const char *file, uint64_t number)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRIu64, number);
    return write_in(folder, file, text);
}

static bool has_word(struct cmaw_slice text, const char *word)
{
    const size_t length = strlen(word);
    for (size_t i = 0; i + length <= text.size; i++) {
        const bool starts = i == 0 || text.data[i - 1] == ' ';
        const bool ends = i + length == text.size || text.data[i + length] == ' ' || text.data[i + length] == '\n';
        if (starts && ends && cmaw_slice_eq_cstr(cmaw_slice_sub(text, i, length), word)) {
            return true;
        }
    }
    return false;
}

/* Has the groups below folder count memory and processes. */
static enum cmaw_err control_children(const char *folder)
{
    CMAW_BUF_AUTO(there, FILE_MAX);
    char path[PATH_SIZE];
    CMAW_REQUIRE(snprintf(path, sizeof path, "%s/cgroup.controllers", folder) < (int)sizeof path, CMAW_E_TOO_LARGE);
    CMAW_REQUIRE(cmaw_small_file_read(path, &there) == CMAW_OK, CMAW_E_UNSUPPORTED);
    for (size_t i = 0; i < sizeof controllers / sizeof controllers[0]; i++) {
        errno = ENOSYS;
        CMAW_REQUIRE(has_word(cmaw_buf_slice(&there), controllers[i]), CMAW_E_UNSUPPORTED);
    }
    return write_in(folder, "cgroup.subtree_control", "+memory +pids");
}

/* A kernel without swap has no such file. */
static enum cmaw_err forbid_swap(const char *folder)
{
    const enum cmaw_err err = write_in(folder, "memory.swap.max", "0");
    return err != CMAW_OK && (errno == ENOENT || errno == EACCES || errno == EPERM) ? CMAW_OK : err;
}

static enum cmaw_err limit_group(const char *folder, const struct cmaw_agent_limits *limits)
{
    CMAW_TRY(write_number(folder, "memory.max", cmaw_cgroup_agent_bytes(limits)));
    CMAW_TRY(forbid_swap(folder));
    CMAW_TRY(write_in(folder, "memory.oom.group", "1")); /* all of an agent or nothing */
    return write_number(folder, "pids.max", limits->processes);
}

/* Agents get what is left of the processor: without this control they share it evenly, which is slower but no danger. */
static void prefer_keys(const char *folder, const char *agents)
{
    if (write_in(folder, "cgroup.subtree_control", "+cpu") == CMAW_OK) {
        CMAW_IGNORE(write_in(agents, "cpu.weight", AGENTS_WEIGHT));
    }
}

/* Opens the folder of all agents of one enclave, locked. -1 where another process holds it. */
static int lock_agents(int parent, const char *path)
{
    const int fd = openat(parent, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* What a simulation left that was ended with all its processes at once. A group in which something runs cannot be removed. */
static void remove_orphan(int parent, const char *name)
{
    const int fd = lock_agents(parent, name);
    DIR *groups = fd < 0 ? NULL : fdopendir(fd);
    for (const struct dirent *entry; groups != NULL && (entry = readdir(groups)) != NULL;) {
        (void)unlinkat(fd, entry->d_name, AT_REMOVEDIR);
    }
    if (groups != NULL) {
        (void)unlinkat(parent, name, AT_REMOVEDIR);
        (void)closedir(groups);
    }
}

static void remove_orphans(const char *folder)
{
    DIR *all = opendir(folder);
    for (const struct dirent *entry; all != NULL && (entry = readdir(all)) != NULL;) {
        if (strncmp(entry->d_name, AGENTS_PREFIX, sizeof AGENTS_PREFIX - 1) == 0) {
            remove_orphan(dirfd(all), entry->d_name);
        }
    }
    if (all != NULL) {
        (void)closedir(all);
    }
}

static enum cmaw_err limit_agents(const char *agents, uint64_t all_bytes)
{
    CMAW_REQUIRE(lock_agents(AT_FDCWD, agents) >= 0, CMAW_E_IO); /* open and locked as long as this process lives */
    CMAW_TRY(control_children(agents));
    return write_number(agents, "memory.max", all_bytes);
}

enum cmaw_err cmaw_cgroup_prepare(const char *folder, uint64_t all_bytes, char ret_agents[static CMAW_CGROUP_PATH_MAX])
{
    char agents[CMAW_CGROUP_PATH_MAX];
    CMAW_REQUIRE(snprintf(agents, sizeof agents, "%s/" AGENTS_PREFIX "XXXXXX", folder) < (int)sizeof agents, CMAW_E_TOO_LARGE);
    CMAW_TRY(control_children(folder));
    remove_orphans(folder);
    CMAW_REQUIRE(mkdtemp(agents) != NULL, CMAW_E_IO); /* a simulation may not be the only one there */
    const enum cmaw_err err = limit_agents(agents, all_bytes);
    if (err != CMAW_OK) {
        const int why = errno;
        (void)rmdir(agents);
        errno = why;
        return err;
    }
    prefer_keys(folder, agents);
    memcpy(ret_agents, agents, sizeof agents);
    return CMAW_OK;
}

enum cmaw_err cmaw_cgroup_make(const char *agents, size_t index, const struct cmaw_agent_limits *limits)
{
    char path[PATH_SIZE];
    group_path(agents, index, "", path);
    CMAW_REQUIRE(mkdir(path, 0700) == 0 || (errno == EEXIST && rmdir(path) == 0 && mkdir(path, 0700) == 0), CMAW_E_IO);
    const enum cmaw_err err = limit_group(path, limits);
    if (err != CMAW_OK) {
        const int why = errno;
        (void)rmdir(path);
        errno = why;
    }
    return err;
}

enum cmaw_err cmaw_cgroup_enter(const char *agents, size_t index, pid_t pid)
{
    char path[PATH_SIZE];
    group_path(agents, index, "", path);
    return write_number(path, "cgroup.procs", (uint64_t)pid);
}

bool cmaw_cgroup_ran_out(const char *agents, size_t index)
{
    CMAW_BUF_AUTO(events, FILE_MAX);
    char path[PATH_SIZE];
    uint64_t kills = 0;
    group_path(agents, index, "memory.events", path);
    return cmaw_small_file_read(path, &events) == CMAW_OK &&
           cmaw_small_file_number(cmaw_buf_slice(&events), "oom_kill", &kills) && kills > 0;
}

void cmaw_cgroup_remove(const char *agents, size_t index)
{
    char path[PATH_SIZE];
    group_path(agents, index, "", path);
    (void)rmdir(path);
}
