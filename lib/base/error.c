#include "lib/base/error.h"

#include <errno.h>

static const struct {
    const char *text;
    enum cmaw_err_category category;
} errors[] = {
    {"ok", CMAW_CAT_NONE},
#define X(name, category, text) {text, CMAW_CAT_##category},
#include "lib/base/error.def"
#undef X
};

enum { ERROR_COUNT = sizeof errors / sizeof errors[0] };

const char *cmaw_err_text(enum cmaw_err err)
{
    return (unsigned)err < ERROR_COUNT ? errors[err].text : "unknown error";
}

enum cmaw_err_category cmaw_err_category(enum cmaw_err err)
{
    return (unsigned)err < ERROR_COUNT ? errors[err].category : CMAW_CAT_BUG;
}

enum cmaw_err cmaw_err_of_errno(int errnum)
{
    switch (errnum) {
    case 0:
        return CMAW_OK;
    case ENOENT:
        return CMAW_E_NOT_FOUND;
    case EEXIST:
    case EADDRINUSE:
        return CMAW_E_EXISTS;
    case ENOSPC:
    case EDQUOT:
        return CMAW_E_NO_SPACE;
    case ENOMEM:
        return CMAW_E_NO_MEMORY;
    case EACCES:
    case EPERM:
        return CMAW_E_DENIED;
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case ENETUNREACH:
        return CMAW_E_UNAVAILABLE;
    case ETIMEDOUT:
    case EAGAIN:
        return CMAW_E_TIMEOUT;
    case ECONNRESET:
    case EPIPE:
        return CMAW_E_CLOSED;
    default:
        return CMAW_E_IO;
    }
}
