#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/settings.h"
#include "client/stack/bringup.h"
#include "client/stack/report.h"
#include "client/stack/tier.h"
#include "client/store/passphrase.h"
#include "client/verbs.h"

/* demo/stack.yaml as seen from the folder of the program: in the source tree, or installed. */
static const char *const default_places[] = {"../../demo/stack.yaml", "../share/cmaw/demo/stack.yaml"};

static enum cmaw_err default_yaml(char ret_path[static CMAW_PATH_MAX], struct cmaw_diag *diag)
{
    char self[CMAW_PATH_MAX];
    const ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
    if (size > 0) {
        self[size] = '\0';
        const char *folder = dirname(self);
        for (size_t i = 0; i < sizeof default_places / sizeof default_places[0]; i++) {
            if (cmaw_path(ret_path, "%s/%s", folder, default_places[i]) == CMAW_OK && access(ret_path, R_OK) == 0) {
                return CMAW_OK;
            }
        }
    }
    cmaw_diag_hint(diag, "name one: cmaw up STACK.yaml");
    return cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "cannot find the default stack description, demo/stack.yaml");
}

/* The keys of the stack lie there, and links in it would be followed. */
static enum cmaw_err check_folder(const char *dir, struct cmaw_diag *diag)
{
    struct stat info;
    if (stat(dir, &info) != 0) {
        return cmaw_diag_set(diag, cmaw_err_of_errno(errno), "cannot use %s: %s", dir, strerror(errno));
    }
    if (info.st_uid != geteuid() || (info.st_mode & 022) != 0) {
        cmaw_diag_hint(diag, "--dir names another; a new one is made for you alone");
        return cmaw_diag_set(diag, CMAW_E_DENIED, "others can change what is in %s", dir);
    }
    return CMAW_OK;
}

/* One cmaw up, down or clean at a time. The lock ends with the process. */
static enum cmaw_err take_lock(const char *dir, int *ret_fd, struct cmaw_diag *diag)
{
    char path[CMAW_PATH_MAX];
    CMAW_TRY(cmaw_path(path, "%s/lock", dir));
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return cmaw_diag_set(diag, cmaw_err_of_errno(errno), "cannot open %s: %s", path, strerror(errno));
    }
    struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_OFD_SETLK, &all) != 0) {
        cmaw_progress("another cmaw works on this stack: waiting for it");
        if (fcntl(fd, F_OFD_SETLKW, &all) != 0) {
            (void)close(fd);
            return cmaw_diag_set(diag, CMAW_E_BUSY, "cannot lock %s: %s", path, strerror(errno));
        }
    }
    *ret_fd = fd;
    return CMAW_OK;
}

/* The stack of the folder, made from its description the first time. */
static enum cmaw_err load_or_make(const char *dir, const char *yaml, const struct cmaw_tier_choice *choice, struct cmaw_stack **ret_stack,
                                  struct cmaw_diag *diag)
{
    struct cmaw_diag none = {0};
    const enum cmaw_err err = cmaw_stack_load(dir, ret_stack, &none);
    if (err != CMAW_E_NOT_FOUND) {
        *diag = none;
        CMAW_TRY(err);
        return cmaw_tier_check(*ret_stack, choice, diag);
    }
    char path[CMAW_PATH_MAX];
    if (yaml == NULL) {
        CMAW_TRY(default_yaml(path, diag));
    } else {
        CMAW_TRY(cmaw_path_absolute(yaml, path, diag));
    }
    CMAW_STACK_AUTO(stack);
    CMAW_TRY(cmaw_stack_from_yaml(path, dir, &stack, diag));
    CMAW_TRY(cmaw_tier_choose(stack, choice, diag));
    for (size_t i = 0; i < CMAW_PORT_COUNT; i++) {
        if (stack->ports[i] != 0) {
            CMAW_TRY(cmaw_stack_check_port(stack, (enum cmaw_stack_port)i, diag));
        }
    }
    CMAW_TRY(cmaw_stack_choose_ports(stack, diag));
    CMAW_TRY(cmaw_stack_save(stack, diag));
    *ret_stack = stack;
    stack = NULL;
    return CMAW_OK;
}

