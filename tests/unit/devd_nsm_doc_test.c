#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dev/nsm_doc.h"
#include "dev/nsm_store.h"
#include "lib/crypto/x509.h"
#include "tests/unit/devd_folder.h"
#include "tests/unit/nsm_booted.h"

struct world {
    struct devd_folder folder;
    struct sqlite3 *db; /* of one transaction, which tear_down undoes */
};

static int set_up(void **state)
{
    static struct world world;
    assert_true(devd_folder_make(&world.folder));
    assert_int_equal(cmaw_store_begin(world.folder.store, &world.db), CMAW_OK);
    assert_int_equal(cmaw_store_set_setting(world.db, "region", "eu-central-1"), CMAW_OK);
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    assert_int_equal(cmaw_store_end(world->folder.store, false), CMAW_OK);
    return devd_folder_remove(&world->folder) ? 0 : -1;
}

enum { NOW_S = 1767323045 };

static void sign_at(struct world *world, int64_t now_s, enum cmaw_nsm_map_form form,
                    const struct cmaw_nsm_attestation *fields, struct cmaw_buf *document)
{
    struct cmaw_nsm_instance instance = booted();
    struct cmaw_attester attester;
    instance.locked |= 1U << 16;
    memset(instance.pcrs[16], 0x16, CMAW_PCR_SIZE);
    cmaw_attester_init(&attester);
    assert_int_equal(cmaw_pki_attester(world->db, instance.module_id, "token", now_s, &attester), CMAW_OK);
    assert_int_equal(cmaw_nsm_doc_sign(&attester, form, &instance, fields, (uint64_t)now_s * 1000, document), CMAW_OK);
    cmaw_attester_free(&attester);
}

static void root_digest(struct world *world, int64_t now_s, uint8_t ret_digest[CMAW_SHA256_SIZE])
{
    CMAW_CERTIFICATE_AUTO(root);
    assert_int_equal(cmaw_pki_attestation_root(world->db, now_s, &root), CMAW_OK);
    cmaw_sha256(cmaw_buf_slice(&root.der), ret_digest);
}

static void documents_verify_in_both_forms(void **state)
{
    struct world *world = *state;
    const struct cmaw_nsm_attestation fields = {
        .nonce = {true, CMAW_SLICE_LIT("fresh")}, .user_data = {true, CMAW_SLICE_EMPTY}};
    uint8_t root[CMAW_SHA256_SIZE];
    root_digest(world, NOW_S, root);
    for (enum cmaw_nsm_map_form form = CMAW_NSM_MAP_DEFINITE; form <= CMAW_NSM_MAP_INDEFINITE; form++) {
        CMAW_BUF_AUTO(bytes, CMAW_DOC_SIZE_MAX);
        struct cmaw_doc doc;
        sign_at(world, NOW_S, form, &fields, &bytes);
        assert_int_equal(cmaw_doc_parse(cmaw_buf_slice(&bytes), &doc), CMAW_OK);
        assert_int_equal(cmaw_doc_verify_at(&doc, root, doc.timestamp_ms, NULL), CMAW_OK);
        assert_int_equal(cmaw_doc_verify_at(&doc, root, NOW_S * UINT64_C(1000), NULL), CMAW_OK);
        assert_int_equal(doc.timestamp_ms / 1000, NOW_S);
        assert_true(doc.nonce.present && cmaw_slice_eq(doc.nonce.bytes, fields.nonce.bytes));
        assert_int_equal(doc.sign1.payload.data[0], form == CMAW_NSM_MAP_DEFINITE ? 0xa9 : 0xbf);
        assert_int_equal(doc.cabundle_count, 4);
        assert_int_equal(doc.timestamp_ms, NOW_S * UINT64_C(1000));
        assert_true(cmaw_slice_eq_cstr(doc.module_id, "i-0a-enc01"));
        assert_true(doc.user_data.present && doc.user_data.bytes.size == 0);
        assert_false(doc.public_key.present);
        for (uint32_t i = 0; i < CMAW_PCR_COUNT; i++) {
            assert_int_equal(cmaw_doc_pcr(&doc, i).size, i <= 16 ? CMAW_PCR_SIZE : 0);
        }
        root[0] ^= 1;
        assert_int_equal(cmaw_doc_verify_at(&doc, root, doc.timestamp_ms, NULL), CMAW_E_AUTH);
        root[0] ^= 1;
    }
}

