#include "client/store/passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "lib/crypto/random.h"

enum { RANDOM_SIZE = 24 };

static enum cmaw_err read_line(int tty, int signals, struct cmaw_buf *line)
{
    for (;;) {
        struct pollfd waits[] = {{.fd = tty, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
        uint8_t c;
        if (poll(waits, 2, -1) < 0) {
            CMAW_REQUIRE(errno == EINTR, CMAW_E_IO);
            continue;
        }
        CMAW_REQUIRE(waits[1].revents == 0, CMAW_E_IO);
        const ssize_t got = read(tty, &c, 1);
        if (got <= 0 || c == '\n') {
            return got < 0 ? CMAW_E_IO : line->err;
        }
        cmaw_buf_put_u8(line, c);
    }
}

static enum cmaw_err ask_silently(int tty, int signals, const char *question, struct cmaw_buf *line)
{
    struct termios before;
    CMAW_REQUIRE(tcgetattr(tty, &before) == 0, CMAW_E_IO);
    struct termios silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    (void)tcsetattr(tty, TCSAFLUSH, &silent); /* before the question, which quick hands answer at once */
    enum cmaw_err err = cmaw_fd_write(tty, cmaw_slice_of_cstr(question));
    err = err != CMAW_OK ? err : read_line(tty, signals, line);
    (void)tcsetattr(tty, TCSAFLUSH, &before);
    const enum cmaw_err end = cmaw_fd_write(tty, CMAW_SLICE_LIT("\n"));
    return err != CMAW_OK ? err : end;
}

/* A signal that ends the program does so after the terminal has its echo again. */
static enum cmaw_err prompt(int tty, const char *question, struct cmaw_buf *line)
{
    static const int ending[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP};
    sigset_t held;
    sigset_t former;
    (void)sigemptyset(&held);
    for (size_t i = 0; i < sizeof ending / sizeof ending[0]; i++) {
        (void)sigaddset(&held, ending[i]);
    }
    CMAW_FD_AUTO(signals);
    signals = signalfd(-1, &held, SFD_CLOEXEC);
    CMAW_REQUIRE(signals >= 0 && sigprocmask(SIG_BLOCK, &held, &former) == 0, CMAW_E_IO);
    const enum cmaw_err err = ask_silently(tty, signals, question, line);
    (void)sigprocmask(SIG_SETMASK, &former, NULL);
    return err;
}

static enum cmaw_err ask_once(int tty, const char *question, struct cmaw_buf *line, struct cmaw_diag *diag)
{
    const enum cmaw_err err = prompt(tty, question, line);
    return err == CMAW_OK ? err : cmaw_diag_set(diag, err, "no passphrase was given");
}

static enum cmaw_err ask(const struct cmaw_passphrase_source *source, struct cmaw_buf *passphrase, struct cmaw_diag *diag)
{
    char question[128];
    CMAW_FD_AUTO(tty);
    tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (tty < 0) {
        cmaw_diag_hint(diag, "put it into a file and name that with %s", source->option);
        return cmaw_diag_set(diag, CMAW_E_AUTH, "%s needs a passphrase, and there is no terminal to ask at", source->what);
    }
    (void)snprintf(question, sizeof question, source->is_new ? "new passphrase for %s: " : "passphrase of %s: ", source->what);
    CMAW_TRY(ask_once(tty, question, passphrase, diag));
    if (!source->is_new) {
        return CMAW_OK;
    }
    CMAW_BUF_AUTO(again, CMAW_PASSPHRASE_MAX);
    CMAW_TRY(ask_once(tty, "once more: ", &again, diag));
    return cmaw_ct_eq(cmaw_buf_slice(passphrase), cmaw_buf_slice(&again))
               ? CMAW_OK
               : cmaw_diag_set(diag, CMAW_E_AUTH, "the two passphrases differ");
}

static enum cmaw_err read_passphrase(const char *path, struct cmaw_buf *passphrase, struct cmaw_diag *diag)
{
    CMAW_FD_AUTO(fd);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        cmaw_diag_hint(diag, "is the path right, seen from this folder?");
        return cmaw_diag_set(diag, cmaw_err_of_errno(errno), "cannot open %s: %s", path, strerror(errno));
    }
    CMAW_TRY(cmaw_file_check_private(fd, path, "the passphrase", "cmaw store passwd", diag));
    CMAW_TRY(cmaw_file_read_fd(fd, path, passphrase, diag));
    while (passphrase->size > 0 && (passphrase->data[passphrase->size - 1] == '\n' || passphrase->data[passphrase->size - 1] == '\r')) {
        cmaw_buf_truncate(passphrase, passphrase->size - 1);
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_passphrase_get(const struct cmaw_passphrase_source *source, struct cmaw_buf *passphrase, struct cmaw_diag *diag)
{
    CMAW_TRY(cmaw_buf_reserve(passphrase, CMAW_PASSPHRASE_MAX)); /* no copy is left behind by growing */
    if (source->file == NULL || source->file[0] == '\0') {
        CMAW_TRY(ask(source, passphrase, diag));
    } else {
        CMAW_TRY(read_passphrase(source->file, passphrase, diag));
    }
    if (passphrase->size == 0) {
        cmaw_diag_hint(diag, "one line with a passphrase, at the terminal or in the file that is named for it");
        return cmaw_diag_set(diag, CMAW_E_AUTH, "the passphrase of %s is empty", source->what);
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_store_open_locked(const struct cmaw_settings *settings, struct cmaw_store **ret_store, struct cmaw_diag *diag)
{
    char path[CMAW_PATH_MAX];
    CMAW_TRY(cmaw_settings_store(settings, path, diag));
    CMAW_TRY(cmaw_store_open(path, ret_store, diag));
    cmaw_unsigned_warn(settings->accept_unsigned);
    cmaw_store_set_trust(*ret_store, cmaw_unsigned_trust(settings->accept_unsigned));
    return CMAW_OK;
}

enum cmaw_err cmaw_store_open_unlocked(const struct cmaw_settings *settings, struct cmaw_store **ret_store, struct cmaw_diag *diag)
{
    CMAW_STORE_AUTO(store);
    CMAW_TRY(cmaw_store_open_locked(settings, &store, diag));
    bool has = false;
    CMAW_TRY(cmaw_store_has_passphrase(store, &has, diag));
    char file[CMAW_PATH_MAX];
    CMAW_TRY(cmaw_settings_passphrase(settings, file, diag));
    const struct cmaw_passphrase_source source = {
        .what = "the run store", .option = "--passphrase-file or CMAW_PASSPHRASE_FILE", .file = file, .is_new = !has};
    CMAW_BUF_AUTO(passphrase, CMAW_PASSPHRASE_MAX);
    CMAW_TRY(cmaw_passphrase_get(&source, &passphrase, diag));
    CMAW_TRY(cmaw_store_unlock(store, cmaw_buf_slice(&passphrase), diag));
    *ret_store = store;
    store = NULL;
    return CMAW_OK;
}

enum cmaw_err cmaw_passphrase_provide(const struct cmaw_settings *settings, bool *ret_made,
                                      char ret_path[static CMAW_PATH_MAX], struct cmaw_diag *diag)
{
    char store[CMAW_PATH_MAX];
    CMAW_TRY(cmaw_settings_store(settings, store, diag));
    CMAW_TRY(cmaw_settings_passphrase(settings, ret_path, diag));
    *ret_made = false;
    if (ret_path[0] != '\0' || access(store, F_OK) == 0) {
        return CMAW_OK;
    }
    if (cmaw_path(ret_path, "%s.passphrase", store) != CMAW_OK) {
        return cmaw_diag_set(diag, CMAW_E_TOO_LARGE, "the store's path is too long");
    }
    char folder[CMAW_PATH_MAX];
    CMAW_TRY(cmaw_path(folder, "%.*s", (int)(strrchr(store, '/') - store), store));
    CMAW_TRY(cmaw_dir_make(folder[0] == '\0' ? "/" : folder, diag));
    uint8_t random[RANDOM_SIZE];
    CMAW_TRY(cmaw_random(random, sizeof random));
    CMAW_BUF_AUTO(text, 2 * RANDOM_SIZE + 1);
    CMAW_TRY(cmaw_buf_reserve(&text, 2 * RANDOM_SIZE + 1));
    cmaw_buf_put_hex(&text, CMAW_SLICE_ARRAY(random));
    cmaw_buf_put_u8(&text, '\n');
    cmaw_wipe(random, sizeof random);
    CMAW_TRY(cmaw_file_write(ret_path, cmaw_buf_slice(&text), 0600, diag));
    *ret_made = true;
    return CMAW_OK;
}
