#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* after the standard headers it needs */
#include <cmocka.h>

#include "lib/crypto/cms.h"
#include "lib/crypto/cms_form.h"
#include "lib/crypto/cms_make.h"
#include "lib/crypto/random.h"
#include "tests/unit/vectors.h"

static struct cmaw_rsa_key *own_key; /* made once: it takes a while */

static int make_key(void **state)
{
    (void)state;
    return cmaw_rsa_generate(&own_key) == CMAW_OK ? 0 : -1;
}

static int free_key(void **state)
{
    (void)state;
    cmaw_rsa_key_free(own_key);
    return 0;
}

static void load(const char *name, const char *suffix, struct cmaw_buf *ret_bytes)
{
    char path[128];
    (void)snprintf(path, sizeof path, "kms/%s%s", name, suffix);
    vectors_file(path, ret_bytes);
}

static void load_key(const char *path, struct cmaw_rsa_key **ret_key)
{
    CMAW_BUF_AUTO(pem, 8192);
    vectors_file(path, &pem);
    assert_int_equal(cmaw_rsa_from_private_pem(cmaw_buf_slice(&pem), ret_key), CMAW_OK);
}

static void published_envelopes_open(void **state)
{
    (void)state;
    VECTORS_OR_SKIP();
    static const struct {
        const char *name, *key;
    } cases[] = {
        {"edgebit-go-1", "kms/edgebit-go-1.key.pem"}, {"syn-chunked-32", "kms/syn.key.pem"},
        {"syn-chunked-999", "kms/syn.key.pem"},       {"syn-chunked-4096", "kms/syn.key.pem"},
        {"syn-primitive-32", "kms/syn.key.pem"},      {"syn-primitive-1215", "kms/syn.key.pem"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CMAW_RSA_KEY_AUTO(key);
        CMAW_BUF_AUTO(envelope, 8192);
        CMAW_BUF_AUTO(plain, 8192);
        CMAW_BUF_AUTO(opened, 8192);
        load_key(cases[i].key, &key);
        load(cases[i].name, ".ber", &envelope);
        load(cases[i].name, ".plain", &plain);
        assert_int_equal(cmaw_cms_open(key, cmaw_buf_slice(&envelope), &opened), CMAW_OK);
        assert_true(cmaw_slice_eq(cmaw_buf_slice(&opened), cmaw_buf_slice(&plain)));
        cmaw_buf_reset(&opened);
        assert_int_equal(cmaw_cms_open(own_key, cmaw_buf_slice(&envelope), &opened), CMAW_E_AUTH);
        assert_int_equal(opened.size, 0);
    }
}

static void published_envelopes_without_a_key_parse(void **state)
{
    (void)state;
    VECTORS_OR_SKIP();
    static const struct {
        const char *name, *id_start, *id_end, *iv;
        size_t content_size;
    } cases[] = {
        {"sdkc-1", "7087b55d", "7a3d2eb1", "688c6d5f7f31b0fecedf09f2e7c99ac9", 48},
        {"sdkc-2", "4e61df69", "86e6967a", "e66c1172aee0f2f7be34e3afc6b0e4fe", 16},
    };
    for (size_t i = 0; i < 2; i++) {
        CMAW_BUF_AUTO(envelope, 8192);
        CMAW_BUF_AUTO(content, 8192);
        CMAW_BUF_AUTO(want, 100);
        struct cmaw_cms_parts parts;
        load(cases[i].name, ".ber", &envelope);
        assert_int_equal(cmaw_cms_parse(cmaw_buf_slice(&envelope), &parts, &content), CMAW_OK);
        assert_int_equal(content.size, cases[i].content_size);
        vectors_unhex(cases[i].id_start, &want);
        vectors_unhex(cases[i].id_end, &want);
        vectors_unhex(cases[i].iv, &want);
        assert_memory_equal(want.data, parts.id.data, 4);
        assert_memory_equal(want.data + 4, parts.id.data + 28, 4);
        assert_memory_equal(want.data + 8, parts.iv.data, 16);
        CMAW_BUF_AUTO(opened, 8192);
        assert_int_equal(cmaw_cms_open(own_key, cmaw_buf_slice(&envelope), &opened), CMAW_E_AUTH);
    }
}

static void what_is_made_opens(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 15, 16, 32, 999, 1000, 4096};
    static const enum cmaw_cms_form forms[] = {CMAW_CMS_SEGMENTED, CMAW_CMS_PRIMITIVE};
    static uint8_t text[4097];
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (size_t k = 0; k < 2; k++) {
            CMAW_BUF_AUTO(envelope, 8192);
            CMAW_BUF_AUTO(opened, 8192);
            const struct cmaw_slice content = cmaw_slice_of(text, sizes[i]);
            assert_int_equal(cmaw_cms_make(own_key, forms[k], content, &envelope), CMAW_OK);
            assert_int_equal(cmaw_cms_open(own_key, cmaw_buf_slice(&envelope), &opened), CMAW_OK);
            assert_true(cmaw_slice_eq(cmaw_buf_slice(&opened), content));
        }
    }
    CMAW_BUF_AUTO(none, 8192);
    assert_int_equal(cmaw_cms_make(own_key, CMAW_CMS_PRIMITIVE, CMAW_SLICE_ARRAY(text), &none), CMAW_E_TOO_LARGE);
}

