#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* after the standard headers it needs */
#include <cmocka.h>

#include "lib/attest/doc.h"
#include "lib/crypto/x509.h"
#include "tests/unit/vectors.h"

static const char *const good[] = {
    "good/2022-10-13-a72552688a", "good/2024-02-26-3a4a0301e6", "good/2025-04-29-7b0ca130a8",
    "good/2026-01-03-9e038c2da8", "good/2026-02-11-868568690d",
};
static const char *const debug[] = {
    "good-debug/2022-07-06-cfd586e36a", "good-debug/2024-09-17-762e9d6e4a", "good-debug/2026-01-29-6ccfbbe79c",
};
static const char bad_signature[] = "bad/2022-11-09-7df2cdc016";
static const char private_root[] = "bad/2025-04-30-a132128a1f";

static uint8_t root_sha256[CMAW_SHA256_SIZE];

static void load(const char *name, struct cmaw_buf *ret_bytes)
{
    char path[128];
    (void)snprintf(path, sizeof path, "nitro/%s.cose", name);
    vectors_file(path, ret_bytes);
}

static int read_root(void **state)
{
    (void)state;
    if (vectors_dir() != NULL) {
        CMAW_BUF_AUTO(der, 4096);
        vectors_file("nitro/root/AWS_NitroEnclaves_Root-G1.der", &der);
        cmaw_sha256(cmaw_buf_slice(&der), root_sha256);
    }
    return 0;
}

static enum cmaw_err verify(struct cmaw_slice bytes)
{
    struct cmaw_doc doc;
    CMAW_TRY(cmaw_doc_parse(bytes, &doc));
    return cmaw_doc_verify_at(&doc, root_sha256, doc.timestamp_ms, NULL);
}

/* Section 8.1's column P: valid at its own timestamp, no debug mode. G: with the debug flag. */
static enum cmaw_err verdict(const char *name, bool allow_debug)
{
    CMAW_BUF_AUTO(bytes, CMAW_DOC_SIZE_MAX);
    struct cmaw_doc doc;
    load(name, &bytes);
    CMAW_TRY(cmaw_doc_parse(cmaw_buf_slice(&bytes), &doc));
    CMAW_TRY(cmaw_doc_verify_at(&doc, root_sha256, doc.timestamp_ms, NULL));
    return allow_debug || !cmaw_doc_is_debug(&doc) ? CMAW_OK : CMAW_E_DENIED;
}

static void real_documents_are_decided_as_the_table_says(void **state)
{
    (void)state;
    VECTORS_OR_SKIP();
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(verdict(good[i], false), CMAW_OK);
        assert_int_equal(verdict(good[i], true), CMAW_OK);
    }
    for (size_t i = 0; i < sizeof debug / sizeof debug[0]; i++) {
        assert_int_equal(verdict(debug[i], false), CMAW_E_DENIED);
        assert_int_equal(verdict(debug[i], true), CMAW_OK);
    }
    assert_int_equal(verdict(bad_signature, false), CMAW_E_AUTH);
    assert_int_equal(verdict(bad_signature, true), CMAW_E_AUTH);
    assert_int_not_equal(verdict(private_root, false), CMAW_OK);
    assert_int_not_equal(verdict(private_root, true), CMAW_OK);
}

static void assert_field(const json_t *entry, const char *name, const struct cmaw_doc_field *field)
{
    const json_t *want = json_object_get(entry, name);
    assert_int_equal(field->present, !json_is_null(want));
    if (field->present) {
        CMAW_BUF_AUTO(bytes, 4096);
        vectors_unhex(json_string_value(want), &bytes);
        assert_true(cmaw_slice_eq(cmaw_buf_slice(&bytes), field->bytes));
    }
}

static void assert_pcrs(const json_t *entry, const struct cmaw_doc *doc)
{
    size_t i, listed = 0;
    json_t *index;
    json_array_foreach(json_object_get(entry, "pcr_indices"), i, index) {
        char key[8];
        const uint32_t number = (uint32_t)json_integer_value(index);
        const struct cmaw_slice pcr = cmaw_doc_pcr(doc, number);
        (void)snprintf(key, sizeof key, "%u", number);
        const json_t *want = json_object_get(json_object_get(entry, "pcrs"), key);
        assert_int_equal(pcr.size, CMAW_PCR_SIZE);
        if (want == NULL) {
            assert_true(cmaw_slice_is_zero(pcr));
            continue;
        }
        CMAW_BUF_AUTO(bytes, 64);
        vectors_unhex(json_string_value(want), &bytes);
        assert_true(cmaw_slice_eq(cmaw_buf_slice(&bytes), pcr));
    }
    for (uint32_t number = 0; number < 40; number++) {
        listed += cmaw_doc_pcr(doc, number).size > 0;
    }
    assert_int_equal(listed, json_array_size(json_object_get(entry, "pcr_indices")));
}

