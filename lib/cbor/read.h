/* Bounded CBOR reader (RFC 8949) over a slice: copies and allocates nothing. The first failure latches err; later reads
 * give zeros and empty slices, so a parser reads as the schema and checks cmaw_cbor_end once. All input is hostile.
 * A failure is MALFORMED, whatever its kind. */
#ifndef CMAW_CBOR_READ_H
#define CMAW_CBOR_READ_H

#include "lib/base/bytes.h"

enum cmaw_cbor_rules {
    CMAW_CBOR_DETERMINISTIC, /* RFC 8949 section 4.2.1: shortest heads, definite lengths, keys strictly ascending */
    CMAW_CBOR_PLATFORM,      /* attestation documents: any head length, indefinite maps and arrays, any key order */
};
/* Both rules refuse indefinite strings, text that is not UTF-8, duplicate keys (1 and 1801 are the same key), map keys
 * that are not integers or strings, and reserved or ill-formed simple values. The first also refuses what our own objects
 * never hold: floats and simple values other than false, true and null. */

enum {
    CMAW_CBOR_DEPTH_MAX = 8, /* arrays, maps and tags inside each other in a skipped item */
    CMAW_CBOR_KEYS_MAX = 64, /* entries of one map, read by cmaw_cbor_map or skipped */
};

enum cmaw_cbor_type {
    CMAW_CBOR_UINT, CMAW_CBOR_NINT, CMAW_CBOR_BSTR, CMAW_CBOR_TSTR, CMAW_CBOR_ARRAY, CMAW_CBOR_MAP, CMAW_CBOR_TAG,
    CMAW_CBOR_FALSE, CMAW_CBOR_TRUE, CMAW_CBOR_NULL,
    CMAW_CBOR_OTHER, /* undefined, other simple values, floats */
    CMAW_CBOR_NONE,  /* the end, a break, or a failed reader */
};

struct cmaw_cbor {
    struct cmaw_slice rest;
    enum cmaw_cbor_rules rules;
    enum cmaw_err err;
};

static inline struct cmaw_cbor cmaw_cbor_of(struct cmaw_slice bytes, enum cmaw_cbor_rules rules)
{
    return (struct cmaw_cbor){bytes, rules, CMAW_OK};
}
/* What the next item is, by its first byte only. */
enum cmaw_cbor_type cmaw_cbor_peek(const struct cmaw_cbor *cbor);
/* Latches err if none is latched yet. */
void cmaw_cbor_fail(struct cmaw_cbor *cbor, enum cmaw_err err);
/* The latched error, or MALFORMED if bytes are left. */
enum cmaw_err cmaw_cbor_end(const struct cmaw_cbor *cbor);

uint64_t cmaw_cbor_uint(struct cmaw_cbor *cbor);
/* As cmaw_cbor_uint, and at most max. */
uint64_t cmaw_cbor_uint_max(struct cmaw_cbor *cbor, uint64_t max);
/* Either integer type, within int64_t. */
int64_t cmaw_cbor_int(struct cmaw_cbor *cbor);
struct cmaw_slice cmaw_cbor_bstr(struct cmaw_cbor *cbor);
/* A byte string of exactly size bytes, or a failure. */
struct cmaw_slice cmaw_cbor_bstr_exact(struct cmaw_cbor *cbor, size_t size);
/* UTF-8 is checked; the text may hold U+0000. */
struct cmaw_slice cmaw_cbor_tstr(struct cmaw_cbor *cbor);
bool cmaw_cbor_bool(struct cmaw_cbor *cbor);
/* True, and read, if the next item is null; else nothing is read. */
bool cmaw_cbor_null(struct cmaw_cbor *cbor);

/* The number of elements of a definite array; at most the bytes that are left. */
size_t cmaw_cbor_array(struct cmaw_cbor *cbor);
/* An array, a map of exactly count elements or entries; what is in it is read next. Definite only. A schema whose keys
 * are read with the cmaw_cbor_expect functions in deterministic order needs no other check of keys. */
void cmaw_cbor_array_exact(struct cmaw_cbor *cbor, size_t count);
void cmaw_cbor_map_exact(struct cmaw_cbor *cbor, size_t count);
/* The next item must be this value. */
void cmaw_cbor_expect_int(struct cmaw_cbor *cbor, int64_t value);
void cmaw_cbor_expect_tstr(struct cmaw_cbor *cbor, const char *text);
/* The next item is this tag: true, and read. Else nothing is read. */
bool cmaw_cbor_tag(struct cmaw_cbor *cbor, uint64_t tag);

/* Reads a map whose keys are not known beforehand:
 *     struct cmaw_cbor_map map;
 *     cmaw_cbor_map(&cbor, &map);
 *     while (cmaw_cbor_map_next(&cbor, &map)) { key = cmaw_cbor_tstr(&cbor); … read or skip the value … }
 * cmaw_cbor_map_next checks the key that follows (type, order, duplicates) and does not consume it. */
struct cmaw_cbor_span {
    bool indefinite;
    uint64_t left; /* elements or entries, if definite */
};
struct cmaw_cbor_key {
    enum cmaw_cbor_type type;
    uint64_t value;          /* of an integer: the argument of its head */
    struct cmaw_slice bytes; /* of a string */
};
struct cmaw_cbor_map {
    struct cmaw_cbor_span span;
    struct cmaw_slice last; /* the encoded key before */
    size_t seen;
    struct cmaw_cbor_key keys[CMAW_CBOR_KEYS_MAX];
};
void cmaw_cbor_map(struct cmaw_cbor *cbor, struct cmaw_cbor_map *ret_map);
bool cmaw_cbor_map_next(struct cmaw_cbor *cbor, struct cmaw_cbor_map *map);

/* Reads over one item of any type, checking all of it. */
void cmaw_cbor_skip(struct cmaw_cbor *cbor);
/* OK if bytes are exactly one item that the rules allow. */
enum cmaw_err cmaw_cbor_check(struct cmaw_slice bytes, enum cmaw_cbor_rules rules);

#endif
