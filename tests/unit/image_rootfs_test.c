/* The parts of cmaw-image that read what others made: bounds, and the tree that all of it goes into. tests/peer has whole images. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* after the standard headers it needs */
#include <cmocka.h>

#include "gzip_make.h"
#include "image/layers.h"

enum { MIB = 1 << 20 };

/* One plain header of tar, as long as it is right for the format. */
static void put_header(struct cmaw_buf *tar, const char *name, size_t size)
{
    char block[512] = {0};
    unsigned sum = 0;
    (void)snprintf(block, 100, "%s", name);
    (void)snprintf(block + 100, 8, "%07o", 0644);
    (void)snprintf(block + 124, 12, "%011zo", size);
    block[156] = '0';
    (void)snprintf(block + 257, 8, "ustar");
    memset(block + 148, ' ', 8);
    for (size_t i = 0; i < sizeof block; i++) {
        sum += (unsigned char)block[i];
    }
    (void)snprintf(block + 148, 8, "%06o", sum);
    cmaw_buf_put(tar, CMAW_SLICE_ARRAY(block));
}

static enum cmaw_err read_bytes(struct cmaw_slice archive, uint64_t plain_max, size_t bytes_max, struct cmaw_diag *diag)
{
    static struct image_rootfs rootfs;
    const struct image_rootfs_request request = {"x.tar", NULL, false};
    *diag = (struct cmaw_diag){0};
    cmaw_image_rootfs_init(&rootfs, bytes_max);
    const enum cmaw_err err = cmaw_image_rootfs_read_bytes(&request, archive, plain_max, &rootfs, diag);
    cmaw_image_rootfs_free(&rootfs);
    return err;
}

/* 1 MiB of zeros in one file, packed to a few KiB. */
static void a_bomb_ends_at_its_bound(void **state)
{
    (void)state;
    struct cmaw_diag diag;
    CMAW_BUF_AUTO(tar, 4 * MIB);
    CMAW_BUF_AUTO(packed, 2 * MIB);
    put_header(&tar, "zeros", MIB);
    memset(cmaw_buf_extend(&tar, MIB), 0, MIB);
    gzip_make(&packed, cmaw_buf_slice(&tar));
    assert_true(packed.size < 16384);
    assert_int_equal(read_bytes(cmaw_buf_slice(&packed), 2 * MIB, 2 * MIB, &diag), CMAW_OK);
    assert_int_equal(read_bytes(cmaw_buf_slice(&packed), MIB, 2 * MIB, &diag), CMAW_E_TOO_LARGE);
    assert_string_equal(diag.text, "x.tar: zeros: more than 1048576 bytes when unpacked");
    assert_int_equal(read_bytes(cmaw_buf_slice(&packed), 2 * MIB, MIB - 1, &diag), CMAW_E_TOO_LARGE);
    assert_string_equal(diag.text, "x.tar: zeros: 1048576 bytes are too many: 0 of 1048575 are taken");
}

/* The same layer twice: each fits, both together do not. */
static void layers_share_one_bound(void **state)
{
    (void)state;
    struct cmaw_diag diag = {0};
    static struct image_rootfs rootfs;
    static struct image_tree blobs;
    static struct image_layers layers = {.count = 2};
    CMAW_BUF_AUTO(tar, 2 * MIB);
    put_header(&tar, "zeros", MIB);
    memset(cmaw_buf_extend(&tar, MIB), 0, MIB);
    for (size_t i = 0; i < layers.count; i++) {
        (void)snprintf(layers.list[i].path, sizeof layers.list[i].path, "layer");
        cmaw_sha256(cmaw_buf_slice(&tar), layers.list[i].plain);
    }
    const uint64_t size = tar.size;
    const struct image_store store = {&blobs, -1};
    cmaw_tree_init(&blobs, 2 * MIB);
    assert_int_equal(cmaw_tree_put_file(&blobs, "layer", 0644, &tar, &diag), CMAW_OK);
    cmaw_image_rootfs_init(&rootfs, 2 * MIB);
    assert_int_equal(cmaw_image_layers_apply(&store, &layers, 2 * size, &rootfs, &diag), CMAW_OK);
    assert_int_equal(cmaw_image_layers_apply(&store, &layers, 2 * size - 1, &rootfs, &diag), CMAW_E_TOO_LARGE);
    cmaw_image_rootfs_free(&rootfs);
    cmaw_tree_free(&blobs);
}

