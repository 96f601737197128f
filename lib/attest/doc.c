#include "lib/attest/doc.h"

/* Parsing: facts/NITRO.md sections 1.1, 1.2 and 1.7. */

enum { SIGNATURE_SIZE = 96, CERTIFICATE_MAX = 1024, PUBLIC_KEY_MAX = 1024, FREE_FIELD_MAX = 1024 };
enum { BUNDLE_MIN = 2 };
enum { QEMU_ZERO_SIZE = 64, QEMU_MAP_OF_NINE = 0xa9, UNTAGGED_ARRAY_OF_FOUR = 0x84 };

/* {1: -35}: ES384. Byte for byte, as the platform writes it. */
#define PROTECTED_HEADER CMAW_SLICE_LIT("\xa1\x01\x38\x22")
/* {1: -1}: no algorithm. */
#define QEMU_PROTECTED_HEADER CMAW_SLICE_LIT("\xa1\x01\x20")

/* One bit for each key of the payload that has been read. */
enum {
    GOT_MODULE_ID = 1 << 0, GOT_DIGEST = 1 << 1, GOT_TIMESTAMP = 1 << 2, GOT_PCRS = 1 << 3, GOT_CERTIFICATE = 1 << 4,
    GOT_CABUNDLE = 1 << 5, GOT_REQUIRED = (1 << 6) - 1,
    GOT_PUBLIC_KEY = 1 << 6, GOT_USER_DATA = 1 << 7, GOT_NONCE = 1 << 8, GOT_NINE = (1 << 9) - 1,
};

static struct cmaw_slice read_bounded(struct cmaw_cbor *cbor, size_t min, size_t max)
{
    const struct cmaw_slice bytes = cmaw_cbor_bstr(cbor);
    if (bytes.size < min || bytes.size > max) {
        cmaw_cbor_fail(cbor, CMAW_E_MALFORMED);
    }
    return bytes;
}

static void read_optional(struct cmaw_cbor *cbor, size_t min, size_t max, struct cmaw_doc_field *ret_field)
{
    if (!cmaw_cbor_null(cbor)) {
        *ret_field = (struct cmaw_doc_field){true, read_bounded(cbor, min, max)};
    }
}

/* "i-<hex>-enc<hex>". A NitroTPM says "-tpm…" under the same root. */
static void read_module_id(struct cmaw_cbor *cbor, struct cmaw_doc *doc)
{
    static const struct cmaw_slice marker = CMAW_SLICE_LIT("-enc");
    doc->module_id = cmaw_cbor_tstr(cbor);
    for (size_t i = 0; i + marker.size <= doc->module_id.size; i++) {
        if (cmaw_slice_eq(cmaw_slice_sub(doc->module_id, i, marker.size), marker)) {
            return;
        }
    }
    cmaw_cbor_fail(cbor, CMAW_E_MALFORMED);
}

static void read_pcrs(struct cmaw_cbor *cbor, struct cmaw_doc *doc)
{
    static const uint8_t required[] = {0, 1, 2, 3, 4, 8};
    struct cmaw_cbor_map map;
    cmaw_cbor_map(cbor, &map);
    if (map.span.indefinite) {
        cmaw_cbor_fail(cbor, CMAW_E_MALFORMED);
    }
    while (cmaw_cbor_map_next(cbor, &map)) {
        const uint64_t index = cmaw_cbor_uint_max(cbor, CMAW_PCR_COUNT - 1);
        doc->pcrs[index] = cmaw_cbor_bstr_exact(cbor, CMAW_PCR_SIZE);
    }
    for (size_t i = 0; i < sizeof required; i++) {
        if (doc->pcrs[required[i]].size == 0) {
            cmaw_cbor_fail(cbor, CMAW_E_MALFORMED);
        }
    }
}

static void read_cabundle(struct cmaw_cbor *cbor, struct cmaw_doc *doc)
{
    doc->cabundle_count = cmaw_cbor_array(cbor);
    if (doc->cabundle_count < 1 || doc->cabundle_count > CMAW_DOC_BUNDLE_MAX) {
        cmaw_cbor_fail(cbor, CMAW_E_MALFORMED);
        return;
    }
    for (size_t i = 0; i < doc->cabundle_count; i++) {
        doc->cabundle[i] = read_bounded(cbor, 1, CERTIFICATE_MAX);
    }
}

static unsigned read_optional_field(struct cmaw_cbor *cbor, struct cmaw_slice key, struct cmaw_doc *doc)
{
    if (cmaw_slice_eq_cstr(key, "public_key")) {
        read_optional(cbor, 1, PUBLIC_KEY_MAX, &doc->public_key);
        return GOT_PUBLIC_KEY;
    }
    if (cmaw_slice_eq_cstr(key, "user_data")) {
        read_optional(cbor, 0, FREE_FIELD_MAX, &doc->user_data);
        return GOT_USER_DATA;
    }
    if (cmaw_slice_eq_cstr(key, "nonce")) {
        read_optional(cbor, 0, FREE_FIELD_MAX, &doc->nonce);
        return GOT_NONCE;
    }
    cmaw_cbor_skip(cbor);
    return 0;
}

