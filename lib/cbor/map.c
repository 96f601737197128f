#include "lib/cbor/span.h"

static struct cmaw_slice consumed(const struct cmaw_cbor *before, const struct cmaw_cbor *after)
{
    return cmaw_slice_sub(before->rest, 0, after->err == CMAW_OK ? before->rest.size - after->rest.size : 0);
}

static struct cmaw_cbor_key read_key(struct cmaw_cbor *cbor)
{
    const enum cmaw_cbor_type type = cmaw_cbor_peek(cbor);
    switch (type) {
    case CMAW_CBOR_BSTR: return (struct cmaw_cbor_key){type, 0, cmaw_cbor_bstr(cbor)};
    case CMAW_CBOR_TSTR: return (struct cmaw_cbor_key){type, 0, cmaw_cbor_tstr(cbor)};
    case CMAW_CBOR_UINT: return (struct cmaw_cbor_key){type, cmaw_cbor_uint(cbor), CMAW_SLICE_EMPTY};
    case CMAW_CBOR_NINT: return (struct cmaw_cbor_key){type, cmaw_cbor_nint(cbor), CMAW_SLICE_EMPTY};
    default: cmaw_cbor_fail(cbor, CMAW_E_MALFORMED); return (struct cmaw_cbor_key){0};
    }
}

static bool key_is_known(const struct cmaw_cbor_map *map, const struct cmaw_cbor_key *key)
{
    for (size_t i = 0; i < map->seen; i++) {
        const struct cmaw_cbor_key *other = &map->keys[i];
        if (other->type == key->type && other->value == key->value && cmaw_slice_eq(other->bytes, key->bytes)) {
            return true;
        }
    }
    return false;
}

void cmaw_cbor_map(struct cmaw_cbor *cbor, struct cmaw_cbor_map *ret_map)
{
    ret_map->span = cmaw_cbor_span_open(cbor, CMAW_CBOR_MAP);
    ret_map->last = CMAW_SLICE_EMPTY;
    ret_map->seen = 0;
}

bool cmaw_cbor_map_next(struct cmaw_cbor *cbor, struct cmaw_cbor_map *map)
{
    if (!cmaw_cbor_span_next(cbor, &map->span)) {
        return false;
    }
    struct cmaw_cbor ahead = *cbor;
    const struct cmaw_cbor_key key = read_key(&ahead);
    const struct cmaw_slice encoded = consumed(cbor, &ahead);
    const bool in_order = cbor->rules == CMAW_CBOR_PLATFORM || cmaw_slice_cmp(map->last, encoded) < 0;
    if (ahead.err != CMAW_OK || !in_order || map->seen == CMAW_CBOR_KEYS_MAX || key_is_known(map, &key)) {
        cmaw_cbor_fail(cbor, CMAW_E_MALFORMED);
        return false;
    }
    map->keys[map->seen++] = key;
    map->last = encoded;
    return true;
}

static void skip_item(struct cmaw_cbor *cbor, unsigned levels);

static void skip_array(struct cmaw_cbor *cbor, unsigned levels)
{
    struct cmaw_cbor_span span = cmaw_cbor_span_open(cbor, CMAW_CBOR_ARRAY);
    while (cmaw_cbor_span_next(cbor, &span)) {
        skip_item(cbor, levels);
    }
}

static void skip_map(struct cmaw_cbor *cbor, unsigned levels)
{
    struct cmaw_cbor_map map;
    cmaw_cbor_map(cbor, &map);
    while (cmaw_cbor_map_next(cbor, &map)) {
        skip_item(cbor, levels); /* the key */
        skip_item(cbor, levels);
    }
}

static void skip_nested(struct cmaw_cbor *cbor, enum cmaw_cbor_type type, unsigned levels)
{
    if (levels == 0) {
        cmaw_cbor_fail(cbor, CMAW_E_MALFORMED);
    } else if (type == CMAW_CBOR_ARRAY) {
        skip_array(cbor, levels - 1);
    } else if (type == CMAW_CBOR_MAP) {
        skip_map(cbor, levels - 1);
    } else {
        cmaw_cbor_skip_tag(cbor);
        skip_item(cbor, levels - 1);
    }
}

static void skip_item(struct cmaw_cbor *cbor, unsigned levels)
{
    const enum cmaw_cbor_type type = cmaw_cbor_peek(cbor);
    switch (type) {
    case CMAW_CBOR_UINT: (void)cmaw_cbor_uint(cbor); break;
    case CMAW_CBOR_NINT: (void)cmaw_cbor_nint(cbor); break;
    case CMAW_CBOR_BSTR: (void)cmaw_cbor_bstr(cbor); break;
    case CMAW_CBOR_TSTR: (void)cmaw_cbor_tstr(cbor); break;
    case CMAW_CBOR_ARRAY:
    case CMAW_CBOR_MAP:
    case CMAW_CBOR_TAG: skip_nested(cbor, type, levels); break;
    case CMAW_CBOR_NONE: cmaw_cbor_fail(cbor, CMAW_E_MALFORMED); break;
    default: cmaw_cbor_skip_simple(cbor); break;
    }
}

void cmaw_cbor_skip(struct cmaw_cbor *cbor)
{
    skip_item(cbor, CMAW_CBOR_DEPTH_MAX);
}

enum cmaw_err cmaw_cbor_check(struct cmaw_slice bytes, enum cmaw_cbor_rules rules)
{
    struct cmaw_cbor cbor = cmaw_cbor_of(bytes, rules);
    cmaw_cbor_skip(&cbor);
    return cmaw_cbor_end(&cbor);
}
