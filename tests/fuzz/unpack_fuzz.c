/* Any bytes as what is searched for compressed streams. In pieces or as a whole, the same is found, within the bounds. */
#include <stdlib.h>

#include "client/proof/unpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count_hit(void *context, const struct cmaw_hit *hit)
{
    (void)hit;
    ++*(size_t *)context;
}

static size_t hits_of(struct cmaw_slice bytes, size_t piece, struct cmaw_unpack_totals *totals)
{
    size_t hits = 0;
    uint64_t seen = 0;
    CMAW_MATCHER_AUTO(matcher);
    CMAW_UNPACK_AUTO(unpack);
    if (cmaw_matcher_new(&matcher) != CMAW_OK || cmaw_matcher_add(matcher, CMAW_SLICE_LIT("alpha"), 0, false) != CMAW_OK ||
        cmaw_unpack_new(matcher, count_hit, &hits, totals, &unpack) != CMAW_OK) {
        abort();
    }
    for (size_t at = 0; at < bytes.size; at += piece) {
        if (cmaw_unpack_bytes(unpack, cmaw_slice_sub(bytes, at, bytes.size - at < piece ? bytes.size - at : piece)) != CMAW_OK) {
            abort();
        }
    }
    if (cmaw_unpack_end(unpack, &seen) != CMAW_OK || seen != bytes.size) {
        abort();
    }
    return hits;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { LEFT = 4 * 1024 * 1024 };
    struct cmaw_unpack_totals whole = {.left = LEFT}, pieces = {.left = LEFT};
    const struct cmaw_slice bytes = cmaw_slice_of(data, size);
    const size_t once = hits_of(bytes, size + 1, &whole), often = hits_of(bytes, 7, &pieces);
    /* which streams are cut depends on the pieces; without a cut nothing does */
    if (whole.cut == 0 && pieces.cut == 0 && (once != often || whole.streams != pieces.streams)) {
        abort();
    }
    return 0;
}