/* The sizes of facts/KMS.md section 2.3, which are those of the published envelopes. */
static void what_is_made_has_the_published_sizes(void **state)
{
    (void)state;
    static uint8_t text[4096];
    static const struct {
        enum cmaw_cms_form form;
        size_t content, envelope;
    } cases[] = {{CMAW_CMS_SEGMENTED, 32, 493},   {CMAW_CMS_SEGMENTED, 999, 1457}, {CMAW_CMS_SEGMENTED, 4096, 4573},
                 {CMAW_CMS_PRIMITIVE, 32, 489}, {CMAW_CMS_PRIMITIVE, 1215, 1659}, {CMAW_CMS_PRIMITIVE, 0, 457}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CMAW_BUF_AUTO(envelope, 8192);
        assert_int_equal(cmaw_cms_make(own_key, cases[i].form, cmaw_slice_of(text, cases[i].content), &envelope), CMAW_OK);
        assert_int_equal(envelope.size, cases[i].envelope);
    }
}

/* Everything but the IV and all but the last two blocks of the content decides whether it opens; no flip opens to the
 * content. */
static void no_flipped_byte_gives_the_content(void **state)
{
    (void)state;
    enum { IV_AT = 415, CONTENT_AT = 435 };
    static const enum cmaw_cms_form forms[] = {CMAW_CMS_SEGMENTED, CMAW_CMS_PRIMITIVE};
    static const uint8_t key[32] = {1, 2, 3};
    for (size_t k = 0; k < 2; k++) {
        CMAW_BUF_AUTO(envelope, 8192);
        assert_int_equal(cmaw_cms_make(own_key, forms[k], CMAW_SLICE_ARRAY(key), &envelope), CMAW_OK);
        for (size_t i = 0; i < envelope.size; i++) {
            CMAW_BUF_AUTO(opened, 8192);
            envelope.data[i] ^= 1;
            const enum cmaw_err err = cmaw_cms_open(own_key, cmaw_buf_slice(&envelope), &opened);
            envelope.data[i] ^= 1;
            assert_true(err == CMAW_E_AUTH || err == CMAW_OK);
            assert_false(cmaw_slice_eq(cmaw_buf_slice(&opened), CMAW_SLICE_ARRAY(key)));
            if (i < IV_AT || i >= envelope.size - 10) {
                assert_int_equal(err, CMAW_E_AUTH);
            }
        }
    }
}

static void only_the_whole_envelope_opens(void **state)
{
    (void)state;
    static const uint8_t key[32] = {1, 2, 3};
    CMAW_BUF_AUTO(envelope, 8192);
    CMAW_BUF_AUTO(opened, 8192);
    CMAW_SECRET_AUTO(secret);
    CMAW_SECRET_AUTO(none);
    assert_int_equal(cmaw_cms_make(own_key, CMAW_CMS_SEGMENTED, CMAW_SLICE_ARRAY(key), &envelope), CMAW_OK);
    for (size_t size = 0; size < envelope.size; size++) {
        assert_int_equal(cmaw_cms_open(own_key, cmaw_slice_of(envelope.data, size), &opened), CMAW_E_AUTH);
    }
    assert_int_equal(cmaw_cms_open_secret(own_key, cmaw_buf_slice(&envelope), 32, &secret), CMAW_OK);
    assert_true(cmaw_slice_eq(cmaw_secret_slice(&secret), CMAW_SLICE_ARRAY(key)));
    assert_int_equal(cmaw_cms_open_secret(own_key, cmaw_buf_slice(&envelope), 31, &none), CMAW_E_AUTH);
    cmaw_buf_put_u8(&envelope, 0);
    assert_int_equal(cmaw_cms_open(own_key, cmaw_buf_slice(&envelope), &opened), CMAW_E_AUTH);
    static const uint8_t huge[CMAW_CMS_SIZE_MAX + 1];
    assert_int_equal(cmaw_cms_open(own_key, CMAW_SLICE_ARRAY(huge), &opened), CMAW_E_AUTH);
}

