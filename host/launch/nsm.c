#include "host/launch/nsm.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/text.h"
#include "sys/addr.h"
#include "sys/daemon.h"
#include "sys/file.h"

enum { NSM_TIMEOUT_MS = 10 * 1000, REQUEST_MAX = 2048 };

enum cmaw_err cmaw_launch_nsm_answer(int fd, struct launch_nsm_answer *answer)
{
    while (answer->size < sizeof answer->text) {
        char *at = answer->text + answer->size;
        const ssize_t got = recv(fd, at, 1, MSG_DONTWAIT);
        if (got < 0) {
            return errno == EAGAIN || errno == EINTR ? CMAW_E_BUSY : cmaw_err_of_errno(errno);
        }
        CMAW_REQUIRE(got == 1, CMAW_E_CLOSED);
        if (*at == '\n') {
            *at = '\0';
            return strncmp(answer->text, "OK ", 3) == 0 ? CMAW_OK : CMAW_E_DENIED;
        }
        answer->size++;
    }
    return CMAW_E_PEER;
}

static enum cmaw_err await_answer(int fd, struct launch_nsm_answer *answer)
{
    const uint64_t end = cmaw_clock_ms() + NSM_TIMEOUT_MS;
    for (;;) {
        const enum cmaw_err err = cmaw_launch_nsm_answer(fd, answer);
        CMAW_REQUIRE(err == CMAW_E_BUSY, err);
        const uint64_t now = cmaw_clock_ms();
        CMAW_REQUIRE(now < end, CMAW_E_TIMEOUT);
        struct pollfd event = {.fd = fd, .events = POLLIN};
        (void)poll(&event, 1, (int)(end - now));
    }
}

static void put_pcr(struct cmaw_buf *line, const uint8_t *pcr)
{
    cmaw_buf_put_u8(line, ' ');
    if (pcr == NULL) {
        cmaw_buf_put_u8(line, '-');
    } else {
        cmaw_buf_put_hex(line, cmaw_slice_of(pcr, CMAW_EIF_PCR_SIZE));
    }
}

static enum cmaw_err put_request(const struct launch_options *options, const struct cmaw_eif_pcrs *pcrs, const char *id, struct cmaw_buf *line)
{
    uint8_t pcr3[CMAW_EIF_PCR_SIZE], pcr4[CMAW_EIF_PCR_SIZE];
    if (options->parent_role != NULL) {
        CMAW_TRY(cmaw_eif_pcr_of_text(cmaw_slice_of_cstr(options->parent_role), pcr3));
    }
    CMAW_TRY(cmaw_eif_pcr_of_text(cmaw_slice_of_cstr(options->parent_id), pcr4));
    cmaw_buf_printf(line, "NEW %s %d", id, options->debug_mode);
    put_pcr(line, pcrs->pcr0);
    put_pcr(line, pcrs->pcr1);
    put_pcr(line, pcrs->pcr2);
    put_pcr(line, options->parent_role == NULL ? NULL : pcr3);
    put_pcr(line, pcr4);
    put_pcr(line, pcrs->is_signed ? pcrs->pcr8 : NULL);
    cmaw_buf_put_u8(line, '\n');
    return cmaw_buf_err(line);
}

static bool token_is_good(const char *token)
{
    return strlen(token) == LAUNCH_TOKEN_SIZE && strspn(token, "0123456789abcdef") == LAUNCH_TOKEN_SIZE;
}

static enum cmaw_err ask_for_module(const struct launch_options *options, const struct launch_image *image, const char *id,
                                    struct launch_module *module, struct launch_nsm_answer *answer)
{
    CMAW_FD_AUTO(fd);
    CMAW_BUF_AUTO(line, REQUEST_MAX);
    CMAW_TRY(put_request(options, &image->pcrs, id, &line));
    CMAW_TRY(cmaw_unix_connect(options->nsm, NSM_TIMEOUT_MS, &fd));
    CMAW_TRY(cmaw_fd_write(fd, cmaw_buf_slice(&line)));
    CMAW_TRY(await_answer(fd, answer));
    CMAW_REQUIRE(token_is_good(answer->text + 3), CMAW_E_PEER);
    (void)snprintf(module->token, sizeof module->token, "%s", answer->text + 3);
    return CMAW_OK;
}

enum cmaw_err cmaw_launch_module_make(const struct launch_options *options, const struct launch_image *image, const char *id,
                                      struct launch_module *ret_module, struct cmaw_diag *diag)
{
    struct launch_module module = {0};
    struct launch_nsm_answer answer = {0};
    const enum cmaw_err err = ask_for_module(options, image, id, &module, &answer);
    if (err == CMAW_E_DENIED) {
        return cmaw_diag_set(diag, err, "the NSM simulator refused: %.*s", (int)sizeof answer.text, answer.text);
    }
    if (err != CMAW_OK) {
        cmaw_diag_hint(diag, "start cmaw-devd serve, or give its nsm.sock as --nsm");
        return cmaw_diag_set(diag, err, "the NSM simulator at %s: %s", options->nsm, cmaw_err_text(err));
    }
    *ret_module = module;
    return CMAW_OK;
}

enum cmaw_err cmaw_launch_nsm_resume(const char *nsm, const struct launch_module *module, int *ret_fd)
{
    enum { AT_ONCE_MS = 1 };
    CMAW_FD_AUTO(fd);
    char line[64];
    const int size = snprintf(line, sizeof line, "RESUME %s\n", module->token);
    CMAW_TRY(cmaw_unix_connect(nsm, AT_ONCE_MS, &fd));
    /* a new socket takes such a line at once */
    CMAW_REQUIRE(send(fd, line, (size_t)size, MSG_DONTWAIT | MSG_NOSIGNAL) == size, CMAW_E_UNAVAILABLE);
    *ret_fd = fd;
    fd = -1;
    return CMAW_OK;
}
