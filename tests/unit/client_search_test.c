#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "client/proof/finds.h"
#include "client/proof/terms.h"
#include "lib/base/text.h"

struct hits {
    size_t count;
    uint32_t tags[64];
    uint64_t offsets[64];
};

static void keep_hit(void *context, const struct cmaw_hit *hit)
{
    struct hits *hits = context;
    if (hits->count < 64) {
        hits->tags[hits->count] = hit->tag;
        hits->offsets[hits->count] = hit->offset;
    }
    hits->count++;
}

/* Feeds bytes in pieces of the given size. */
static struct hits search(struct cmaw_matcher *matcher, struct cmaw_slice bytes, size_t piece)
{
    struct hits hits = {0};
    struct cmaw_scan scan;
    assert_int_equal(cmaw_scan_begin(matcher, keep_hit, &hits, &scan), CMAW_OK);
    for (size_t at = 0; at < bytes.size; at += piece) {
        const size_t size = bytes.size - at < piece ? bytes.size - at : piece;
        assert_int_equal(cmaw_scan_bytes(&scan, cmaw_slice_sub(bytes, at, size)), CMAW_OK);
    }
    assert_int_equal(cmaw_scan_end(&scan), CMAW_OK);
    assert_int_equal(scan.size, bytes.size);
    return hits;
}

static void patterns_are_found_wherever_the_pieces_end(void **state)
{
    (void)state;
    CMAW_MATCHER_AUTO(matcher);
    assert_int_equal(cmaw_matcher_new(&matcher), CMAW_OK);
    assert_int_equal(cmaw_matcher_add(matcher, CMAW_SLICE_LIT("anchor"), 1, false), CMAW_OK);
    assert_int_equal(cmaw_matcher_add(matcher, CMAW_SLICE_LIT("ancho"), 2, false), CMAW_OK);
    assert_int_equal(cmaw_matcher_add(matcher, CMAW_SLICE_LIT("chorus"), 3, false), CMAW_OK);
    const struct cmaw_slice text = CMAW_SLICE_LIT("anchor..anchorus chorus anch");
    for (size_t piece = 1; piece <= text.size; piece++) {
        const struct hits hits = search(matcher, text, piece);
        assert_int_equal(hits.count, 6);
        assert_int_equal(hits.offsets[0], 0);
        assert_int_equal(hits.offsets[2], 8);
        assert_int_equal(hits.tags[4], 3);
        assert_int_equal(hits.offsets[4], 10);
        assert_int_equal(hits.offsets[5], 17);
    }
}

static void numbers_inside_longer_ones_do_not_count(void **state)
{
    (void)state;
    CMAW_MATCHER_AUTO(matcher);
    assert_int_equal(cmaw_matcher_new(&matcher), CMAW_OK);
    assert_int_equal(cmaw_matcher_add(matcher, CMAW_SLICE_LIT("12345"), 0, true), CMAW_OK);
    assert_int_equal(search(matcher, CMAW_SLICE_LIT("3f123459"), 3).count, 0);
    assert_int_equal(search(matcher, CMAW_SLICE_LIT("1234567"), 3).count, 0);
    assert_int_equal(search(matcher, CMAW_SLICE_LIT("x12345"), 3).count, 1);
    assert_int_equal(search(matcher, CMAW_SLICE_LIT("12345"), 1).count, 1);
    assert_int_equal(search(matcher, CMAW_SLICE_LIT("\"12345\","), 1).count, 1);
    assert_int_equal(search(matcher, CMAW_SLICE_LIT("212345a,"), 1).count, 1);
}

static bool has_term(const struct cmaw_terms *terms, const char *text, bool allowed)
{
    for (size_t i = 0; i < cmaw_terms_count(terms); i++) {
        if (cmaw_slice_eq_cstr(cmaw_terms_at(terms, i)->text, text)) {
            return cmaw_terms_at(terms, i)->allowed == allowed;
        }
    }
    return false;
}

