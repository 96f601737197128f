/* The same in other languages: programs of the image, started as any agent may start one. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hostile.h"

static int run_other(char *const command[])
{
    static char output[4096];
    int ends[2];
    size_t size = 0;
    if (pipe(ends) != 0) {
        return 1;
    }
    const pid_t pid = fork();
    if (pid == 0) {
        (void)dup2(ends[1], 1);
        (void)close(ends[0]);
        (void)close(ends[1]);
        (void)execv(command[0], command);
        _exit(127);
    }
    close(ends[1]);
    for (ssize_t got; size < sizeof output - 1 && (got = read(ends[0], output + size, sizeof output - 1 - size)) > 0;) {
        size += (size_t)got;
    }
    int status = 0;
    const int ended = pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status);
    say(output);
    return ended ? WEXITSTATUS(status) : 1;
}

int mode_shell(void)
{
    char *command[] = {(char[]){"/bin/busybox"}, (char[]){"sh"}, (char[]){"/hostile.sh"}, (char *)(size_t)mode_word, NULL};
    return run_other(command);
}

int mode_python(void)
{
    char *command[] = {(char[]){"/usr/bin/python3.11"}, (char[]){"-SB"}, (char[]){"/hostile.py"}, (char *)(size_t)mode_word, NULL};
    return run_other(command);
}
