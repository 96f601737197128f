#include "client/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/base/text.h"

enum { WIDTH_DEFAULT = 80 };

size_t cmaw_terminal_width(int fd)
{
    struct winsize size = {0};
    if (!isatty(fd)) {
        return 0;
    }
    if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
        return WIDTH_DEFAULT;
    }
    return size.ws_col;
}

size_t cmaw_terminal_height(int fd)
{
    struct winsize size = {0};
    return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_row : 0;
}

bool cmaw_terminal_redraws(int fd)
{
    const char *term = getenv("TERM");
    return isatty(fd) && term != NULL && term[0] != '\0' && strcmp(term, "dumb") != 0;
}

bool cmaw_terminal_colours(int fd)
{
    const char *refused = getenv("NO_COLOR");
    return cmaw_terminal_redraws(fd) && (refused == NULL || refused[0] == '\0');
}

enum cmaw_err cmaw_terminal_print(FILE *stream, struct cmaw_slice bytes)
{
    CMAW_BUF_AUTO(shown, bytes.size);
    if (isatty(fileno(stream))) {
        cmaw_buf_put(&shown, bytes);
        CMAW_TRY(shown.err);
        cmaw_lines_tame(shown.data, shown.size);
        bytes = cmaw_buf_slice(&shown);
    }
    return bytes.size == 0 || fwrite(bytes.data, 1, bytes.size, stream) == bytes.size ? CMAW_OK : CMAW_E_IO;
}
