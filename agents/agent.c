#include "agents/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { READ_SIZE = 64 * 1024 };

static enum cmaw_err read_all(int fd, struct cmaw_buf *input)
{
    for (;;) {
        const size_t left = input->max - input->size;
        const size_t want = left < READ_SIZE ? left + 1 : READ_SIZE; /* one more than allowed tells full from too large */
        uint8_t chunk[READ_SIZE];
        const ssize_t got = read(fd, chunk, want);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        CMAW_REQUIRE(got >= 0, cmaw_err_of_errno(errno));
        if (got == 0) {
            cmaw_wipe(chunk, sizeof chunk);
            return CMAW_OK;
        }
        cmaw_buf_put(input, cmaw_slice_of(chunk, (size_t)got));
        CMAW_TRY(input->err);
    }
}

enum cmaw_err cmaw_agent_read(struct cmaw_buf *input)
{
    return read_all(STDIN_FILENO, input);
}

enum cmaw_err cmaw_agent_read_file(const char *path, struct cmaw_buf *content)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    CMAW_REQUIRE(fd >= 0, cmaw_err_of_errno(errno));
    const enum cmaw_err err = read_all(fd, content);
    close(fd);
    return err;
}

enum cmaw_err cmaw_agent_write(struct cmaw_slice output)
{
    while (output.size > 0) {
        const ssize_t put = write(STDOUT_FILENO, output.data, output.size);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        CMAW_REQUIRE(put > 0, cmaw_err_of_errno(errno));
        output = cmaw_slice_sub(output, (size_t)put, output.size - (size_t)put);
    }
    return CMAW_OK;
}

int cmaw_agent_fail(const char *agent, const char *problem, enum cmaw_err err)
{
    fprintf(stderr, "%s: %s: %s\n", agent, problem, cmaw_err_text(err));
    return 1;
}
