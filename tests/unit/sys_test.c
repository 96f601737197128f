#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "sys/file.h"
#include "sys/pid.h"
#include "sys/yaml.h"

static void a_process_is_named_by_pid_and_start(void **state)
{
    (void)state;
    uint64_t ticks = 0;
    assert_int_equal(cmaw_pid_started(getpid(), &ticks), CMAW_OK);
    CMAW_FD_AUTO(pidfd);
    assert_int_equal(cmaw_pid_open(getpid(), ticks + 1, &pidfd), CMAW_E_NOT_FOUND);
    assert_int_equal(cmaw_pid_open(0, ticks, &pidfd), CMAW_E_NOT_FOUND);
    assert_int_equal(cmaw_pid_open(getpid(), ticks, &pidfd), CMAW_OK);
    assert_int_equal(cmaw_pid_signal(pidfd, 0), CMAW_OK);
}

static void put(const char *path, mode_t mode)
{
    CMAW_FD_AUTO(fd);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    assert_int_equal(write(fd, "theirs", 6), 6);
}

static void check_content(const char *path, const char *content)
{
    struct cmaw_diag diag = {0};
    CMAW_BUF_AUTO(found, 100);
    assert_int_equal(cmaw_file_read(path, &found, &diag), CMAW_OK);
    assert_true(cmaw_slice_eq_cstr(cmaw_buf_slice(&found), content));
}

/* Somebody who knows the name of the file in the making puts there one that is open already, another name of a file, or a link to one. */
static void a_written_file_is_nobody_else_s(void **state)
{
    (void)state;
    char folder[] = "/tmp/cmaw-sys-XXXXXX", path[CMAW_PATH_MAX], other[CMAW_PATH_MAX], temporary[CMAW_PATH_MAX];
    struct cmaw_diag diag = {0};
    struct stat info;
    assert_non_null(mkdtemp(folder));
    assert_true(cmaw_path(path, "%s/secret", folder) == CMAW_OK && cmaw_path(other, "%s/other", folder) == CMAW_OK &&
                cmaw_path(temporary, "%s.%d.tmp", path, getpid()) == CMAW_OK);
    put(other, 0644);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(i == 0 ? link(other, temporary) : symlink(other, temporary), 0);
        assert_int_equal(cmaw_file_write(path, CMAW_SLICE_LIT("ours"), 0600, &diag), CMAW_OK);
        check_content(other, "theirs");
        check_content(path, "ours");
        assert_int_equal(stat(path, &info), 0);
        assert_int_equal(info.st_mode & 0777, 0600);
        assert_int_equal(access(temporary, F_OK), -1);
    }
    assert_int_equal(unlink(path) | unlink(other) | rmdir(folder), 0);
}

static void what_is_no_file_is_not_replaced(void **state)
{
    (void)state;
    char folder[] = "/tmp/cmaw-sys-XXXXXX", path[CMAW_PATH_MAX], got[8] = "";
    struct cmaw_diag diag = {0};
    struct stat info;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(cmaw_path(path, "%s/pipe", folder), CMAW_OK);
    assert_int_equal(mkfifo(path, 0600), 0);
    const int reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_int_equal(cmaw_file_write(path, CMAW_SLICE_LIT("ours"), 0600, &diag), CMAW_OK);
    assert_int_equal(read(reader, got, sizeof got), 4);
    assert_string_equal(got, "ours");
    assert_true(stat(path, &info) == 0 && S_ISFIFO(info.st_mode));
    assert_int_equal(close(reader) | unlink(path), 0);
    assert_int_equal(symlink("/dev/full", path), 0); /* by a link, so that a failing test leaves the device alone */
    assert_int_equal(cmaw_file_write(path, CMAW_SLICE_LIT("ours"), 0600, &diag), CMAW_E_NO_SPACE);
    assert_int_equal(unlink(path) | rmdir(folder), 0);
}

struct entry {
    char *name;
    uint32_t size;
};
struct document {
    uint32_t version;
    struct entry *entries;
    unsigned entries_count;
};
static const cyaml_schema_field_t entry_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct entry, name, 1, 8),
    CYAML_FIELD_UINT("size", CYAML_FLAG_OPTIONAL, struct entry, size),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t entry_schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct entry, entry_fields)};
static const cyaml_schema_field_t document_fields[] = {
    CYAML_FIELD_UINT("version", CYAML_FLAG_DEFAULT, struct document, version),
    CYAML_FIELD_SEQUENCE("entries", CYAML_FLAG_POINTER, struct document, entries, &entry_schema, 0, 4),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t document_schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct document, document_fields)};

static void yaml_faults_name_the_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"version: 1\nentries:\n- name: a\n  sise: 4\n", "f:4: Unexpected key: sise"},
        {"version: one\n", "f:1: "},
        {"version: 1\nentries: [{name: a, size: 4]\n", "f:2: libyaml: "},
        {"version: 1\nversion: 1\n", "already seen"},
        {"version: 1\nentries: &a []\nentries: *a\n", "f:"},
        {"version: 1\n", "Missing required mapping field: entries"},
        {"version: 1\nentries:\n- name: waytoolonganame\n", "f:3: "},
        {"", "f:1: the file is empty"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cmaw_diag diag = {0};
        void *data = NULL;
        assert_int_equal(cmaw_yaml_parse("f", cmaw_slice_of_cstr(cases[i].text), &document_schema, &data, &diag), CMAW_E_MALFORMED);
        if (strstr(diag.text, cases[i].says) == NULL) {
            fail_msg("case %zu: %s", i, diag.text);
        }
    }
}

static void good_yaml_loads(void **state)
{
    (void)state;
    struct cmaw_diag diag = {0};
    void *data = NULL;
    const struct cmaw_slice text = CMAW_SLICE_LIT("version: 1\nentries: [{name: a, size: 7}]\n");
    assert_int_equal(cmaw_yaml_parse("f", text, &document_schema, &data, &diag), CMAW_OK);
    const struct document *document = data;
    assert_int_equal(document->entries[0].size, 7);
    cmaw_yaml_free(&document_schema, data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_is_named_by_pid_and_start),
        cmocka_unit_test(a_written_file_is_nobody_else_s),
        cmocka_unit_test(what_is_no_file_is_not_replaced),
        cmocka_unit_test(yaml_faults_name_the_line),
        cmocka_unit_test(good_yaml_loads),
    };
    return cmocka_run_group_tests_name("sys", tests, NULL, NULL);
}
