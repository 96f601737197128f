#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
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
        cmocka_unit_test(yaml_faults_name_the_line),
        cmocka_unit_test(good_yaml_loads),
    };
    return cmocka_run_group_tests_name("sys", tests, NULL, NULL);
}
