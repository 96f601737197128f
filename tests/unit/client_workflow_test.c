#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/proof/proof.h"
#include "client/run/duration.h"
#include "client/stack/stack.h"
#include "client/yaml/workflow.h"
#include "sys/file.h"

static const char good[] = "version: 1\n"
                           "name: claim\n"
                           "steps:\n"
                           "  - {name: intake, role: intake}\n"
                           "  - {name: adjudicate, role: adjudicate, timeout_s: 7, max_attempts: 2}\n"
                           "edges:\n"
                           "  - {name: letter, from: client, to: intake, size_class: 3}\n"
                           "  - {name: claim, from: intake, to: adjudicate}\n"
                           "  - {name: decision, from: adjudicate, to: client}\n";

static const struct cmaw_manifest manifest = {
    .role_count = 2,
    .roles = {{.id = 3, .name = {(const uint8_t *)"intake", 6}}, {.id = 9, .name = {(const uint8_t *)"adjudicate", 10}}},
};

/* Writes text with one change and makes a plan of it. */
static enum cmaw_err plan_of(const char *from, const char *to, struct cmaw_buf *plan, struct cmaw_diag *diag)
{
    char path[] = "/tmp/cmaw-workflow-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    const char *at = strstr(good, from);
    assert_non_null(at);
    CMAW_BUF_AUTO(text, 4096);
    cmaw_buf_put(&text, cmaw_slice_of(good, (size_t)(at - good)));
    cmaw_buf_put_cstr(&text, to);
    cmaw_buf_put_cstr(&text, at + strlen(from));
    assert_int_equal(cmaw_fd_write(fd, cmaw_buf_slice(&text)), CMAW_OK);
    (void)close(fd);
    const enum cmaw_err err = cmaw_workflow_plan(path, &manifest, plan, diag);
    (void)unlink(path);
    return err;
}

static void names_become_numbers(void **state)
{
    (void)state;
    struct cmaw_diag diag = {0};
    CMAW_BUF_AUTO(bytes, CMAW_PLAN_MAX);
    assert_int_equal(plan_of("claim", "claim", &bytes, &diag), CMAW_OK);
    struct cmaw_plan *plan = calloc(1, sizeof *plan);
    assert_non_null(plan);
    assert_int_equal(cmaw_plan_parse(cmaw_buf_slice(&bytes), &manifest, plan), CMAW_OK);
    assert_int_equal(plan->steps[0].role, 3);
    assert_int_equal(plan->steps[1].role, 9);
    assert_int_equal(plan->steps[1].timeout_s, 7);
    assert_true(plan->steps[0].timeout_s > 0 && plan->steps[0].max_attempts > 0);
    assert_int_equal(plan->edges[0].from, 0);
    assert_int_equal(plan->edges[0].size_class, 3);
    assert_int_equal(plan->edges[1].to, 2);
    assert_int_equal(plan->edges[2].to, 0);
    free(plan);
}

static void faults_are_named_with_their_line(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *says;
    } cases[] = {
        {"role: adjudicate", "role: judge", ":5: step adjudicate: the deployment has no role judge"},
        {"from: client", "from: nobody", ":7: edge letter: there is no step nobody"},
        {"to: client", "to: nobody", ":9: edge decision: there is no step nobody"},
        {"size_class: 3", "size_klass: 3", ":7: Unexpected key: size_klass"},
        {"version: 1", "version: 2", ":1: version 2"},
        {"version: 1", "version: x", ":1: "},
        {"size_class: 3", "size_class: 8", "not a valid workflow"},
        {"timeout_s: 7", "timeout_s: 86401", "not a valid workflow"},
        {"from: intake, to: adjudicate", "from: adjudicate, to: intake", "not a valid workflow"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cmaw_diag diag = {0};
        CMAW_BUF_AUTO(bytes, CMAW_PLAN_MAX);
        assert_int_not_equal(plan_of(cases[i].from, cases[i].to, &bytes, &diag), CMAW_OK);
        if (strstr(diag.text, cases[i].says) == NULL) {
            fail_msg("case %zu: %s", i, diag.text);
        }
    }
}

static void durations_have_units(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t ms;
    } cases[] = {{"1ms", 1}, {"30s", 30000}, {"5m", 300000}, {"24h", 86400000}, {"7d", 604800000}, {"12", 12000}, {"0", 0}};
    struct cmaw_diag diag = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t ms = 99;
        assert_int_equal(cmaw_duration_parse(cases[i].text, "x", &ms, &diag), CMAW_OK);
        assert_int_equal(ms, cases[i].ms);
    }
    static const char *const bad[] = {"", "s", "-1s", "1.5h", "1 s", "1w", "9999999999s", "007s"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint64_t ms = 99;
        assert_int_equal(cmaw_duration_parse(bad[i], "x", &ms, &diag), CMAW_E_USAGE);
    }
}