static void the_shape_is_the_platforms(void **state)
{
    struct world *world = *state;
    const struct cmaw_nsm_attestation fields = {0};
    CMAW_BUF_AUTO(bytes, CMAW_DOC_SIZE_MAX);
    struct cmaw_doc doc;
    int64_t from_s = 0, to_s = 0;
    static const int64_t lifetimes[] = {10957LL * 86400, 20 * 86400 + 3600, 6 * 86400, 86400};
    sign_at(world, NOW_S, CMAW_NSM_MAP_INDEFINITE, &fields, &bytes);
    assert_int_equal(cmaw_doc_parse(cmaw_buf_slice(&bytes), &doc), CMAW_OK);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(cmaw_x509_validity(doc.cabundle[i], &from_s, &to_s), CMAW_OK);
        assert_int_equal(to_s - from_s, lifetimes[i]);
        assert_in_range(doc.cabundle[i].size, 1, 1024);
    }
    assert_int_equal(cmaw_x509_validity(doc.certificate, &from_s, &to_s), CMAW_OK);
    assert_int_equal(to_s - from_s, 3 * 3600 + 3);
    assert_int_equal(from_s, NOW_S - 3);
    assert_in_range(doc.certificate.size, 1, 1024);
    assert_in_range(bytes.size, 3000, 5500);
}

static void unsigned_documents_have_qemus_form(void **state)
{
    (void)state;
    struct cmaw_nsm_instance instance = booted();
    const struct cmaw_nsm_attestation fields = {.nonce = {true, CMAW_SLICE_LIT("fresh")}, .public_key = {true, CMAW_SLICE_LIT("a key")}};
    CMAW_BUF_AUTO(bytes, CMAW_DOC_SIZE_MAX);
    struct cmaw_doc doc;
    assert_int_equal(cmaw_nsm_doc_unsigned(&instance, &fields, (uint64_t)NOW_S * 1000 + 999, &bytes), CMAW_OK);
    assert_int_equal(cmaw_doc_parse(cmaw_buf_slice(&bytes), &doc), CMAW_E_MALFORMED);
    assert_int_equal(cmaw_doc_parse_trusting(cmaw_buf_slice(&bytes), CMAW_DOC_UNSIGNED_QEMU_TOO, &doc), CMAW_OK);
    assert_true(doc.is_unsigned);
    assert_int_equal(doc.timestamp_ms, NOW_S * UINT64_C(1000));
    assert_true(cmaw_slice_eq_cstr(doc.nonce.bytes, "fresh") && cmaw_slice_eq_cstr(doc.public_key.bytes, "a key"));
}

static void leaves_are_reused_until_renewal(void **state)
{
    struct world *world = *state;
    const struct cmaw_nsm_attestation fields = {0};
    static const struct {
        int64_t later_s;
        bool same_leaf;
    } cases[] = {{1, true}, {5900, true}, {6100, false}, {30 * 86400, false}, {-3600, false}};
    CMAW_BUF_AUTO(first, CMAW_DOC_SIZE_MAX);
    struct cmaw_doc doc, other;
    uint8_t root[CMAW_SHA256_SIZE];
    root_digest(world, NOW_S, root);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CMAW_BUF_AUTO(second, CMAW_DOC_SIZE_MAX);
        cmaw_buf_reset(&first);
        sign_at(world, NOW_S, CMAW_NSM_MAP_DEFINITE, &fields, &first);
        sign_at(world, NOW_S + cases[i].later_s, CMAW_NSM_MAP_DEFINITE, &fields, &second);
        assert_int_equal(cmaw_doc_parse(cmaw_buf_slice(&first), &doc), CMAW_OK);
        assert_int_equal(cmaw_doc_parse(cmaw_buf_slice(&second), &other), CMAW_OK);
        assert_int_equal(cmaw_doc_verify_at(&other, root, other.timestamp_ms, NULL), CMAW_OK);
        assert_int_equal(cmaw_slice_eq(doc.certificate, other.certificate), cases[i].same_leaf);
    }
}

static void instances_persist(void **state)
{
    struct world *world = *state;
    struct cmaw_nsm_instance instance = booted(), loaded;
    char token[CMAW_NSM_TOKEN_SIZE + 1];
    assert_int_equal(cmaw_nsm_insert(world->db, &instance, token), CMAW_OK);
    assert_int_equal(strlen(token), CMAW_NSM_TOKEN_SIZE);
    instance.locked |= 1U << 31;
    memset(instance.pcrs[31], 0x31, CMAW_PCR_SIZE);
    assert_int_equal(cmaw_nsm_save(world->db, token, &instance), CMAW_OK);
    assert_int_equal(cmaw_nsm_load(world->db, token, &loaded), CMAW_OK);
    assert_string_equal(loaded.module_id, instance.module_id);
    assert_int_equal(loaded.locked, instance.locked);
    assert_memory_equal(loaded.pcrs, instance.pcrs, sizeof loaded.pcrs);
    assert_int_equal(cmaw_nsm_load(world->db, "00000000000000000000000000000000", &loaded), CMAW_E_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(documents_verify_in_both_forms, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_shape_is_the_platforms, set_up, tear_down),
        cmocka_unit_test(unsigned_documents_have_qemus_form),
        cmocka_unit_test_setup_teardown(leaves_are_reused_until_renewal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(instances_persist, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