static void a_text_gives_words_numbers_and_identifiers(void **state)
{
    (void)state;
    CMAW_TERMS_AUTO(terms);
    assert_int_equal(cmaw_terms_new(&terms), CMAW_OK);
    assert_int_equal(cmaw_terms_add(terms, cmaw_slice_of_cstr("Frau J\xc3\xbcrgens\xe2\x80\x94 paid 1,250.00 on 2026-03-14 from DE44 5001 0517 5407; "
                                                              "policy HX7719K, state of 4711, 12400 or 12,401, hospital hospital")),
                     CMAW_OK);
    const struct cmaw_slice allow[] = {CMAW_SLICE_LIT("StateHeader\nsomething")};
    assert_int_equal(cmaw_terms_close(terms, allow, 1), CMAW_OK);
    assert_true(has_term(terms, "J\xc3\xbcrgens", false));
    assert_true(has_term(terms, "1,250.00", false));
    assert_true(has_term(terms, "2026-03-14", false));
    assert_true(has_term(terms, "44 5001 0517 5407", false));
    assert_true(has_term(terms, "HX7719K", false));
    assert_true(has_term(terms, "hospital", false));
    assert_true(has_term(terms, "state", true));
    assert_false(has_term(terms, "4711", false));
    assert_false(has_term(terms, "12400", false)); /* a process id, a port */
    assert_true(has_term(terms, "12,401", false));
    assert_false(has_term(terms, "Frau", false));
    assert_int_equal(cmaw_terms_count(terms), 9);
}

/* Every encoding of the text at each alignment is found; the text's own terms are the only secret there. */
/* Base64 without line ends, a long number, a sentence in a script without spaces. */
static void of_what_is_very_long_the_start_is_found(void **state)
{
    (void)state;
    static const char *const units[] = {"Qx", "a", "73", "a1", "\xe7\x97\x85"};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        CMAW_BUF_AUTO(text, 1024);
        CMAW_TERMS_AUTO(terms);
        CMAW_MATCHER_AUTO(matcher);
        while (text.size <= 3 * CMAW_TERM_MAX) {
            cmaw_buf_put_cstr(&text, units[i]);
        }
        assert_int_equal(cmaw_terms_new(&terms), CMAW_OK);
        assert_int_equal(cmaw_terms_add(terms, cmaw_buf_slice(&text)), CMAW_OK);
        assert_int_equal(cmaw_terms_close(terms, NULL, 0), CMAW_OK);
        assert_int_equal(cmaw_terms_count(terms), 1);
        const struct cmaw_slice start = cmaw_terms_at(terms, 0)->text;
        assert_true(start.size > CMAW_TERM_MAX - 4 && start.size <= CMAW_TERM_MAX && cmaw_utf8_valid(start));
        assert_int_equal(cmaw_matcher_new(&matcher), CMAW_OK);
        assert_int_equal(cmaw_terms_patterns(terms, matcher), CMAW_OK);
        assert_int_not_equal(search(matcher, cmaw_buf_slice(&text), 100).count, 0);
    }
}

static void every_form_is_found(void **state)
{
    (void)state;
    CMAW_TERMS_AUTO(terms);
    CMAW_MATCHER_AUTO(matcher);
    assert_int_equal(cmaw_terms_new(&terms), CMAW_OK);
    assert_int_equal(cmaw_matcher_new(&matcher), CMAW_OK);
    assert_int_equal(cmaw_terms_add(terms, CMAW_SLICE_LIT("Z\xc3\xbcrich? 987654")), CMAW_OK);
    assert_int_equal(cmaw_terms_close(terms, NULL, 0), CMAW_OK);
    assert_int_equal(cmaw_terms_patterns(terms, matcher), CMAW_OK);
    for (size_t shift = 0; shift < 3; shift++) {
        CMAW_BUF_AUTO(plain, 100);
        cmaw_buf_put(&plain, cmaw_slice_of("xyz", shift));
        cmaw_buf_put_cstr(&plain, "Z\xc3\xbcrich--987654--");
        CMAW_BUF_AUTO(coded, 400);
        cmaw_buf_put_base64(&coded, cmaw_buf_slice(&plain));
        const struct hits hits = search(matcher, cmaw_buf_slice(&coded), 7);
        assert_int_equal(hits.count, 2);
        assert_int_equal(hits.tags[0] % CMAW_FORM_COUNT, CMAW_FORM_BASE64);
        cmaw_buf_reset(&coded);
        cmaw_buf_put_hex(&coded, cmaw_buf_slice(&plain));
        assert_int_equal(search(matcher, cmaw_buf_slice(&coded), 7).count, 2);
    }
    assert_int_equal(search(matcher, CMAW_SLICE_LIT("Z\0\xfc\0r\0i\0c\0h\0"), 7).count, 1);
    assert_int_equal(search(matcher, CMAW_SLICE_LIT("\0Z\0\xfc\0r\0i\0c\0h"), 7).count, 1);
    assert_int_equal(search(matcher, CMAW_SLICE_LIT("nothing of the kind 98765"), 7).count, 0);
}