static void contents_are_read_strictly(void **state)
{
    (void)state;
    static const struct { /* what follows the IV: bytes, zeros, bytes, zeros */
        const char *first;
        size_t zeros;
        const char *second;
        size_t more_zeros;
        enum cmaw_err want;
    } cases[] = {
        {"8010", 16, "", 8, CMAW_OK},
        {"a0800410", 16, "", 2 + 8, CMAW_OK},
        {"a0800408", 8, "0408", 8 + 2 + 8, CMAW_OK},
        {"8000", 0, "", 8, CMAW_E_AUTH},              /* empty */
        {"a080", 0, "", 2 + 8, CMAW_E_AUTH},          /* no segment */
        {"a0800400", 0, "", 2 + 8, CMAW_E_AUTH},      /* an empty segment */
        {"a0800410", 16, "0400", 2 + 8, CMAW_E_AUTH}, /* and at the end */
        {"800f", 15, "", 8, CMAW_E_AUTH},             /* not whole blocks */
        {"a080040f", 15, "", 2 + 8, CMAW_E_AUTH},
        {"808110", 16, "", 8, CMAW_E_AUTH},           /* a length that is not the shortest */
        {"a080048110", 16, "", 2 + 8, CMAW_E_AUTH},
        {"8010", 16, "", 7, CMAW_E_AUTH},             /* ends missing, and too many */
        {"8010", 16, "", 9, CMAW_E_AUTH},
        {"a0800410", 16, "", 8, CMAW_E_AUTH},
        {"8011", 16, "", 8, CMAW_E_AUTH},             /* lengths that reach out */
        {"80820fff", 16, "", 8, CMAW_E_AUTH},
        {"8080", 16, "", 2 + 8, CMAW_E_AUTH},         /* a mixture of the forms */
        {"a0120410", 16, "", 8, CMAW_OK},             /* as DER would have it */
        {"a014040a", 10, "0406", 6 + 8, CMAW_OK},
        {"a0120410", 16, "", 9, CMAW_E_AUTH},
        {"a0110410", 16, "", 8, CMAW_E_AUTH},         /* a segment that reaches out */
        {"a0130410", 16, "", 8, CMAW_E_AUTH},
        {"a0140410", 16, "0000", 8, CMAW_E_AUTH},     /* an end that only indefinite lengths have */
        {"a000", 0, "", 8, CMAW_E_AUTH},
        {"a0140410", 16, "0400", 8, CMAW_E_AUTH},
        {"a08024120410", 16, "", 2 + 8, CMAW_E_AUTH}, /* segments of segments */
        {"a08024800410", 16, "", 2 + 2 + 8, CMAW_E_AUTH},
        {"24800410", 16, "", 2 + 8, CMAW_E_AUTH},
    };
    static const uint8_t zeros[32];
    CMAW_BUF_AUTO(envelope, 8192);
    assert_int_equal(cmaw_cms_make(own_key, CMAW_CMS_PRIMITIVE, CMAW_SLICE_LIT("x"), &envelope), CMAW_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CMAW_BUF_AUTO(made, 8192);
        CMAW_BUF_AUTO(content, 8192);
        struct cmaw_cms_parts parts;
        cmaw_buf_put(&made, cmaw_slice_of(envelope.data, 431));
        vectors_unhex(cases[i].first, &made);
        cmaw_buf_put(&made, cmaw_slice_of(zeros, cases[i].zeros));
        vectors_unhex(cases[i].second, &made);
        cmaw_buf_put(&made, cmaw_slice_of(zeros, cases[i].more_zeros));
        if (cmaw_cms_parse(cmaw_buf_slice(&made), &parts, &content) != cases[i].want) {
            fail_msg("case %zu: %s", i, cases[i].first);
        }
    }
}

