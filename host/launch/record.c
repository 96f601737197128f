#include "host/launch/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RECORD_MAX = 64 * 1024, TRIES = 10 };
static const char suffix[] = ".enclave.json";

static enum cmaw_err fail(struct cmaw_diag *diag, const char *verb, const char *path)
{
    const int errnum = errno;
    return cmaw_diag_set(diag, cmaw_err_of_errno(errnum), "cannot %s %s: %s", verb, path, strerror(errnum));
}

/* Opens and locks. BUSY: the launcher before us removed the file between the two, so the lock is on a file without a name. */
static enum cmaw_err take_name(const struct launch_options *options, struct launch_record *record, struct cmaw_diag *diag)
{
    struct stat info;
    record->fd = open(record->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (record->fd < 0) {
        return fail(diag, "create", record->path);
    }
    const struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(record->fd, F_SETLK, &whole) != 0) {
        cmaw_diag_hint(diag, "terminate it, or give another --name");
        return cmaw_diag_set(diag, CMAW_E_EXISTS, "an enclave %s runs already", options->name);
    }
    if (fstat(record->fd, &info) == 0 && info.st_nlink == 0) {
        cmaw_fd_close(&record->fd);
        return CMAW_E_BUSY;
    }
    return ftruncate(record->fd, 0) == 0 ? CMAW_OK : fail(diag, "write", record->path);
}

static enum cmaw_err open_files(const struct launch_options *options, struct launch_record *record, struct cmaw_diag *diag)
{
    CMAW_TRY(cmaw_dir_make(options->state_dir, diag));
    CMAW_TRY(cmaw_path(record->path, "%s/%s%s", options->state_dir, options->name, suffix));
    CMAW_TRY(cmaw_path(record->console_path, "%s/%s.console", options->state_dir, options->name));
    enum cmaw_err err = CMAW_E_BUSY;
    for (int round = 0; round < TRIES && err == CMAW_E_BUSY; round++) {
        err = take_name(options, record, diag);
    }
    return err;
}

enum cmaw_err cmaw_launch_record_open(const struct launch_options *options, struct launch_record *ret_record, struct cmaw_diag *diag)
{
    struct launch_record record = {.fd = -1, .console = -1};
    if (options->state_dir != NULL) {
        const enum cmaw_err err = open_files(options, &record, diag);
        if (err != CMAW_OK) {
            cmaw_fd_close(&record.fd);
            return err;
        }
        (void)unlink(record.console_path);
        if (options->debug_mode) {
            record.console = open(record.console_path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
        }
    }
    *ret_record = record;
    return CMAW_OK;
}

enum cmaw_err cmaw_launch_record_write(const struct launch_record *record, const json_t *description, struct cmaw_diag *diag)
{
    if (record->fd < 0) {
        return CMAW_OK;
    }
    char *text = json_dumps(description, JSON_COMPACT);
    CMAW_REQUIRE(text != NULL, CMAW_E_NO_MEMORY);
    const enum cmaw_err err = cmaw_fd_write(record->fd, cmaw_slice_of_cstr(text));
    free(text);
    return err == CMAW_OK ? CMAW_OK : fail(diag, "write", record->path);
}

void cmaw_launch_record_close(struct launch_record *record)
{
    if (record->fd >= 0) {
        (void)unlink(record->console_path);
        (void)unlink(record->path);
    }
    cmaw_fd_close(&record->console);
    cmaw_fd_close(&record->fd);
}

/* Who holds the file's lock; 0 for nobody. */
static pid_t lock_holder(int fd)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return fcntl(fd, F_GETLK, &whole) == 0 && whole.l_type != F_UNLCK ? whole.l_pid : 0;
}

/* NULL where nothing runs (any more), or is not up yet. */
static json_t *load_running(const char *path, pid_t *ret_launcher)
{
    CMAW_FD_AUTO(fd);
    CMAW_BUF_AUTO(text, RECORD_MAX);
    struct cmaw_diag unused;
    fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    *ret_launcher = fd < 0 ? 0 : lock_holder(fd);
    if (*ret_launcher <= 0 || cmaw_file_read_fd(fd, path, &text, &unused) != CMAW_OK || text.size == 0) {
        return NULL;
    }
    return json_loadb((const char *)text.data, text.size, 0, NULL);
}

static int is_record(const struct dirent *entry)
{
    const size_t size = strlen(entry->d_name), end = sizeof suffix - 1;
    return size > end && strcmp(entry->d_name + size - end, suffix) == 0;
}

static enum cmaw_err visit_one(const char *state_dir, const char *name, enum cmaw_err (*visit)(void *, const struct launch_seen *), void *context)
{
    char path[CMAW_PATH_MAX];
    struct launch_seen seen = {0};
    CMAW_TRY(cmaw_path(path, "%s/%s", state_dir, name));
    CMAW_TRY(cmaw_path(seen.console_path, "%s/%.*s.console", state_dir, (int)(strlen(name) - (sizeof suffix - 1)), name));
    seen.description = load_running(path, &seen.launcher);
    const enum cmaw_err err = seen.description == NULL ? CMAW_OK : visit(context, &seen);
    json_decref(seen.description);
    return err;
}

enum cmaw_err cmaw_launch_record_each(const char *state_dir, enum cmaw_err (*visit)(void *context, const struct launch_seen *seen),
                                      void *context, struct cmaw_diag *diag)
{
    struct dirent **names = NULL;
    const int count = scandir(state_dir, &names, is_record, alphasort);
    if (count < 0) {
        return fail(diag, "read folder", state_dir);
    }
    enum cmaw_err err = CMAW_OK;
    for (int i = 0; i < count; i++) {
        if (err == CMAW_OK) {
            err = visit_one(state_dir, names[i]->d_name, visit, context);
        }
        free(names[i]);
    }
    free(names);
    return err;
}
