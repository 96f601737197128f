#include "client/proof/unpack.h"

#include <stdlib.h>
#include <zlib.h>

enum { EITHER_FORMAT = 32 + MAX_WBITS, OUT_SIZE = 16 * 1024 };

/* Bytes in which compressed streams are looked for: those given, or the content of such a stream. */
struct source {
    unsigned depth;
    uint64_t size;   /* seen so far */
    uint64_t origin; /* where the outermost stream starts; unused at depth 0 */
    bool has_last;
    uint8_t last;
};

struct inflating {
    bool active;
    const struct source *from;
    struct source content;
    z_stream z;
    uint64_t produced;
    struct cmaw_scan scan;
    struct cmaw_unpack *unpack;
};

struct cmaw_unpack {
    struct cmaw_matcher *matcher;
    void (*hit)(void *context, const struct cmaw_hit *hit);
    void *context;
    struct cmaw_unpack_totals *totals;
    struct cmaw_scan scan;
    struct source whole;
    struct inflating slots[CMAW_UNPACK_ACTIVE];
};

static void on_packed_hit(void *context, const struct cmaw_hit *hit)
{
    const struct inflating *inflating = context;
    struct cmaw_hit packed = *hit;
    packed.packed = true;
    packed.offset = inflating->content.origin;
    inflating->unpack->hit(inflating->unpack->context, &packed);
}

static enum cmaw_err end_source(struct cmaw_unpack *unpack, const struct source *source);

/* Ends it and what was found in it; its last bytes are searched now. */
static enum cmaw_err end_slot(struct inflating *slot)
{
    slot->active = false;
    (void)inflateEnd(&slot->z);
    const enum cmaw_err inner = end_source(slot->unpack, &slot->content);
    const enum cmaw_err err = cmaw_scan_end(&slot->scan);
    return inner != CMAW_OK ? inner : err;
}

static enum cmaw_err end_source(struct cmaw_unpack *unpack, const struct source *source)
{
    enum cmaw_err err = CMAW_OK;
    for (size_t i = 0; i < CMAW_UNPACK_ACTIVE; i++) {
        if (unpack->slots[i].active && unpack->slots[i].from == source) {
            const enum cmaw_err one = end_slot(&unpack->slots[i]);
            err = err != CMAW_OK ? err : one;
        }
    }
    return err;
}

void cmaw_unpack_free(struct cmaw_unpack **unpack)
{
    if (*unpack != NULL) {
        for (size_t i = 0; i < CMAW_UNPACK_ACTIVE; i++) {
            if ((*unpack)->slots[i].active) {
                (void)inflateEnd(&(*unpack)->slots[i].z);
                cmaw_buf_free(&(*unpack)->slots[i].scan.carry);
            }
        }
        cmaw_buf_free(&(*unpack)->scan.carry);
        free(*unpack);
        *unpack = NULL;
    }
}

enum cmaw_err cmaw_unpack_new(struct cmaw_matcher *matcher, void (*hit)(void *context, const struct cmaw_hit *hit), void *context,
                              struct cmaw_unpack_totals *totals, struct cmaw_unpack **ret_unpack)
{
    CMAW_UNPACK_AUTO(unpack);
    unpack = calloc(1, sizeof *unpack);
    CMAW_REQUIRE(unpack != NULL, CMAW_E_NO_MEMORY);
    unpack->matcher = matcher;
    unpack->hit = hit;
    unpack->context = context;
    unpack->totals = totals;
    CMAW_TRY(cmaw_scan_begin(matcher, hit, context, &unpack->scan));
    *ret_unpack = unpack;
    unpack = NULL;
    return CMAW_OK;
}

/* The two bytes of RFC 1952 section 2.3.1, or those of RFC 1950 section 2.2: deflate, checked, without a preset dictionary. */
static bool is_start(uint8_t first, uint8_t second)
{
    enum { DEFLATE = 8, CHECK = 31, DICTIONARY = 0x20 };
    const bool gzip = first == 0x1f && second == 0x8b;
    const bool zlib = (first & 0x8f) == DEFLATE && (second & DICTIONARY) == 0 && (first * 256u + second) % CHECK == 0;
    return gzip || zlib;
}

static struct inflating *free_slot(struct cmaw_unpack *unpack)
{
    for (size_t i = 0; i < CMAW_UNPACK_ACTIVE; i++) {
        if (!unpack->slots[i].active) {
            return &unpack->slots[i];
        }
    }
    return NULL;
}

