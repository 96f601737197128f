#include "client/proof/match.h"

#include <stdlib.h>
#include <string.h>

enum { WINDOW = CMAW_PATTERN_MIN, GUARD = 2, TABLE_BITS_MIN = 12, TABLE_BITS_MAX = 22, FEED_MAX = 1024 * 1024 };

struct pattern {
    uint32_t at; /* into text */
    uint16_t size;
    bool guarded;
    uint32_t tag;
    uint32_t next; /* in its chain: index + 1, 0 ends */
};

struct cmaw_matcher {
    struct cmaw_buf text;
    struct cmaw_buf patterns; /* of struct pattern */
    size_t count;
    size_t longest;
    unsigned table_bits; /* 0: not built */
    uint32_t *table;     /* index + 1 of the first pattern of a chain */
};

void cmaw_matcher_free(struct cmaw_matcher **matcher)
{
    if (*matcher != NULL) {
        cmaw_buf_free(&(*matcher)->text);
        cmaw_buf_free(&(*matcher)->patterns);
        free((*matcher)->table);
        free(*matcher);
        *matcher = NULL;
    }
}

enum cmaw_err cmaw_matcher_new(struct cmaw_matcher **ret_matcher)
{
    struct cmaw_matcher *matcher = calloc(1, sizeof *matcher);
    CMAW_REQUIRE(matcher != NULL, CMAW_E_NO_MEMORY);
    matcher->text = CMAW_BUF(UINT32_MAX);
    matcher->patterns = CMAW_BUF(UINT32_MAX);
    *ret_matcher = matcher;
    return CMAW_OK;
}

static struct pattern *pattern_at(const struct cmaw_matcher *matcher, size_t index)
{
    return (struct pattern *)(void *)matcher->patterns.data + index;
}

enum cmaw_err cmaw_matcher_add(struct cmaw_matcher *matcher, struct cmaw_slice pattern, uint32_t tag, bool guarded)
{
    CMAW_REQUIRE(pattern.size >= CMAW_PATTERN_MIN && pattern.size <= CMAW_PATTERN_MAX, CMAW_E_TOO_LARGE);
    CMAW_REQUIRE(matcher->table == NULL, CMAW_E_BUG);
    const struct pattern entry = {.at = (uint32_t)matcher->text.size, .size = (uint16_t)pattern.size, .guarded = guarded, .tag = tag};
    cmaw_buf_put(&matcher->text, pattern);
    cmaw_buf_put(&matcher->patterns, cmaw_slice_of(&entry, sizeof entry));
    CMAW_TRY(matcher->text.err);
    CMAW_TRY(matcher->patterns.err);
    matcher->count++;
    matcher->longest = pattern.size > matcher->longest ? pattern.size : matcher->longest;
    return CMAW_OK;
}

size_t cmaw_matcher_patterns(const struct cmaw_matcher *matcher)
{
    return matcher->count;
}

static uint32_t slot(const struct cmaw_matcher *matcher, uint64_t window)
{
    return (uint32_t)(window * 0x9e3779b97f4a7c15ull >> (64 - matcher->table_bits));
}

static uint64_t window_of(const uint8_t *bytes)
{
    uint64_t window = 0;
    for (size_t i = 0; i < WINDOW; i++) {
        window = window << 8 | bytes[i];
    }
    return window;
}

