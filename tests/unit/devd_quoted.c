#include "devd_quoted.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

const char *quoted(const char *text)
{
    static char copies[4][8192];
    static size_t turn;
    char *copy = copies[turn++ % 4];
    if (strlen(text) >= sizeof copies[0]) {
        abort();
    }
    for (size_t i = 0; i <= strlen(text); i++) {
        copy[i] = text[i] == '\'' ? '"' : text[i];
    }
    return copy;
}