static void a_tree_takes_no_more_than_it_may(void **state)
{
    (void)state;
    static struct image_tree tree;
    struct cmaw_diag diag = {0};
    struct cmaw_buf content = CMAW_BUF(100);
    cmaw_tree_init(&tree, 10);
    cmaw_buf_put_cstr(&content, "123456");
    assert_int_equal(cmaw_tree_put_file(&tree, "a", 0644, &content, &diag), CMAW_OK);
    assert_int_equal(cmaw_tree_put_copy(&tree, "b", "a", &diag), CMAW_E_TOO_LARGE);
    assert_int_equal(cmaw_tree_put_link(&tree, "b", CMAW_SLICE_LIT("12345"), &diag), CMAW_E_TOO_LARGE);
    content = CMAW_BUF(100);
    cmaw_buf_put_cstr(&content, "12345");
    assert_int_equal(cmaw_tree_put_file(&tree, "b", 0644, &content, &diag), CMAW_E_TOO_LARGE);
    assert_string_equal(diag.text, "b: 5 bytes are too many: 6 of 10 are taken");
    assert_int_equal(cmaw_tree_put_link(&tree, "a", CMAW_SLICE_LIT("1234567890"), &diag), CMAW_OK); /* in its place */
    assert_int_equal(tree.bytes, 10);
    cmaw_tree_free(&tree);
}

static void put_text(struct image_tree *tree, const char *path, const char *text)
{
    struct cmaw_diag diag = {0};
    struct cmaw_buf content = CMAW_BUF(100);
    cmaw_buf_put_cstr(&content, text);
    if (cmaw_tree_put_file(tree, path, 0644, &content, &diag) != CMAW_OK) {
        fail_msg("%s", diag.text);
    }
}

static const char *text_at(const struct image_tree *tree, const char *path)
{
    static char text[100];
    const struct image_node *node = cmaw_tree_find(tree, path);
    if (node == NULL) {
        return "nothing";
    }
    assert_int_equal(cmaw_slice_to_cstr(cmaw_buf_slice(&node->content), text, sizeof text), CMAW_OK);
    return node->kind == IMAGE_FILE ? text : "no file";
}

static void a_later_layer_hides_earlier_ones_only(void **state)
{
    (void)state;
    static struct image_tree tree;
    struct cmaw_diag diag = {0};
    cmaw_tree_init(&tree, MIB);
    put_text(&tree, "a/old", "1");
    put_text(&tree, "a/kept", "2");
    put_text(&tree, "b", "3");
    tree.layer++;
    put_text(&tree, "a/new", "4");
    assert_int_equal(cmaw_tree_put_copy(&tree, "a/twin", "a/kept", &diag), CMAW_OK);
    assert_int_equal(cmaw_tree_hide(&tree, "a", false, &diag), CMAW_OK);
    assert_int_equal(cmaw_tree_hide(&tree, "b", false, &diag), CMAW_OK);
    assert_int_equal(cmaw_tree_hide(&tree, "no/such", false, &diag), CMAW_OK);
    assert_string_equal(text_at(&tree, "a/old"), "nothing");
    assert_string_equal(text_at(&tree, "b"), "nothing");
    assert_string_equal(text_at(&tree, "a/new"), "4");
    assert_string_equal(text_at(&tree, "a/twin"), "2");
    assert_int_equal(tree.bytes, 3); /* new, twin, and kept, which this layer has named as its like */
    cmaw_tree_free(&tree);
    assert_int_equal(tree.entries, 0);
    assert_int_equal(tree.bytes, 0);
}