static void differences_are_shown(void **state)
{
    (void)state;
    static const struct {
        const char *before, *after, *lines;
    } cases[] = {
        {"{\"a\":1}", "{\"a\":1}", ""},
        {"{\"a\":1,\"b\":[1]}", "{\"a\":2,\"b\":[1,2],\"c\":{}}", "~ a: 1 -> 2\n+ b[1]: 2\n+ c: {}\n"},
        {"{\"a\":1,\"b\":2}", "{\"b\":2}", "- a\n"},
        {"{\"a\":1,\"b\":2}", "{\"kept\":{\"a\":1,\"b\":3},\"new\":4}", "~ kept.b: 2 -> 3\n+ new: 4\n"},
        {"[1]", "{}", "~ (all): [1] -> {}\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CMAW_JSON_AUTO(before);
        CMAW_JSON_AUTO(after);
        struct cmaw_diag diag = {0};
        assert_int_equal(cmaw_json_parse("b", cmaw_slice_of_cstr(cases[i].before), &before, &diag), CMAW_OK);
        assert_int_equal(cmaw_json_parse("a", cmaw_slice_of_cstr(cases[i].after), &after, &diag), CMAW_OK);
        CMAW_BUF_AUTO(lines, 4096);
        (void)cmaw_json_diff(before, after, 10, &lines);
        cmaw_buf_put_u8(&lines, 0);
        assert_string_equal((const char *)lines.data, cases[i].lines);
    }
}

static void a_stack_survives_its_file(void **state)
{
    (void)state;
    char folder[] = "/tmp/cmaw-stack-XXXXXX";
    assert_non_null(mkdtemp(folder));
    struct cmaw_diag diag = {0};
    CMAW_STACK_AUTO(stack);
    assert_int_equal(cmaw_stack_load(folder, &stack, &diag), CMAW_E_NOT_FOUND);
    assert_non_null(strstr(diag.hint, "cmaw up"));
    char path[CMAW_PATH_MAX];
    assert_int_equal(cmaw_path(path, "%s/stack.yaml", folder), CMAW_OK);
    assert_int_equal(cmaw_file_write(path, CMAW_SLICE_LIT("version: 1\nname: t\ntenant: t\naccount: \"111122223333\"\nregion: eu-central-1\n"
                                                          "namespace: default\nvalidity_days: 2\nports: {devd: 1}\n"
                                                          "roles: [{id: 4, name: intake, image: sub/i.yaml}]\n"), 0600, &diag), CMAW_OK);
    assert_int_equal(cmaw_stack_from_yaml(path, folder, &stack, &diag), CMAW_OK);
    assert_int_equal(cmaw_stack_choose_ports(stack, &diag), CMAW_OK);
    assert_int_equal(stack->ports[CMAW_PORT_DEVD], 1);
    assert_int_not_equal(stack->ports[CMAW_PORT_UI], 0);
    assert_int_not_equal(stack->ports[CMAW_PORT_UI], stack->ports[CMAW_PORT_TEMPORAL]);
    stack->process_count = 1;
    stack->processes[0] = (struct cmaw_stack_process){.name = "devd", .state = CMAW_PROCESS_READY, .pid = 12, .started = 34, .restarts = 5};
    assert_int_equal(cmaw_stack_save(stack, &diag), CMAW_OK);
    CMAW_STACK_AUTO(loaded);
    assert_int_equal(cmaw_stack_load(folder, &loaded, &diag), CMAW_OK);
    assert_int_equal(loaded->roles[0].id, 4);
    assert_int_equal(loaded->processes[0].restarts, 5);
    assert_int_equal(loaded->ports[CMAW_PORT_UI], stack->ports[CMAW_PORT_UI]);
    char image[CMAW_PATH_MAX];
    assert_int_equal(cmaw_path(image, "%s/sub/i.yaml", folder), CMAW_OK);
    assert_string_equal(loaded->roles[0].image, image);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(cmaw_path(path, "%s/stack.json", folder), CMAW_OK);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_become_numbers),  cmocka_unit_test(faults_are_named_with_their_line), cmocka_unit_test(durations_have_units),
        cmocka_unit_test(differences_are_shown), cmocka_unit_test(a_stack_survives_its_file),
    };
    return cmocka_run_group_tests_name("client_workflow", tests, NULL, NULL);
}