/* Written by other means: Python's base64.b32encode, urllib.parse.quote and quote_plus, JavaScript's encodeURI and encodeURIComponent. */
static void base32_and_url_forms_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *term, *text;
        enum cmaw_term_form form;
    } table[] = {
        {"Vogel", "x KZXWOZLM y", CMAW_FORM_BASE32},           /* b32encode(b"Vogel") */
        {"Vogel", "MFLG6Z3FNQ======", CMAW_FORM_BASE32},       /* b"aVogel" */
        {"Vogel", "MFRFM33HMVWA====", CMAW_FORM_BASE32},       /* b"abVogel" */
        {"Vogel", "MFRGGVTPM5SWY===", CMAW_FORM_BASE32},       /* b"abcVogel" */
        {"Vogel", "MFRGGZCWN5TWK3A=", CMAW_FORM_BASE32},       /* b"abcdVogel" */
        {"Vogel", "mfrggzcwn5twk3a", CMAW_FORM_BASE32},
        {"Vogel", "%56%6F%67%65%6C", CMAW_FORM_URL},
        {"Vogel", "%56%6f%67%65%6c", CMAW_FORM_URL},
        {"Z\xc3\xbcrich", "city=Z%C3%BCrich&", CMAW_FORM_URL},
        {"Z\xc3\xbcrich", "city=Z%c3%bcrich&", CMAW_FORM_URL},
        {"12,400", "sum=12%2C400", CMAW_FORM_URL},
        {"5001 0517 5407", "iban=5001%200517%205407", CMAW_FORM_URL},
        {"5001 0517 5407", "iban=5001+0517+5407", CMAW_FORM_URL},
        {"secret (one)!", "q=secret%20(one)!", CMAW_FORM_URL}, /* encodeURIComponent */
        {"secret (one)!", "q=secret+%28one%29%21", CMAW_FORM_URL},
        {"a/b?c=1 2", "a/b?c=1%202", CMAW_FORM_URL}, /* encodeURI */
        {"a/b?c=1 2", "a%2fb%3fc%3d1+2", CMAW_FORM_URL},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        CMAW_TERMS_AUTO(terms);
        CMAW_MATCHER_AUTO(matcher);
        size_t count;
        struct cmaw_diag diag = {0};
        assert_int_equal(cmaw_terms_new(&terms), CMAW_OK);
        assert_int_equal(cmaw_matcher_new(&matcher), CMAW_OK);
        assert_int_equal(cmaw_terms_add_forbidden(terms, "list", cmaw_slice_of_cstr(table[i].term), &count, &diag), CMAW_OK);
        assert_int_equal(cmaw_terms_close(terms, NULL, 0), CMAW_OK);
        assert_int_equal(cmaw_terms_patterns(terms, matcher), CMAW_OK);
        const struct hits hits = search(matcher, cmaw_slice_of_cstr(table[i].text), 3);
        if (hits.count != 1 || hits.tags[0] % CMAW_FORM_COUNT != table[i].form) {
            fail_msg("%s in %s: %zu hits", table[i].term, table[i].text, hits.count);
        }
        assert_int_equal(search(matcher, cmaw_slice_of_cstr(table[i].term), 3).count, 1);
    }
}