static void links_stay_inside(void **state)
{
    (void)state;
    static struct image_tree tree;
    struct cmaw_diag diag = {0};
    cmaw_tree_init(&tree, MIB);
    put_text(&tree, "etc/passwd", "inside");
    assert_int_equal(cmaw_tree_put_link(&tree, "out", CMAW_SLICE_LIT("../../../../etc"), &diag), CMAW_OK);
    assert_int_equal(cmaw_tree_put_link(&tree, "etc/up", CMAW_SLICE_LIT("/../etc/./passwd"), &diag), CMAW_OK);
    assert_int_equal(cmaw_tree_put_link(&tree, "round", CMAW_SLICE_LIT("round/x"), &diag), CMAW_OK);
    assert_string_equal(text_at(&tree, "out/passwd"), "inside");
    assert_string_equal(text_at(&tree, "/out/up"), "inside");
    assert_string_equal(text_at(&tree, "round"), "nothing");
    put_text(&tree, "out/added", "also inside");
    assert_string_equal(text_at(&tree, "etc/added"), "also inside");
    assert_int_equal(cmaw_tree_put_folder(&tree, "out", &diag), CMAW_OK); /* the link itself is replaced */
    assert_string_equal(text_at(&tree, "out/passwd"), "nothing");
    cmaw_tree_free(&tree);
}

static void hiding_without_end_ends(void **state)
{
    (void)state;
    static struct image_tree tree;
    struct cmaw_diag diag = {0};
    enum cmaw_err err = CMAW_OK;
    char name[16];
    cmaw_tree_init(&tree, MIB);
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(name, sizeof name, "d/%d", i);
        assert_int_equal(cmaw_tree_put_folder(&tree, name, &diag), CMAW_OK);
    }
    for (size_t i = 0; err == CMAW_OK && i <= IMAGE_TREE_WORK_MAX / 1000; i++) {
        err = cmaw_tree_hide(&tree, "x", true, &diag);
    }
    assert_int_equal(err, CMAW_E_TOO_LARGE);
    cmaw_tree_free(&tree);
}

/* A second name and a sparse file take few bytes of an archive for many of the tree, and may take the place of the one before again and again. */
static void replacing_without_end_ends(void **state)
{
    (void)state;
    static struct image_tree tree;
    struct cmaw_diag diag = {0};
    cmaw_tree_init(&tree, 100);
    put_text(&tree, "a", "12345");
    tree.written = IMAGE_TREE_WRITTEN_MAX - 10; /* as if it had been put in that often */
    assert_int_equal(cmaw_tree_put_copy(&tree, "b", "a", &diag), CMAW_OK);
    assert_int_equal(cmaw_tree_put_copy(&tree, "b", "a", &diag), CMAW_OK);
    assert_int_equal(cmaw_tree_put_copy(&tree, "b", "a", &diag), CMAW_E_TOO_LARGE);
    assert_string_equal(diag.text, "b: too much is put in the place of what was there before");
    assert_int_equal(cmaw_tree_admit(&tree, "sparse", 1, &diag), CMAW_E_TOO_LARGE);
    cmaw_tree_free(&tree);
}

static void an_environment_has_each_name_once(void **state)
{
    (void)state;
    struct image_words env = {0};
    static const char *const entries[] = {"A=1", "AB=2", "A=3", "C=", "AB=x=y"};
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        assert_int_equal(cmaw_image_words_set(&env, cmaw_slice_of_cstr(entries[i])), CMAW_OK);
    }
    assert_int_equal(env.count, 3);
    assert_string_equal(cmaw_image_words_get(&env, "A"), "3");
    assert_string_equal(cmaw_image_words_get(&env, "AB"), "x=y");
    assert_string_equal(cmaw_image_words_get(&env, "C"), "");
    assert_null(cmaw_image_words_get(&env, "B"));
    static const char *const bad[] = {"", "=", "=x", "A", "A=\n", "B=\xff"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(cmaw_image_words_set(&env, cmaw_slice_of_cstr(bad[i])), CMAW_E_MALFORMED);
    }
    cmaw_image_words_free(&env);
    assert_int_equal(env.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bomb_ends_at_its_bound),
        cmocka_unit_test(layers_share_one_bound),
        cmocka_unit_test(a_tree_takes_no_more_than_it_may),
        cmocka_unit_test(a_later_layer_hides_earlier_ones_only),
        cmocka_unit_test(links_stay_inside),
        cmocka_unit_test(hiding_without_end_ends),
        cmocka_unit_test(replacing_without_end_ends),
        cmocka_unit_test(an_environment_has_each_name_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