/* False, and the stream counts as cut, if a limit is reached. */
static bool charge(struct inflating *slot, uint64_t consumed, uint64_t produced)
{
    struct cmaw_unpack_totals *totals = slot->unpack->totals;
    slot->produced += produced;
    const uint64_t cost = consumed + produced;
    const bool enough = cost <= totals->left && slot->produced <= CMAW_UNPACK_STREAM_MAX;
    totals->left = cost <= totals->left ? totals->left - cost : 0;
    totals->cut += !enough;
    return enough;
}

static enum cmaw_err look_into(struct cmaw_unpack *unpack, struct source *source, struct cmaw_slice bytes);

/* Inflates what the next bytes give, and searches it. */
static enum cmaw_err feed_slot(struct inflating *slot, struct cmaw_slice bytes)
{
    uint8_t out[OUT_SIZE];
    slot->z.next_in = (Bytef *)(uintptr_t)bytes.data;
    slot->z.avail_in = (uInt)bytes.size;
    for (;;) {
        const uInt before = slot->z.avail_in;
        slot->z.next_out = out;
        slot->z.avail_out = sizeof out;
        const int result = inflate(&slot->z, Z_NO_FLUSH);
        const struct cmaw_slice content = cmaw_slice_of(out, sizeof out - slot->z.avail_out);
        const bool enough = charge(slot, before - slot->z.avail_in, content.size);
        CMAW_TRY(cmaw_scan_bytes(&slot->scan, content));
        CMAW_TRY(look_into(slot->unpack, &slot->content, content));
        slot->unpack->totals->streams += result == Z_STREAM_END;
        if (!enough || (result != Z_OK && result != Z_BUF_ERROR)) {
            return end_slot(slot);
        }
        if (slot->z.avail_in == 0 && slot->z.avail_out > 0) {
            return CMAW_OK;
        }
    }
}

/* bytes start with the stream's second byte. */
static enum cmaw_err start(struct cmaw_unpack *unpack, const struct source *source, uint8_t first, struct cmaw_slice bytes, uint64_t at)
{
    struct inflating *slot = free_slot(unpack);
    if (slot == NULL || unpack->totals->left == 0) {
        unpack->totals->cut++;
        return CMAW_OK;
    }
    *slot = (struct inflating){.from = source, .unpack = unpack};
    slot->content.depth = source->depth + 1;
    slot->content.origin = source->depth == 0 ? at : source->origin;
    CMAW_TRY(cmaw_scan_begin(unpack->matcher, on_packed_hit, slot, &slot->scan));
    CMAW_REQUIRE(inflateInit2(&slot->z, EITHER_FORMAT) == Z_OK, CMAW_E_NO_MEMORY);
    slot->active = true;
    CMAW_TRY(feed_slot(slot, cmaw_slice_of(&first, 1)));
    return slot->active ? feed_slot(slot, bytes) : CMAW_OK;
}

static enum cmaw_err look_into(struct cmaw_unpack *unpack, struct source *source, struct cmaw_slice bytes)
{
    if (source->depth == CMAW_UNPACK_DEPTH || bytes.size == 0) {
        return CMAW_OK;
    }
    for (size_t i = 0; i < CMAW_UNPACK_ACTIVE; i++) {
        if (unpack->slots[i].active && unpack->slots[i].from == source) {
            CMAW_TRY(feed_slot(&unpack->slots[i], bytes));
        }
    }
    for (size_t i = 0; i < bytes.size; i++) {
        if (source->has_last && is_start(source->last, bytes.data[i])) {
            CMAW_TRY(start(unpack, source, source->last, cmaw_slice_sub(bytes, i, bytes.size - i), source->size + i - 1));
        }
        source->has_last = true;
        source->last = bytes.data[i];
    }
    source->size += bytes.size;
    return CMAW_OK;
}

enum cmaw_err cmaw_unpack_bytes(struct cmaw_unpack *unpack, struct cmaw_slice bytes)
{
    enum { PIECE = 256 * 1024 };
    while (bytes.size > 0) {
        const size_t size = bytes.size < PIECE ? bytes.size : PIECE;
        const struct cmaw_slice piece = cmaw_slice_sub(bytes, 0, size);
        CMAW_TRY(cmaw_scan_bytes(&unpack->scan, piece));
        CMAW_TRY(look_into(unpack, &unpack->whole, piece));
        bytes = cmaw_slice_sub(bytes, size, bytes.size - size);
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_unpack_end(struct cmaw_unpack *unpack, uint64_t *ret_size)
{
    CMAW_TRY(end_source(unpack, &unpack->whole));
    CMAW_TRY(cmaw_scan_end(&unpack->scan));
    *ret_size = unpack->whole.size;
    return CMAW_OK;
}
