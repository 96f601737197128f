#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/proof/match.h"

enum { READ_STEP = 256 * 1024 };

static enum cmaw_err each_block(int fd, const char *name, uint8_t *block, enum cmaw_err (*take)(void *context, struct cmaw_slice block),
                                void *context, struct cmaw_diag *diag)
{
    for (;;) {
        const ssize_t got = read(fd, block, READ_STEP);
        if (got == 0) {
            return CMAW_OK;
        }
        if (got > 0) {
            CMAW_TRY(take(context, cmaw_slice_of(block, (size_t)got)));
        } else if (errno != EINTR) {
            return cmaw_diag_set(diag, cmaw_err_of_errno(errno), "cannot read %s: %s", name, strerror(errno));
        }
    }
}

enum cmaw_err cmaw_fd_each_block(int fd, const char *name, enum cmaw_err (*take)(void *context, struct cmaw_slice block), void *context,
                                 struct cmaw_diag *diag)
{
    uint8_t *block = calloc(1, READ_STEP);
    CMAW_REQUIRE(block != NULL, CMAW_E_NO_MEMORY);
    const enum cmaw_err err = each_block(fd, name, block, take, context, diag);
    free(block);
    return err;
}

static enum cmaw_err scan_block(void *context, struct cmaw_slice block)
{
    return cmaw_scan_bytes(context, block);
}

enum cmaw_err cmaw_scan_fd(struct cmaw_matcher *matcher, void (*hit)(void *context, const struct cmaw_hit *hit), void *context, int fd,
                           const char *name, uint64_t *ret_size, struct cmaw_diag *diag)
{
    struct cmaw_scan scan;
    CMAW_TRY(cmaw_scan_begin(matcher, hit, context, &scan));
    const enum cmaw_err err = cmaw_fd_each_block(fd, name, scan_block, &scan, diag);
    if (err != CMAW_OK) {
        cmaw_buf_free(&scan.carry);
        return err;
    }
    CMAW_TRY(cmaw_scan_end(&scan));
    *ret_size = scan.size;
    return CMAW_OK;
}
