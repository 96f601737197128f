#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
/* after the standard headers it needs */
#include <cmocka.h>

#include "sys/cpio.h"
#include "sys/gzip.h"
#include "tests/unit/gzip_make.h"

enum { ARCHIVE_MAX = 1 << 20, HEADER_SIZE = 110 };

static struct cmaw_cpio_entry entry_of(const char *name, uint32_t mode, const char *content)
{
    struct cmaw_cpio_entry entry = {.mode = mode, .content = cmaw_slice_of_cstr(content)};
    (void)snprintf(entry.name, sizeof entry.name, "%s", name);
    return entry;
}

/* The fields of a header one by one, so that each can be wrong. */
struct raw {
    const char *magic;
    uint32_t mode, links, size, name_size;
    const char *name, *content;
};

static void put_raw(struct cmaw_buf *buf, struct raw raw)
{
    const uint32_t name_size = raw.name_size > 0 ? raw.name_size : (uint32_t)strlen(raw.name) + 1;
    cmaw_buf_printf(buf, "%s%08x%08X%08x%08x%08X%08x%08X%08x%08x%08x%08x%08X%08x", raw.magic == NULL ? "070701" : raw.magic, 1, raw.mode, 0,
                    0, raw.links, 0, raw.size, 0, 0, 0, 0, name_size, 0);
    cmaw_buf_put(buf, cmaw_slice_of(raw.name, strlen(raw.name) + 1));
    while (buf->size % 4 != 0) {
        cmaw_buf_put_u8(buf, 0);
    }
    cmaw_buf_put_cstr(buf, raw.content == NULL ? "" : raw.content);
    while (buf->size % 4 != 0) {
        cmaw_buf_put_u8(buf, 0);
    }
}

static enum cmaw_err read_all(struct cmaw_slice archive, size_t *ret_count)
{
    struct cmaw_cpio cpio = cmaw_cpio_of(archive);
    struct cmaw_cpio_entry entry;
    *ret_count = 0;
    for (bool more = true; more;) {
        CMAW_TRY(cmaw_cpio_next(&cpio, &more, &entry));
        *ret_count += more;
    }
    return CMAW_OK;
}

static enum cmaw_err read_one_raw(struct raw raw)
{
    CMAW_BUF_AUTO(buf, ARCHIVE_MAX);
    size_t count;
    put_raw(&buf, raw);
    return read_all(cmaw_buf_slice(&buf), &count);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    const struct cmaw_cpio_entry entries[] = {entry_of("etc", S_IFDIR | 0755, ""), entry_of("etc/a.conf", S_IFREG | 0644, "12345"),
                                              entry_of("init", S_IFREG | 0755, ""), entry_of("bin", S_IFLNK | 0777, "usr/bin")};
    CMAW_BUF_AUTO(buf, ARCHIVE_MAX);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(cmaw_cpio_put(&buf, &entries[i], i + 1), CMAW_OK);
    }
    assert_int_equal(cmaw_cpio_put_end(&buf), CMAW_OK);
    assert_int_equal(buf.size % 512, 0);
    assert_int_equal(cmaw_cpio_put_end(&buf), CMAW_OK); /* a second, empty archive */
    struct cmaw_cpio cpio = cmaw_cpio_of(cmaw_buf_slice(&buf));
    struct cmaw_cpio_entry entry;
    bool more = false;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(cmaw_cpio_next(&cpio, &more, &entry), CMAW_OK);
        assert_true(more);
        assert_string_equal(entry.name, entries[i].name);
        assert_int_equal(entry.mode, entries[i].mode);
        assert_true(cmaw_slice_eq(entry.content, entries[i].content));
    }
    assert_int_equal(cmaw_cpio_next(&cpio, &more, &entry), CMAW_OK);
    assert_false(more);
}

static void names_that_could_leave_the_root_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"..", "../x", "a/../x", "a/..", "//x", "a//b", "a/", "./../x", "/../x", "././x", "a/./b", "/"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(read_one_raw((struct raw){.mode = S_IFREG | 0644, .links = 1, .name = bad[i]}), CMAW_E_MALFORMED);
        CMAW_BUF_AUTO(buf, ARCHIVE_MAX);
        const struct cmaw_cpio_entry entry = entry_of(bad[i], S_IFREG | 0644, "");
        assert_int_equal(cmaw_cpio_put(&buf, &entry, 1), CMAW_E_MALFORMED);
    }
    static const char *const good[] = {"x", "./x", "/x", "..x", "a/..b", "a/b..", "..."};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(read_one_raw((struct raw){.mode = S_IFREG | 0644, .links = 1, .name = good[i]}), CMAW_OK);
    }
    assert_int_equal(read_one_raw((struct raw){.mode = S_IFDIR | 0755, .links = 2, .name = "."}), CMAW_OK);
}