static void forbidden_terms_are_lines(void **state)
{
    (void)state;
    CMAW_TERMS_AUTO(terms);
    size_t count = 0;
    struct cmaw_diag diag = {0};
    assert_int_equal(cmaw_terms_new(&terms), CMAW_OK);
    assert_int_equal(cmaw_terms_add_forbidden(terms, "list", CMAW_SLICE_LIT("project Nightingale \r\n\n  state\nstate\n12345"), &count, &diag), CMAW_OK);
    assert_int_equal(count, 4);
    assert_int_equal(cmaw_terms_add(terms, CMAW_SLICE_LIT("state")), CMAW_OK);
    const struct cmaw_slice allow[] = {CMAW_SLICE_LIT("state")};
    assert_int_equal(cmaw_terms_close(terms, allow, 1), CMAW_OK);
    assert_int_equal(cmaw_terms_count(terms), 3);
    assert_true(has_term(terms, "project Nightingale", false));
    assert_true(has_term(terms, "state", false)); /* the owner's word goes before the list */
    assert_true(has_term(terms, "12345", false));
    static const char *const refused[] = {"good term\nabcd\n", "\xff\xff\xff\xff\xff"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        CMAW_TERMS_AUTO(other);
        assert_int_equal(cmaw_terms_new(&other), CMAW_OK);
        assert_int_equal(cmaw_terms_add_forbidden(other, "list", cmaw_slice_of_cstr(refused[i]), &count, &diag), CMAW_E_MALFORMED);
        assert_non_null(strstr(diag.text, i == 0 ? "list, line 2" : "list, line 1"));
    }
    char longest[CMAW_FORBIDDEN_MAX + 2];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    CMAW_TERMS_AUTO(long_one);
    assert_int_equal(cmaw_terms_new(&long_one), CMAW_OK);
    assert_int_equal(cmaw_terms_add_forbidden(long_one, "list", cmaw_slice_of_cstr(longest), &count, &diag), CMAW_E_MALFORMED);
    assert_int_equal(cmaw_terms_add_forbidden(long_one, "list", cmaw_slice_of(longest, CMAW_FORBIDDEN_MAX), &count, &diag), CMAW_OK);
    assert_int_equal(cmaw_terms_close(long_one, NULL, 0), CMAW_OK);
    CMAW_MATCHER_AUTO(matcher);
    assert_int_equal(cmaw_matcher_new(&matcher), CMAW_OK);
    assert_int_equal(cmaw_terms_patterns(long_one, matcher), CMAW_OK);
}

struct explaining {
    struct cmaw_finds *finds;
    const char *program; /* NULL: hits are finds */
};

static void find_or_explain(void *context, const struct cmaw_hit *hit)
{
    struct explaining *explaining = context;
    if (explaining->program == NULL) {
        cmaw_finds_add(explaining->finds, hit, 0, hit->tag == 0);
    } else {
        cmaw_finds_explain(explaining->finds, hit, explaining->program);
    }
}

static void scan_all(struct cmaw_matcher *matcher, struct explaining *explaining, struct cmaw_slice text)
{
    struct cmaw_scan scan;
    assert_int_equal(cmaw_scan_begin(matcher, find_or_explain, explaining, &scan), CMAW_OK);
    assert_int_equal(cmaw_scan_bytes(&scan, text), CMAW_OK);
    assert_int_equal(cmaw_scan_end(&scan), CMAW_OK);
}

