#include "client/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

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
