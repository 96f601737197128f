#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "client/verbs.h"
#include "sys/proc.h"

/* The image builder is a program of its own; this verb becomes it. */
enum cmaw_err cmaw_command_image(int argc, char **argv, struct cmaw_diag *diag)
{
    (void)argc;
    char path[CMAW_PATH_MAX];
    CMAW_TRY(cmaw_proc_find("cmaw-image", path, diag));
    static char name[] = "cmaw-image";
    argv[0] = name;
    (void)execv(path, argv);
    return cmaw_diag_set(diag, cmaw_err_of_errno(errno), "cannot start %s: %s", path, strerror(errno));
}
