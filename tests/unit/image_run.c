#include "tests/unit/image_run.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>
/* after the standard headers it needs */
#include <cmocka.h>

#include "sys/file.h"
#include "sys/proc.h"

enum { ARGUMENTS_MAX = 32, WAIT_MS = 60000 };

int image_run(const char *folder, const char *const *arguments, struct cmaw_buf *printed)
{
    const char *argv[ARGUMENTS_MAX + 2] = {"cmaw-image"};
    char path[CMAW_PATH_MAX];
    struct cmaw_diag diag = {0};
    int out[2], status = -1;
    for (size_t i = 1; *arguments != NULL; arguments++) {
        assert_true(i <= ARGUMENTS_MAX);
        argv[i++] = *arguments;
    }
    if (cmaw_proc_find("cmaw-image", path, &diag) != CMAW_OK) {
        fail_msg("%s", diag.text);
    }
    CMAW_PROC_AUTO(proc);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    const struct cmaw_proc_spec spec = {.path = path, .argv = argv, .folder = folder, .in = -1, .out = out[1], .err = out[1]};
    assert_int_equal(cmaw_proc_start(&spec, &proc, &diag), CMAW_OK);
    assert_int_equal(close(out[1]), 0);
    assert_int_equal(cmaw_file_read_fd(out[0], "pipe", printed, &diag), CMAW_OK);
    assert_int_equal(close(out[0]), 0);
    assert_int_equal(cmaw_proc_wait(&proc, WAIT_MS, &status), CMAW_OK);
    return status;
}

bool image_printed(const struct cmaw_buf *printed, const char *part)
{
    return printed->size > 0 && memmem(printed->data, printed->size, part, strlen(part)) != NULL;
}