/* Pattern 0 is a word as it stands, pattern 1 something that no program can explain. */
static void only_a_program_s_own_text_explains_a_find(void **state)
{
    (void)state;
    static const char program[] = "\1workflow task not found\1componentstatus\1the kitchen of \1not 443322 found\0as.found\0";
    static const struct {
        const char *log;
        bool explained;
    } table[] = {
        {"error: workflow task not found, id 7", true},
        {"error: task not found", true},
        {"task found", false},                   /* only the word is in the program */
        {"her ring was found in the kitchen", false},
        {"not found", false},                    /* too little of the program's text */
        {"found", false},
        {"{\"found\":1}", true},                 /* the name of a field */
        {" found=1", true},
        {"{\"lost\":\"found\"}", false},         /* a value */
        {"{\"foundling\":1}", false},            /* a name that the program does not have */
        {" refound=1", false},
        {"lost, found=1", true},
        {"found:1", false},
        {"workflow task not 443322 found", false},
        {"op=as.found result=ok", true}, /* a whole text of the program */
        {"op=found result=ok", false},   /* the end of one */
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        CMAW_MATCHER_AUTO(matcher);
        CMAW_FINDS_AUTO(finds);
        assert_int_equal(cmaw_matcher_new(&matcher), CMAW_OK);
        assert_int_equal(cmaw_finds_new(&finds), CMAW_OK);
        assert_int_equal(cmaw_matcher_add(matcher, CMAW_SLICE_LIT("found"), 0, false), CMAW_OK);
        assert_int_equal(cmaw_matcher_add(matcher, CMAW_SLICE_LIT("443322"), 1, false), CMAW_OK);
        struct explaining explaining = {.finds = finds};
        scan_all(matcher, &explaining, cmaw_slice_of_cstr(table[i].log));
        assert_true(cmaw_finds_count(finds) > 0);
        explaining.program = "program";
        scan_all(matcher, &explaining, CMAW_SLICE_ARRAY(program));
        bool explained = true;
        for (size_t j = 0; j < cmaw_finds_count(finds); j++) {
            explained = explained && cmaw_finds_at(finds, j)->program != NULL;
        }
        if (explained != table[i].explained) {
            fail_msg("%s: explained %d", table[i].log, explained);
        }
    }
}

static void equal_finds_are_one_and_too_many_are_counted(void **state)
{
    (void)state;
    CMAW_FINDS_AUTO(finds);
    assert_int_equal(cmaw_finds_new(&finds), CMAW_OK);
    char text[16];
    const size_t more = 7;
    for (size_t i = 0; i < CMAW_FINDS_MAX + more; i++) {
        (void)snprintf(text, sizeof text, "%zu", i);
        const struct cmaw_hit hit = {.tag = 3, .offset = i, .before = cmaw_slice_of_cstr(text), .after = CMAW_SLICE_LIT("x")};
        cmaw_finds_add(finds, &hit, 1, true);
        if (i < CMAW_FINDS_MAX) {
            cmaw_finds_add(finds, &hit, 1, true);
        }
    }
    assert_int_equal(cmaw_finds_count(finds), CMAW_FINDS_MAX);
    assert_int_equal(cmaw_finds_at(finds, 5)->count, 2);
    assert_int_equal(cmaw_finds_lost(finds), more);
    assert_true(cmaw_finds_open(finds));
}

static void the_built_in_list_is_there(void **state)
{
    (void)state;
    assert_true(cmaw_allow_words().size > 10);
    assert_non_null(memmem(cmaw_allow_words().data, cmaw_allow_words().size, "workflow", 8));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_are_found_wherever_the_pieces_end),
        cmocka_unit_test(numbers_inside_longer_ones_do_not_count),
        cmocka_unit_test(a_text_gives_words_numbers_and_identifiers),
        cmocka_unit_test(of_what_is_very_long_the_start_is_found),
        cmocka_unit_test(every_form_is_found),
        cmocka_unit_test(base32_and_url_forms_are_found),
        cmocka_unit_test(forbidden_terms_are_lines),
        cmocka_unit_test(only_a_program_s_own_text_explains_a_find),
        cmocka_unit_test(equal_finds_are_one_and_too_many_are_counted),
        cmocka_unit_test(the_built_in_list_is_there),
    };
    return cmocka_run_group_tests_name("client_search", tests, NULL, NULL);
}
