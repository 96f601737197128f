/* An export of a run store: its outer form, and a run in it, whose bytes come from whoever knew the passphrase. What is accepted is what would be written. */
#include <stdlib.h>

#include "client/store/transfer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUT_MAX = 1 << 20 };

static void check_file(struct cmaw_slice file)
{
    struct cmaw_transfer transfer;
    if (cmaw_transfer_parse(file, &transfer) != CMAW_OK) {
        return;
    }
    CMAW_BUF_AUTO(again, OUT_MAX);
    cmaw_transfer_begin(transfer.kdf, &again);
    cmaw_buf_put_lp(&again, transfer.head);
    struct cmaw_slice sealed;
    while (transfer.rest.rest.size > 0 && cmaw_transfer_next(&transfer, &sealed) == CMAW_OK) {
        cmaw_buf_put_lp(&again, sealed);
    }
    if (again.err == CMAW_OK && cmaw_reader_end(&transfer.rest) == CMAW_OK && !cmaw_slice_eq(cmaw_buf_slice(&again), file)) {
        abort();
    }
}

static void check_run(struct cmaw_slice bytes)
{
    CMAW_TRANSFER_RUN_AUTO(run);
    CMAW_BUF_AUTO(again, OUT_MAX);
    if (cmaw_transfer_run_decode(bytes, &run) != CMAW_OK) {
        return;
    }
    cmaw_transfer_run_encode(&run, &again);
    if (again.err == CMAW_OK && !cmaw_slice_eq(cmaw_buf_slice(&again), bytes)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_file(cmaw_slice_of(data, size));
    check_run(cmaw_slice_of(data, size));
    return 0;
}
