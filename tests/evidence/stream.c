/* Decides many evidence files by the code of cmaw-verify, with remember.c beneath it: each comes on standard input as u32 big-endian
 * size ‖ bytes. Prints the number, from 0, of each that is accepted, then how many were refused. Tests read that. */
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/text.h"
#include "lib/sst/verify.h"

/* 1: there is one; 0: the input has ended; -1: it is cut off or too large. */
static int read_frame(struct cmaw_buf *frame)
{
    uint8_t head[4];
    const size_t got = fread(head, 1, sizeof head, stdin);
    if (got == 0) {
        return 0;
    }
    struct cmaw_reader reader = cmaw_reader_of(cmaw_slice_of(head, got));
    const uint32_t size = cmaw_read_u32be(&reader);
    cmaw_buf_reset(frame);
    uint8_t *dst = reader.err == CMAW_OK ? cmaw_buf_extend(frame, size) : NULL;
    return dst != NULL && fread(dst, 1, size, stdin) == size ? 1 : -1;
}

static bool is_accepted(struct cmaw_slice bytes, const struct cmaw_bytes32 *mh, struct cmaw_evidence *evidence)
{
    struct cmaw_verified_run *run = NULL;
    if (cmaw_run_verify_bytes(bytes, mh, CMAW_DOC_SIGNED, evidence, &run, NULL) != CMAW_OK) {
        return false;
    }
    cmaw_verified_run_free(run);
    return true;
}

int main(int argc, char **argv)
{
    struct cmaw_bytes32 mh;
    CMAW_BUF_AUTO(frame, CMAW_EVIDENCE_MAX);
    struct cmaw_evidence *evidence = malloc(sizeof *evidence);
    if (argc != 2 || evidence == NULL || cmaw_hex_decode_exact(cmaw_slice_of_cstr(argv[1]), mh.bytes, sizeof mh.bytes) != CMAW_OK) {
        (void)fprintf(stderr, "usage: evidence-stream MANIFEST-HASH\n");
        return 2;
    }
    unsigned refused = 0;
    int more;
    for (unsigned i = 0; (more = read_frame(&frame)) == 1; i++) {
        if (is_accepted(cmaw_buf_slice(&frame), &mh, evidence)) {
            (void)printf("%u\n", i);
        } else {
            refused++;
        }
    }
    (void)printf("%u refused\n", refused);
    free(evidence);
    return more == 0 ? 0 : 1;
}
