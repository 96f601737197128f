#include "client/codec/token.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "lib/crypto/random.h"
#include "sys/file.h"

enum cmaw_err cmaw_codec_token_new(struct cmaw_secret *ret_token)
{
    CMAW_SECRET_AUTO(random);
    CMAW_TRY(cmaw_random_secret(CMAW_CODEC_TOKEN_BYTES, &random));
    CMAW_BUF_AUTO(hex, CMAW_CODEC_TOKEN_SIZE);
    CMAW_TRY(cmaw_buf_reserve(&hex, CMAW_CODEC_TOKEN_SIZE));
    cmaw_buf_put_hex(&hex, cmaw_secret_slice(&random));
    CMAW_TRY(hex.err);
    return cmaw_secret_copy(cmaw_buf_slice(&hex), ret_token);
}

static enum cmaw_err read_token(int fd, const char *path, struct cmaw_secret *ret_token, struct cmaw_diag *diag)
{
    uint8_t bytes[CMAW_CODEC_TOKEN_BYTES];
    CMAW_BUF_AUTO(text, 4096);
    CMAW_TRY(cmaw_file_read_fd(fd, path, &text, diag));
    if (text.size > 0 && text.data[text.size - 1] == '\n') {
        cmaw_buf_truncate(&text, text.size - 1);
    }
    const enum cmaw_err err = cmaw_hex_decode_exact(cmaw_buf_slice(&text), bytes, sizeof bytes);
    cmaw_wipe(bytes, sizeof bytes);
    if (err != CMAW_OK) {
        cmaw_diag_hint(diag, "remove it: a new one is made");
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "%s is no token: it should have %d hex digits", path, CMAW_CODEC_TOKEN_SIZE);
    }
    return cmaw_secret_copy(cmaw_buf_slice(&text), ret_token);
}

static enum cmaw_err write_token(const char *path, struct cmaw_secret *ret_token, struct cmaw_diag *diag)
{
    CMAW_SECRET_AUTO(token);
    CMAW_TRY(cmaw_codec_token_new(&token));
    CMAW_BUF_AUTO(line, CMAW_CODEC_TOKEN_SIZE + 1);
    CMAW_TRY(cmaw_buf_reserve(&line, CMAW_CODEC_TOKEN_SIZE + 1));
    cmaw_buf_put(&line, cmaw_secret_slice(&token));
    cmaw_buf_put_u8(&line, '\n');
    CMAW_TRY(cmaw_file_write(path, cmaw_buf_slice(&line), 0600, diag));
    *ret_token = cmaw_secret_take(&token);
    return CMAW_OK;
}

enum cmaw_err cmaw_codec_token_file(const char *path, struct cmaw_secret *ret_token, struct cmaw_diag *diag)
{
    struct stat info;
    CMAW_FD_AUTO(fd);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0) {
        return errno == ENOENT ? write_token(path, ret_token, diag)
                               : cmaw_diag_set(diag, cmaw_err_of_errno(errno), "cannot read %s: %s", path, strerror(errno));
    }
    if ((info.st_mode & 077) != 0) {
        cmaw_diag_hint(diag, "chmod 600 it, or remove it: a new one is made");
        return cmaw_diag_set(diag, CMAW_E_DENIED, "others may read the token in %s", path);
    }
    if (info.st_uid != geteuid()) {
        cmaw_diag_hint(diag, "choose another file: a new token is made");
        return cmaw_diag_set(diag, CMAW_E_DENIED, "%s belongs to somebody else, who may read the token in it", path);
    }
    return read_token(fd, path, ret_token, diag);
}