/* The constructed elements around the parts, from the inside; each bit of definite says how one of them is written. */
enum { SEGMENTS = 1, CONTENT_INFO = 2, RECIPIENT = 4, RECIPIENTS = 8, DATA = 16, EXPLICIT = 32, INFO = 64, ALL = 127 };

static void put_element(struct cmaw_buf *out, uint8_t tag, bool definite, struct cmaw_slice content)
{
    cmaw_buf_put_u8(out, tag);
    if (!definite) {
        cmaw_buf_put_u8(out, 0x80);
    } else if (content.size < 0x80) {
        cmaw_buf_put_u8(out, (uint8_t)content.size);
    } else if (content.size < 0x100) {
        cmaw_buf_put_u16be(out, (uint16_t)(0x8100 + content.size));
    } else {
        cmaw_buf_put_u8(out, 0x82);
        cmaw_buf_put_u16be(out, (uint16_t)content.size);
    }
    cmaw_buf_put(out, content);
    cmaw_buf_put(out, definite ? CMAW_SLICE_EMPTY : CMAW_SLICE_LIT("\0\0"));
}

static void put_recipient(struct cmaw_buf *out, unsigned definite, const char *version, const struct cmaw_cms_parts *parts)
{
    CMAW_BUF_AUTO(recipient, 1024);
    cmaw_buf_put(&recipient, cmaw_slice_of(version, 3));
    put_element(&recipient, 0x80, true, parts->id);
    cmaw_buf_put(&recipient, CMAW_SLICE_LIT(CMAW_CMS_OAEP));
    put_element(&recipient, 0x04, true, parts->wrapped);
    put_element(out, 0x30, (definite & RECIPIENT) != 0, cmaw_buf_slice(&recipient));
}

/* recipients: how often the recipient is there. */
static void rewrite(const struct cmaw_cms_parts *parts, struct cmaw_slice content, unsigned definite, size_t recipients, struct cmaw_buf *out)
{
    CMAW_BUF_AUTO(segments, 1024);
    CMAW_BUF_AUTO(inner, 1024);
    CMAW_BUF_AUTO(set, 2048);
    CMAW_BUF_AUTO(data, 4096);
    CMAW_BUF_AUTO(explicit, 4096);
    CMAW_BUF_AUTO(info, 4096);
    put_element(&segments, 0x04, true, cmaw_slice_of(content.data, 5));
    put_element(&segments, 0x04, true, cmaw_slice_of(content.data + 5, content.size - 5));
    cmaw_buf_put(&inner, CMAW_SLICE_LIT(CMAW_CMS_OID_DATA));
    cmaw_buf_put(&inner, CMAW_SLICE_LIT(CMAW_CMS_AES));
    cmaw_buf_put(&inner, parts->iv);
    put_element(&inner, 0xa0, (definite & SEGMENTS) != 0, cmaw_buf_slice(&segments));
    for (size_t i = 0; i < recipients; i++) {
        put_recipient(&set, definite, CMAW_CMS_VERSION_2, parts);
    }
    cmaw_buf_put(&data, CMAW_SLICE_LIT(CMAW_CMS_VERSION_2));
    put_element(&data, 0x31, (definite & RECIPIENTS) != 0, cmaw_buf_slice(&set));
    put_element(&data, 0x30, (definite & CONTENT_INFO) != 0, cmaw_buf_slice(&inner));
    put_element(&explicit, 0x30, (definite & DATA) != 0, cmaw_buf_slice(&data));
    cmaw_buf_put(&info, CMAW_SLICE_LIT(CMAW_CMS_OID_ENVELOPED));
    put_element(&info, 0xa0, (definite & EXPLICIT) != 0, cmaw_buf_slice(&explicit));
    put_element(out, 0x30, (definite & INFO) != 0, cmaw_buf_slice(&info));
}