/* PCR4 = H(zeros ++ module_id before "-enc"), section 1.5. */
static bool pcr4_is_of_the_instance(const struct cmaw_doc *doc)
{
    static const uint8_t zeros[CMAW_PCR_SIZE];
    const uint8_t *end = memmem(doc->module_id.data, doc->module_id.size, "-enc", 4);
    const struct cmaw_slice parts[] = {CMAW_SLICE_ARRAY(zeros),
                                       cmaw_slice_of(doc->module_id.data, (size_t)(end - doc->module_id.data))};
    uint8_t digest[CMAW_SHA384_SIZE];
    cmaw_sha384_parts(parts, 2, digest);
    return cmaw_slice_eq(CMAW_SLICE_ARRAY(digest), cmaw_doc_pcr(doc, 4));
}

static void fields_are_those_of_the_manifest(void **state)
{
    (void)state;
    VECTORS_OR_SKIP();
    json_t *root = vectors_json("nitro/manifest.json");
    size_t i, read = 0;
    json_t *entry;
    json_array_foreach(root, i, entry) {
        char path[128];
        CMAW_BUF_AUTO(bytes, CMAW_DOC_SIZE_MAX);
        struct cmaw_doc doc;
        (void)snprintf(path, sizeof path, "nitro/%s", vectors_text(entry, "file"));
        vectors_file(path, &bytes);
        if (cmaw_doc_parse(cmaw_buf_slice(&bytes), &doc) != CMAW_OK) {
            assert_int_equal(json_integer_value(json_object_get(entry, "cabundle_len")), 1);
            continue;
        }
        read++;
        assert_int_equal(doc.timestamp_ms, json_integer_value(json_object_get(entry, "timestamp_ms")));
        assert_true(cmaw_slice_eq_cstr(doc.module_id, vectors_text(entry, "module_id")));
        assert_int_equal(doc.cabundle_count, json_integer_value(json_object_get(entry, "cabundle_len")));
        assert_field(entry, "public_key", &doc.public_key);
        assert_field(entry, "user_data", &doc.user_data);
        assert_field(entry, "nonce", &doc.nonce);
        assert_pcrs(entry, &doc);
        assert_true(pcr4_is_of_the_instance(&doc));
    }
    assert_int_equal(read, 9);
    json_decref(root);
}

/* Every byte of the COSE frame's head, and a sample of the rest: a step that is prime to the structure's sizes. */
static void every_flipped_byte_is_refused(void **state)
{
    (void)state;
    VECTORS_OR_SKIP();
    CMAW_BUF_AUTO(bytes, CMAW_DOC_SIZE_MAX);
    load(good[3], &bytes);
    assert_int_equal(verify(cmaw_buf_slice(&bytes)), CMAW_OK);
    for (size_t i = 0; i < bytes.size; i += i < 16 || i + 100 > bytes.size ? 1 : 41) {
        bytes.data[i] ^= 1;
        assert_int_not_equal(verify(cmaw_buf_slice(&bytes)), CMAW_OK);
        bytes.data[i] ^= 1;
    }
    for (size_t size = 0; size < bytes.size; size += 97) {
        assert_int_equal(verify(cmaw_slice_of(bytes.data, size)), CMAW_E_MALFORMED);
    }
    cmaw_buf_reset(&bytes);
    load(good[3], &bytes);
    CMAW_BUF_AUTO(longer, CMAW_DOC_SIZE_MAX);
    cmaw_buf_put(&longer, cmaw_buf_slice(&bytes));
    cmaw_buf_put_u8(&longer, 0);
    assert_int_equal(verify(cmaw_buf_slice(&longer)), CMAW_E_MALFORMED);
}

static void tag_18_is_accepted(void **state)
{
    (void)state;
    VECTORS_OR_SKIP();
    CMAW_BUF_AUTO(bytes, CMAW_DOC_SIZE_MAX);
    cmaw_buf_put_u8(&bytes, 0xd2);
    load(good[0], &bytes);
    assert_int_equal(verify(cmaw_buf_slice(&bytes)), CMAW_OK);
}