static void malformed_headers_are_refused(void **state)
{
    (void)state;
    const struct raw good = {.mode = S_IFREG | 0644, .links = 1, .size = 4, .name = "x", .content = "1234"};
    assert_int_equal(read_one_raw(good), CMAW_OK);
    struct raw bad[12];
    for (size_t i = 0; i < 12; i++) {
        bad[i] = good;
    }
    bad[0].magic = "070702";
    bad[1].magic = "070707";
    bad[2].size = 5;
    bad[3].size = UINT32_MAX;
    bad[4].links = 2;
    bad[5].mode = 0644;
    bad[6].mode = S_IFDIR | 0755;
    bad[7].mode = S_IFREG | 0644 | 0x10000;
    bad[8].name_size = 1;
    bad[9].name_size = UINT32_MAX;
    bad[10].mode = S_IFLNK | 0777, bad[10].size = 0, bad[10].content = "";
    bad[11].name = "TRAILER!!!";
    for (size_t i = 0; i < 12; i++) {
        assert_int_not_equal(read_one_raw(bad[i]), CMAW_OK);
    }
    assert_int_equal(read_one_raw(bad[9]), CMAW_E_TOO_LARGE);
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    CMAW_BUF_AUTO(buf, ARCHIVE_MAX);
    put_raw(&buf, (struct raw){.mode = S_IFREG | 0644, .links = 1, .size = 5, .name = "etc/file", .content = "hello"});
    size_t count;
    for (size_t size = 1; size < buf.size; size++) {
        assert_int_not_equal(read_all(cmaw_slice_of(buf.data, size), &count), CMAW_OK);
    }
    assert_int_equal(read_all(cmaw_buf_slice(&buf), &count), CMAW_OK);
    assert_int_equal(count, 1);
    for (size_t at = 0; at < HEADER_SIZE; at++) {
        const uint8_t kept = buf.data[at];
        buf.data[at] = 'g';
        assert_int_not_equal(read_all(cmaw_buf_slice(&buf), &count), CMAW_OK);
        buf.data[at] = kept;
    }
}

static void gzip_is_read_strictly_and_bounded(void **state)
{
    (void)state;
    CMAW_BUF_AUTO(plain, ARCHIVE_MAX);
    for (uint32_t i = 0; i < 50000; i++) {
        cmaw_buf_put_u32be(&plain, i * 2654435761u >> 12);
    }
    CMAW_BUF_AUTO(one, ARCHIVE_MAX);
    gzip_make(&one, cmaw_buf_slice(&plain));
    assert_true(cmaw_gzip_is(cmaw_buf_slice(&one)));
    CMAW_BUF_AUTO(back, ARCHIVE_MAX);
    assert_int_equal(cmaw_gzip_read(cmaw_buf_slice(&one), &back), CMAW_OK);
    assert_true(cmaw_slice_eq(cmaw_buf_slice(&back), cmaw_buf_slice(&plain)));
    CMAW_BUF_AUTO(small, 199999);
    assert_int_equal(cmaw_gzip_read(cmaw_buf_slice(&one), &small), CMAW_E_TOO_LARGE);
    cmaw_buf_reset(&back);
    assert_int_equal(cmaw_gzip_read(cmaw_slice_of(one.data, one.size - 1), &back), CMAW_E_MALFORMED);
    cmaw_buf_reset(&back);
    gzip_make(&one, CMAW_SLICE_LIT("and a second member"));
    assert_int_equal(cmaw_gzip_read(cmaw_buf_slice(&one), &back), CMAW_OK);
    assert_int_equal(back.size, plain.size + 19);
    cmaw_buf_put_u8(&one, 0);
    assert_int_equal(cmaw_gzip_read(cmaw_buf_slice(&one), &back), CMAW_E_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(names_that_could_leave_the_root_are_refused),
        cmocka_unit_test(malformed_headers_are_refused),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(gzip_is_read_strictly_and_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
