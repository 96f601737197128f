#include "enclave/small_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum cmaw_err cmaw_small_file_read(const char *path, struct cmaw_buf *buf)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    CMAW_REQUIRE(fd >= 0, CMAW_E_NOT_FOUND);
    enum cmaw_err err = CMAW_OK;
    ssize_t got = 1;
    while (err == CMAW_OK && got > 0) {
        uint8_t block[4096];
        got = read(fd, block, sizeof block);
        if (got > 0) {
            cmaw_buf_put(buf, cmaw_slice_of(block, (size_t)got));
            err = cmaw_buf_err(buf);
        }
    }
    close(fd);
    return got < 0 ? CMAW_E_IO : err;
}

enum cmaw_err cmaw_small_file_write(const char *path, const char *text)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CMAW_REQUIRE(fd >= 0, CMAW_E_IO);
    const size_t size = strlen(text);
    const bool written = write(fd, text, size) == (ssize_t)size;
    const int why = errno;
    close(fd);
    errno = why;
    return written ? CMAW_OK : CMAW_E_IO;
}

/* The digits at the start of rest, after spaces. */
static bool number_of(struct cmaw_slice rest, uint64_t *ret_number)
{
    size_t i = 0;
    uint64_t number = 0;
    while (i < rest.size && rest.data[i] == ' ') {
        i++;
    }
    const size_t start = i;
    for (; i < rest.size && rest.data[i] >= '0' && rest.data[i] <= '9' && i - start < 18; i++) {
        number = number * 10 + (uint64_t)(rest.data[i] - '0');
    }
    if (i == start) {
        return false;
    }
    *ret_number = number;
    return true;
}

bool cmaw_small_file_number(struct cmaw_slice text, const char *name, uint64_t *ret_number)
{
    const size_t length = strlen(name);
    for (size_t at = 0; at + length < text.size;) {
        const struct cmaw_slice rest = cmaw_slice_sub(text, at, text.size - at);
        if (cmaw_slice_eq_cstr(cmaw_slice_sub(rest, 0, length), name) && rest.data[length] == ' ') {
            return number_of(cmaw_slice_sub(rest, length, rest.size - length), ret_number);
        }
        const uint8_t *end = memchr(rest.data, '\n', rest.size);
        if (end == NULL) {
            return false;
        }
        at += (size_t)(end - rest.data) + 1;
    }
    return false;
}
