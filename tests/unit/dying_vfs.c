#include "tests/unit/dying_vfs.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

enum { MOMENTS_MAX = 500 };

static sqlite3_vfs *real;
static sqlite3_vfs dying;
static const sqlite3_io_methods *real_methods;
static sqlite3_io_methods dying_methods;
static int left;

static void count_down(void)
{
    if (--left == 0) {
        (void)kill(getpid(), SIGKILL);
    }
}

static int dying_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 at)
{
    count_down();
    return real_methods->xWrite(file, bytes, size, at);
}

static int dying_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    count_down();
    return real_methods->xTruncate(file, size);
}

static int dying_sync(sqlite3_file *file, int flags)
{
    count_down();
    return real_methods->xSync(file, flags);
}

static int dying_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
    (void)vfs;
    count_down();
    return real->xDelete(real, path, sync);
}

static int dying_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out)
{
    (void)vfs;
    const int result = real->xOpen(real, path, file, flags, out);
    if (result == SQLITE_OK) {
        real_methods = file->pMethods;
        dying_methods = *real_methods;
        dying_methods.xWrite = dying_write;
        dying_methods.xTruncate = dying_truncate;
        dying_methods.xSync = dying_sync;
        file->pMethods = &dying_methods;
    }
    return result;
}

void dying_vfs_arm(int nth)
{
    real = sqlite3_vfs_find(NULL);
    dying = *real;
    dying.zName = "dying";
    dying.xOpen = dying_open;
    dying.xDelete = dying_delete;
    left = nth;
    assert_int_equal(sqlite3_vfs_register(&dying, 1), SQLITE_OK);
}

static int status_of_child(void (*act)(void *context), void *context, int nth)
{
    int status = -1;
    const pid_t child = fork();
    if (child == 0) {
        dying_vfs_arm(nth);
        act(context);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

int dying_vfs_each(int step, void (*act)(void *context), void (*check)(void *context, int nth), void *context)
{
    for (int nth = 1; nth < MOMENTS_MAX; nth += step) {
        const int status = status_of_child(act, context, nth);
        if (!WIFSIGNALED(status)) {
            assert_int_equal(status, 0);
            return nth - 1;
        }
        assert_int_equal(WTERMSIG(status), SIGKILL);
        check(context, nth);
    }
    fail_msg("more than %d moments", MOMENTS_MAX);
    return 0;
}