/* Reads the value of one key; returns its bit, or 0 for an unknown one. */
static unsigned read_field(struct cmaw_cbor *cbor, struct cmaw_slice key, struct cmaw_doc *doc)
{
    if (cmaw_slice_eq_cstr(key, "module_id")) {
        read_module_id(cbor, doc);
        return GOT_MODULE_ID;
    }
    if (cmaw_slice_eq_cstr(key, "digest")) {
        cmaw_cbor_expect_tstr(cbor, "SHA384");
        return GOT_DIGEST;
    }
    if (cmaw_slice_eq_cstr(key, "timestamp")) {
        doc->timestamp_ms = cmaw_cbor_uint_max(cbor, INT64_MAX);
        return doc->timestamp_ms > 0 ? GOT_TIMESTAMP : 0;
    }
    if (cmaw_slice_eq_cstr(key, "pcrs")) {
        read_pcrs(cbor, doc);
        return GOT_PCRS;
    }
    if (cmaw_slice_eq_cstr(key, "certificate")) {
        doc->certificate = read_bounded(cbor, 1, CERTIFICATE_MAX);
        return GOT_CERTIFICATE;
    }
    if (cmaw_slice_eq_cstr(key, "cabundle")) {
        read_cabundle(cbor, doc);
        return GOT_CABUNDLE;
    }
    return read_optional_field(cbor, key, doc);
}

/* wanted: bits of the keys that must be there. */
static enum cmaw_err parse_payload(struct cmaw_slice payload, unsigned wanted, struct cmaw_doc *doc)
{
    CMAW_REQUIRE(payload.size >= 1 && payload.size <= CMAW_DOC_PAYLOAD_MAX, CMAW_E_MALFORMED);
    CMAW_TRY(cmaw_cbor_check(payload, CMAW_CBOR_PLATFORM)); /* all of it, with its depth, before any of it is used */
    struct cmaw_cbor cbor = cmaw_cbor_of(payload, CMAW_CBOR_PLATFORM);
    struct cmaw_cbor_map map;
    unsigned got = 0;
    cmaw_cbor_map(&cbor, &map);
    while (cmaw_cbor_map_next(&cbor, &map)) {
        got |= read_field(&cbor, cmaw_cbor_tstr(&cbor), doc);
    }
    CMAW_TRY(cmaw_cbor_end(&cbor));
    return (got & wanted) == wanted ? CMAW_OK : CMAW_E_MALFORMED;
}

static enum cmaw_err parse_signed(struct cmaw_doc *doc)
{
    CMAW_REQUIRE(cmaw_slice_eq(doc->sign1.protected_header, PROTECTED_HEADER), CMAW_E_MALFORMED);
    CMAW_REQUIRE(doc->sign1.signature.size == SIGNATURE_SIZE, CMAW_E_MALFORMED);
    CMAW_TRY(parse_payload(doc->sign1.payload, GOT_REQUIRED, doc));
    return doc->cabundle_count >= BUNDLE_MIN ? CMAW_OK : CMAW_E_MALFORMED;
}

static bool is_qemu_zero(struct cmaw_slice bytes)
{
    return bytes.size == QEMU_ZERO_SIZE && cmaw_slice_is_zero(bytes);
}

static enum cmaw_err parse_unsigned(struct cmaw_slice bytes, struct cmaw_doc *doc)
{
    const struct cmaw_slice payload = doc->sign1.payload;
    CMAW_REQUIRE(bytes.data[0] == UNTAGGED_ARRAY_OF_FOUR && is_qemu_zero(doc->sign1.signature), CMAW_E_MALFORMED);
    CMAW_REQUIRE(payload.size > 0 && payload.data[0] == QEMU_MAP_OF_NINE, CMAW_E_MALFORMED);
    CMAW_TRY(parse_payload(payload, GOT_NINE, doc));
    CMAW_REQUIRE(doc->cabundle_count == 1 && is_qemu_zero(doc->cabundle[0]) && is_qemu_zero(doc->certificate), CMAW_E_MALFORMED);
    CMAW_REQUIRE(doc->timestamp_ms % 1000 == 0, CMAW_E_MALFORMED);
    doc->is_unsigned = true;
    return CMAW_OK;
}

enum cmaw_err cmaw_doc_parse_trusting(struct cmaw_slice bytes, enum cmaw_doc_trust trust, struct cmaw_doc *ret_doc)
{
    CMAW_REQUIRE(bytes.size <= CMAW_DOC_SIZE_MAX, CMAW_E_TOO_LARGE);
    struct cmaw_doc doc = {0};
    CMAW_TRY(cmaw_cose_sign1_parse(bytes, CMAW_CBOR_PLATFORM, &doc.sign1));
    const bool claims_none = cmaw_slice_eq(doc.sign1.protected_header, QEMU_PROTECTED_HEADER);
    CMAW_TRY(claims_none && trust == CMAW_DOC_UNSIGNED_QEMU_TOO ? parse_unsigned(bytes, &doc) : parse_signed(&doc));
    *ret_doc = doc;
    return CMAW_OK;
}

enum cmaw_err cmaw_doc_parse(struct cmaw_slice bytes, struct cmaw_doc *ret_doc)
{
    return cmaw_doc_parse_trusting(bytes, CMAW_DOC_SIGNED, ret_doc);
}

struct cmaw_slice cmaw_doc_pcr(const struct cmaw_doc *doc, uint32_t index)
{
    return index < CMAW_PCR_COUNT ? doc->pcrs[index] : CMAW_SLICE_EMPTY;
}

bool cmaw_doc_is_debug(const struct cmaw_doc *doc)
{
    return cmaw_slice_is_zero(doc->pcrs[0]) || cmaw_slice_is_zero(doc->pcrs[1]) || cmaw_slice_is_zero(doc->pcrs[2]);
}