static enum cmaw_err build(struct cmaw_matcher *matcher)
{
    matcher->table_bits = TABLE_BITS_MIN;
    while (matcher->table_bits < TABLE_BITS_MAX && matcher->count > (size_t)1 << (matcher->table_bits - 3)) {
        matcher->table_bits++;
    }
    matcher->table = calloc((size_t)1 << matcher->table_bits, sizeof *matcher->table);
    CMAW_REQUIRE(matcher->table != NULL, CMAW_E_NO_MEMORY);
    for (size_t i = 0; i < matcher->count; i++) {
        struct pattern *pattern = pattern_at(matcher, i);
        uint32_t *head = &matcher->table[slot(matcher, window_of(matcher->text.data + pattern->at))];
        pattern->next = *head;
        *head = (uint32_t)i + 1;
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_scan_begin(struct cmaw_matcher *matcher, void (*hit)(void *context, const struct cmaw_hit *hit), void *context,
                              struct cmaw_scan *ret_scan)
{
    if (matcher->table == NULL) {
        CMAW_TRY(build(matcher));
    }
    *ret_scan = (struct cmaw_scan){.matcher = matcher, .hit = hit, .context = context,
                                   .carry = CMAW_BUF(FEED_MAX + 2 * CMAW_PATTERN_MAX)};
    return CMAW_OK;
}

static bool is_hex(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_guarded_off(struct cmaw_slice bytes, size_t at, size_t size)
{
    const bool before = at >= GUARD && is_hex(bytes.data[at - 1]) && is_hex(bytes.data[at - 2]);
    const size_t end = at + size;
    return before || (end + GUARD <= bytes.size && is_hex(bytes.data[end]) && is_hex(bytes.data[end + 1]));
}

static void report(const struct cmaw_scan *scan, const struct pattern *pattern, struct cmaw_slice bytes, size_t at, uint64_t base)
{
    const size_t before = at < CMAW_HIT_AROUND ? at : CMAW_HIT_AROUND;
    const size_t end = at + pattern->size;
    const size_t after = bytes.size - end < CMAW_HIT_AROUND ? bytes.size - end : CMAW_HIT_AROUND;
    const struct cmaw_hit hit = {.tag = pattern->tag, .offset = base + at, .text = cmaw_slice_of(bytes.data + at, pattern->size),
                                 .before = cmaw_slice_of(bytes.data + at - before, before), .after = cmaw_slice_of(bytes.data + end, after)};
    scan->hit(scan->context, &hit);
}

static void try_chain(const struct cmaw_scan *scan, uint32_t chain, struct cmaw_slice bytes, size_t at, uint64_t base)
{
    const struct cmaw_matcher *matcher = scan->matcher;
    while (chain != 0) {
        const struct pattern *pattern = pattern_at(matcher, chain - 1);
        chain = pattern->next;
        if (pattern->size <= bytes.size - at &&
            cmaw_slice_eq(cmaw_slice_of(bytes.data + at, pattern->size), cmaw_slice_of(matcher->text.data + pattern->at, pattern->size)) &&
            !(pattern->guarded && is_guarded_off(bytes, at, pattern->size))) {
            report(scan, pattern, bytes, at, base);
        }
    }
}

/* Looks for patterns that start in [from, to) of bytes; base is the offset of bytes[0] in the stream. */
static void search(const struct cmaw_scan *scan, struct cmaw_slice bytes, size_t from, size_t to, uint64_t base)
{
    const struct cmaw_matcher *matcher = scan->matcher;
    if (bytes.size < WINDOW) {
        return;
    }
    to = to > bytes.size - WINDOW + 1 ? bytes.size - WINDOW + 1 : to;
    uint64_t window = from < to ? window_of(bytes.data + from) >> 8 : 0;
    for (size_t at = from; at < to; at++) {
        window = (window << 8 | bytes.data[at + WINDOW - 1]) & 0xffffffffffull;
        const uint32_t chain = matcher->table[slot(matcher, window)];
        if (chain != 0) {
            try_chain(scan, chain, bytes, at, base);
        }
    }
}

static enum cmaw_err feed(struct cmaw_scan *scan, struct cmaw_slice bytes, bool last)
{
    cmaw_buf_put(&scan->carry, bytes);
    CMAW_TRY(scan->carry.err);
    scan->size += bytes.size;
    const struct cmaw_slice all = cmaw_buf_slice(&scan->carry);
    /* a pattern that starts near the end, and what stands behind it, may not be complete yet */
    const size_t tail = last ? 0 : scan->matcher->longest + CMAW_HIT_AROUND;
    const size_t to = all.size > tail ? all.size - tail : 0;
    if (to <= scan->lead) {
        return CMAW_OK;
    }
    search(scan, all, scan->lead, to, scan->size - all.size);
    const size_t keep_from = to > CMAW_HIT_AROUND ? to - CMAW_HIT_AROUND : 0;
    const size_t kept = all.size - keep_from;
    memmove(scan->carry.data, scan->carry.data + keep_from, kept);
    cmaw_buf_truncate(&scan->carry, kept);
    scan->lead = to - keep_from;
    return CMAW_OK;
}

enum cmaw_err cmaw_scan_bytes(struct cmaw_scan *scan, struct cmaw_slice bytes)
{
    while (bytes.size > 0) {
        const size_t size = bytes.size < FEED_MAX ? bytes.size : FEED_MAX;
        CMAW_TRY(feed(scan, cmaw_slice_sub(bytes, 0, size), false));
        bytes = cmaw_slice_sub(bytes, size, bytes.size - size);
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_scan_end(struct cmaw_scan *scan)
{
    const enum cmaw_err err = feed(scan, CMAW_SLICE_EMPTY, true);
    cmaw_buf_free(&scan->carry);
    return err;
}
