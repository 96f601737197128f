#include "enclave/children.h"

#include <stddef.h>
#include <sys/wait.h>

bool cmaw_children_reap(pid_t watched)
{
    bool seen = false;
    pid_t pid = 0;
    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
        seen = seen || pid == watched;
    }
    return seen;
}