static void lengths_may_be_definite_or_not(void **state)
{
    (void)state;
    static const uint8_t key[32] = {1, 2, 3};
    struct cmaw_cms_parts parts;
    CMAW_BUF_AUTO(made, 8192);
    CMAW_BUF_AUTO(content, 8192);
    assert_int_equal(cmaw_cms_make(own_key, CMAW_CMS_PRIMITIVE, CMAW_SLICE_ARRAY(key), &made), CMAW_OK);
    assert_int_equal(cmaw_cms_parse(cmaw_buf_slice(&made), &parts, &content), CMAW_OK);
    for (unsigned definite = 0; definite <= ALL; definite++) {
        for (size_t recipients = 0; recipients <= 2; recipients++) {
            CMAW_BUF_AUTO(envelope, 8192);
            CMAW_BUF_AUTO(opened, 8192);
            rewrite(&parts, cmaw_buf_slice(&content), definite, recipients, &envelope);
            assert_int_equal(cmaw_cms_open(own_key, cmaw_buf_slice(&envelope), &opened), recipients == 1 ? CMAW_OK : CMAW_E_AUTH);
            for (size_t size = 0; size < envelope.size && recipients == 1; size++) {
                CMAW_BUF_AUTO(none, 8192);
                assert_int_equal(cmaw_cms_parse(cmaw_slice_of(envelope.data, size), &parts, &none), CMAW_E_AUTH);
            }
        }
    }
}

/* CMS_decrypt would make up a key for a bad one, and now and then find good padding behind it. */
static void made_up_wrapped_keys_never_open(void **state)
{
    (void)state;
    enum { WRAPPED_AT = 131 };
    CMAW_BUF_AUTO(envelope, 8192);
    CMAW_BUF_AUTO(opened, 8192);
    assert_int_equal(cmaw_cms_make(own_key, CMAW_CMS_PRIMITIVE, CMAW_SLICE_LIT("x"), &envelope), CMAW_OK);
    for (int i = 0; i < 2000; i++) {
        assert_int_equal(cmaw_random(envelope.data + WRAPPED_AT, CMAW_CMS_WRAPPED_SIZE), CMAW_OK);
        assert_int_equal(cmaw_cms_open(own_key, cmaw_buf_slice(&envelope), &opened), CMAW_E_AUTH);
        assert_int_equal(opened.size, 0);
    }
}

static void rsa_keys_are_read_strictly(void **state)
{
    (void)state;
    CMAW_BUF_AUTO(spki, 512);
    CMAW_BUF_AUTO(wrapped, 512);
    CMAW_RSA_KEY_AUTO(again);
    CMAW_RSA_KEY_AUTO(none);
    CMAW_SECRET_AUTO(secret);
    CMAW_SECRET_AUTO(no_secret);
    cmaw_rsa_put_spki(own_key, &spki);
    assert_int_equal(spki.size, CMAW_RSA_SPKI_SIZE);
    assert_int_equal(cmaw_rsa_from_spki(cmaw_buf_slice(&spki), &again), CMAW_OK);
    assert_int_equal(cmaw_rsa_oaep_encrypt(again, CMAW_SLICE_LIT("key"), &wrapped), CMAW_OK);
    assert_int_equal(cmaw_rsa_oaep_decrypt(own_key, cmaw_buf_slice(&wrapped), 3, &secret), CMAW_OK);
    assert_int_equal(cmaw_rsa_oaep_decrypt(own_key, cmaw_buf_slice(&wrapped), 4, &no_secret), CMAW_E_AUTH);
    assert_int_equal(cmaw_rsa_oaep_decrypt(own_key, cmaw_slice_of(wrapped.data, 255), 3, &no_secret), CMAW_E_AUTH);
    for (size_t i = 0; i < 33; i++) {
        spki.data[i] ^= 1;
        assert_int_equal(cmaw_rsa_from_spki(cmaw_buf_slice(&spki), &none), CMAW_E_AUTH);
        spki.data[i] ^= 1;
    }
    assert_int_equal(cmaw_rsa_from_spki(cmaw_slice_of(spki.data, spki.size - 1), &none), CMAW_E_AUTH);
    spki.data[spki.size - 1] = 3; /* another exponent */
    assert_int_equal(cmaw_rsa_from_spki(cmaw_buf_slice(&spki), &none), CMAW_E_AUTH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_envelopes_open),
        cmocka_unit_test(published_envelopes_without_a_key_parse),
        cmocka_unit_test(what_is_made_opens),
        cmocka_unit_test(what_is_made_has_the_published_sizes),
        cmocka_unit_test(no_flipped_byte_gives_the_content),
        cmocka_unit_test(only_the_whole_envelope_opens),
        cmocka_unit_test(contents_are_read_strictly),
        cmocka_unit_test(lengths_may_be_definite_or_not),
        cmocka_unit_test(made_up_wrapped_keys_never_open),
        cmocka_unit_test(rsa_keys_are_read_strictly),
    };
    return cmocka_run_group_tests(tests, make_key, free_key);
}