/* The order, number and bytes of the certificates are all checked, whatever the signature over them says. */
static void bundles_are_taken_as_they_are(void **state)
{
    (void)state;
    VECTORS_OR_SKIP();
    CMAW_BUF_AUTO(bytes, CMAW_DOC_SIZE_MAX);
    struct cmaw_doc doc;
    load(good[1], &bytes);
    assert_int_equal(cmaw_doc_parse(cmaw_buf_slice(&bytes), &doc), CMAW_OK);
    assert_int_equal(cmaw_doc_verify_at(&doc, root_sha256, doc.timestamp_ms, NULL), CMAW_OK);
    for (size_t i = 0; i < 4; i++) {
        struct cmaw_doc dropped = doc, repeated = doc, swapped = doc;
        for (size_t k = i; k + 1 < 4; k++) {
            dropped.cabundle[k] = doc.cabundle[k + 1];
        }
        dropped.cabundle_count = 3;
        assert_int_equal(cmaw_doc_verify_at(&dropped, root_sha256, dropped.timestamp_ms, NULL), CMAW_E_AUTH);
        for (size_t k = i; k < 4; k++) {
            repeated.cabundle[k + 1] = doc.cabundle[k];
        }
        repeated.cabundle_count = 5;
        assert_int_equal(cmaw_doc_verify_at(&repeated, root_sha256, repeated.timestamp_ms, NULL), CMAW_E_AUTH);
        swapped.cabundle[i] = doc.cabundle[(i + 1) % 4];
        swapped.cabundle[(i + 1) % 4] = doc.cabundle[i];
        assert_int_equal(cmaw_doc_verify_at(&swapped, root_sha256, swapped.timestamp_ms, NULL), CMAW_E_AUTH);
    }
    static const uint8_t other_root[CMAW_SHA256_SIZE] = {1};
    assert_int_equal(cmaw_doc_verify_at(&doc, other_root, doc.timestamp_ms, NULL), CMAW_E_AUTH);
    CMAW_BUF_AUTO(other_bytes, CMAW_DOC_SIZE_MAX);
    struct cmaw_doc other;
    load(good[2], &other_bytes);
    assert_int_equal(cmaw_doc_parse(cmaw_buf_slice(&other_bytes), &other), CMAW_OK);
    other.certificate = doc.certificate;
    assert_int_equal(cmaw_doc_verify_at(&other, root_sha256, other.timestamp_ms, NULL), CMAW_E_AUTH);
}

static void windows_are_closed_at_both_ends(void **state)
{
    (void)state;
    VECTORS_OR_SKIP();
    CMAW_BUF_AUTO(bytes, CMAW_DOC_SIZE_MAX);
    struct cmaw_doc doc;
    int64_t first_s, last_s;
    load(good[0], &bytes);
    assert_int_equal(cmaw_doc_parse(cmaw_buf_slice(&bytes), &doc), CMAW_OK);
    assert_int_equal(cmaw_x509_validity(doc.certificate, &first_s, &last_s), CMAW_OK);
    assert_int_equal(last_s - first_s, 3 * 3600 + 3);
    const struct {
        int64_t time_s;
        enum cmaw_err want;
    } cases[] = {{first_s - 1, CMAW_E_EXPIRED}, {first_s, CMAW_OK}, {last_s, CMAW_OK}, {last_s + 1, CMAW_E_EXPIRED}};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(cmaw_doc_verify_at(&doc, root_sha256, (uint64_t)cases[i].time_s * 1000, NULL), cases[i].want);
    }
}

/* Documents of the protocol's vectors, under their own root. */
static void documents_of_the_protocol_verify(void **state)
{
    (void)state;
    VECTORS_OR_SKIP();
    json_t *birth = vectors_json("sst1/birth.json");
    CMAW_BUF_AUTO(bytes, CMAW_DOC_SIZE_MAX);
    struct cmaw_doc doc;
    uint8_t digest[CMAW_SHA256_SIZE];
    vectors_hex(birth, "ak_doc", &bytes);
    assert_int_equal(cmaw_doc_parse(cmaw_buf_slice(&bytes), &doc), CMAW_OK);
    cmaw_sha256(doc.cabundle[0], digest);
    assert_int_equal(cmaw_doc_verify_at(&doc, digest, doc.timestamp_ms, NULL), CMAW_OK);
    assert_int_equal(cmaw_doc_verify_at(&doc, root_sha256, doc.timestamp_ms, NULL), CMAW_E_AUTH);
    assert_int_equal(doc.public_key.bytes.size, CMAW_P256_SPKI_SIZE);
    json_decref(birth);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_documents_are_decided_as_the_table_says),
        cmocka_unit_test(fields_are_those_of_the_manifest),
        cmocka_unit_test(every_flipped_byte_is_refused),
        cmocka_unit_test(tag_18_is_accepted),
        cmocka_unit_test(bundles_are_taken_as_they_are),
        cmocka_unit_test(windows_are_closed_at_both_ends),
        cmocka_unit_test(documents_of_the_protocol_verify),
    };
    return cmocka_run_group_tests(tests, read_root, NULL);
}