static enum cmaw_err provide_passphrase(const struct cmaw_settings *settings, struct cmaw_diag *diag)
{
    bool made = false;
    char path[CMAW_PATH_MAX];
    CMAW_TRY(cmaw_passphrase_provide(settings, &made, path, diag));
    if (made) {
        cmaw_progress("a random passphrase for your run store is in %s: whoever reads it reads the store", path);
    }
    return CMAW_OK;
}

/* A stack that runs goes on logging as it does. */
static enum cmaw_err choose_log_format(struct cmaw_stack *stack, const char *format, struct cmaw_diag *diag)
{
    const bool json = strcmp(format, "json") == 0;
    if (!json && strcmp(format, "text") != 0) {
        cmaw_diag_hint(diag, "--log-format json is one object a line");
        return cmaw_diag_set(diag, CMAW_E_USAGE, "--log-format is text or json, not %s", format);
    }
    if (json == stack->log_json) {
        return CMAW_OK;
    }
    if (cmaw_stack_alive(stack->supervisor_pid, stack->supervisor_started)) {
        cmaw_diag_hint(diag, "end it first: cmaw down");
        return cmaw_diag_set(diag, CMAW_E_BUSY, "the stack runs, with the other log format");
    }
    stack->log_json = json;
    return cmaw_stack_save(stack, diag);
}

static enum cmaw_err bring_up(const struct cmaw_settings *settings, const char *yaml, const char *log_format, const struct cmaw_tier_choice *choice,
                              struct cmaw_diag *diag)
{
    char dir[CMAW_PATH_MAX];
    CMAW_TRY(cmaw_settings_dir(settings, dir, diag));
    CMAW_TRY(cmaw_dir_make(dir, diag));
    CMAW_TRY(check_folder(dir, diag));
    CMAW_FD_AUTO(lock);
    CMAW_TRY(take_lock(dir, &lock, diag));
    CMAW_STACK_AUTO(stack);
    CMAW_TRY(load_or_make(dir, yaml, choice, &stack, diag));
    if (log_format != NULL) {
        CMAW_TRY(choose_log_format(stack, log_format, diag));
    }
    if (cmaw_report_all_ready(stack)) {
        cmaw_progress("the stack runs already");
    }
    CMAW_TRY(cmaw_bringup(stack, diag));
    CMAW_TRY(provide_passphrase(settings, diag));
    cmaw_stack_free(&stack);
    CMAW_TRY(cmaw_stack_load(dir, &stack, diag));
    return settings->json ? cmaw_report_print_json(stack, diag) : cmaw_report_print(stack, diag);
}

enum cmaw_err cmaw_command_up(int argc, char **argv, struct cmaw_diag *diag)
{
    struct cmaw_settings settings = {0};
    struct cmaw_tier_choice choice = {0};
    const char *log_format = NULL;
    const struct cmaw_option options[] = {
        {"tier", "TIER", "what the enclaves are: sim (default), namespaces of this host; qemu, virtual machines", &choice.tier, NULL, NULL},
        {"vm", "FOLDER", "qemu: where make vm put the machine (CMAW_VM)", &choice.vm, NULL, NULL},
        {"memory", "MIB", "qemu: of each enclave (96)", &choice.memory, NULL, NULL},
        {"log-format", "FORMAT", "text (default) or json: how the processes log", &log_format, NULL, NULL},
        CMAW_OPTION_DIR(settings), CMAW_OPTION_STORE(settings), CMAW_OPTION_JSON(settings), CMAW_OPTION_END};
    const struct cmaw_usage usage = {
        .verb = "up", .words = "[STACK.yaml]", .max_words = 1, .example = "cmaw up --dir /tmp/mine", .options = options,
        .summary = "Starts a local stack and keeps it alive: Temporal's dev server, the KMS emulator, one enclave for\n"
                   "each role, the proxy and a worker. Makes images, keys and the bundle the first time, as STACK.yaml says (default\n"
                   "demo/stack.yaml). May be repeated."};
    struct cmaw_words words;
    bool help;
    CMAW_TRY(cmaw_options_parse(&usage, argc, argv, &words, &help, diag));
    return help ? CMAW_OK : bring_up(&settings, words.count > 0 ? words.items[0] : NULL, log_format, &choice, diag);
}
