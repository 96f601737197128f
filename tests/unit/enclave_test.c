/* The pieces of the enclave that need no platform: settings, agents' input and output, budgets, the clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "enclave/agent/io.h"
#include "enclave/budget.h"
#include "enclave/clock.h"
#include "enclave/conf.h"
#include "lib/pb/pb.h"

#define ROOT "641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b"
#define HEAD "agent.arg.0=/bin/intake\nagent.content_type=application/json\nagent.cpu_s=10\nagent.io=raw\n"
#define LIMITS "agent.memory_mib=64\nagent.open_files=32\nagent.output_kib=1792\nagent.processes=8\nagent.tmp_kib=0\n"
#define TAIL "attestation.root=" ROOT "\ndebug=0\nkms.host=kms.cmaw.test\nversion=1\n"

static enum cmaw_err parse_conf(const char *text, struct cmaw_conf *ret_conf)
{
    return cmaw_conf_parse(cmaw_slice_of_cstr(text), ret_conf);
}

static void settings_are_read(void **state)
{
    (void)state;
    static struct cmaw_conf conf;
    assert_int_equal(parse_conf(HEAD "agent.arg.1=a=b c\nagent.env.0=LANG=C\n" LIMITS TAIL, &conf), CMAW_OK);
    assert_string_equal(conf.agent_args[0], "/bin/intake");
    assert_string_equal(conf.agent_args[1], "a=b c");
    assert_null(conf.agent_args[2]);
    assert_string_equal(conf.agent_env[0], "LANG=C");
    assert_string_equal(conf.agent_workdir, "/");
    assert_string_equal(conf.content_type, "application/json");
    assert_string_equal(conf.kms_host, "kms.cmaw.test");
    assert_int_equal(conf.limits.memory_mib, 64);
    assert_int_equal(conf.limits.output_kib, 1792);
    assert_int_equal(conf.limits.tmp_kib, 0);
    assert_int_equal(conf.attestation_root[0], 0x64);
    assert_false(conf.agent_proto);
    assert_false(conf.debug);
}

/* One of kms.host and kms.fips says where KMS is. */
static void the_kms_endpoint_is_a_setting(void **state)
{
    (void)state;
    static struct cmaw_conf conf;
#define PLATFORM HEAD LIMITS "attestation.root=" ROOT "\ndebug=0\nversion=1\n"
    assert_int_equal(parse_conf(PLATFORM "kms.fips=0\n", &conf), CMAW_OK);
    assert_null(conf.kms_host);
    assert_false(conf.kms_fips);
    assert_int_equal(conf.kms_deadline_s, CMAW_CONF_KMS_DEADLINE_S);
    assert_int_equal(parse_conf(PLATFORM "kms.fips=1\nkms.deadline_s=3\n", &conf), CMAW_OK);
    assert_true(conf.kms_fips);
    assert_int_equal(conf.kms_deadline_s, 3);
    static const char *const bad[] = {PLATFORM, PLATFORM "kms.fips=0\nkms.host=a\n", PLATFORM "kms.fips=2\n", PLATFORM "kms.fips=0\nkms.fips=0\n",
                                      PLATFORM "kms.fips=0\nkms.deadline_s=0\n", PLATFORM "kms.fips=0\nkms.deadline_s=26\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_not_equal(parse_conf(bad[i], &conf), CMAW_OK);
    }
}

static void lines_may_be_sorted_as_text(void **state)
{
    (void)state;
    static struct cmaw_conf conf;
    CMAW_BUF_AUTO(text, CMAW_CONF_MAX);
    cmaw_buf_put_cstr(&text, "agent.arg.0=/a\nagent.arg.1=1\nagent.arg.10=10\n");
    for (int i = 2; i < 10; i++) {
        cmaw_buf_printf(&text, "agent.arg.%d=%d\n", i, i);
    }
    cmaw_buf_put_cstr(&text, "agent.content_type=\nagent.cpu_s=1\nagent.io=proto\n" LIMITS TAIL);
    assert_int_equal(cmaw_conf_parse(cmaw_buf_slice(&text), &conf), CMAW_OK);
    assert_string_equal(conf.agent_args[10], "10");
    assert_true(conf.agent_proto);
    assert_int_equal(parse_conf(HEAD LIMITS TAIL "agent.workdir=/srv/app\n", &conf), CMAW_OK);
    assert_string_equal(conf.agent_workdir, "/srv/app");
}

static void wrong_settings_are_refused(void **state)
{
    (void)state;
    static struct cmaw_conf conf;
    static const char *const cases[] = {
        "", "\n", "version=1\n", HEAD LIMITS, HEAD LIMITS TAIL "x=y\n", HEAD LIMITS TAIL "version=1\n",
        HEAD LIMITS TAIL "agent.cpu_s=1\n", HEAD LIMITS TAIL "agent.arg.0=/x\n", HEAD LIMITS TAIL "agent.arg.2=gap\n",
        HEAD LIMITS TAIL "agent.arg.64=far\n", HEAD LIMITS TAIL "agent.arg.01=x\n", HEAD LIMITS TAIL "agent.arg.=x\n",
        HEAD LIMITS TAIL "agent.workdir=\n", HEAD LIMITS TAIL "agent.workdir=app\n", HEAD LIMITS TAIL "agent.workdir=/a\nagent.workdir=/a\n",
        HEAD LIMITS TAIL "agent.env.0=NOEQUALS\n", HEAD LIMITS TAIL "agent.env.0==x\n",
        HEAD LIMITS TAIL "agent.env.0=CMAW_SEED=0\n", HEAD LIMITS TAIL "no equals\n", HEAD LIMITS TAIL "a\x7f=b\n",
        HEAD LIMITS TAIL " \n", HEAD LIMITS TAIL "agent.arg.1=\t\n",
        "agent.arg.0=bin/x\nagent.content_type=\nagent.cpu_s=10\nagent.io=raw\n" LIMITS TAIL,
        "agent.content_type=\nagent.cpu_s=10\nagent.io=raw\n" LIMITS TAIL,
        "agent.arg.0=/x\nagent.content_type=\nagent.cpu_s=0\nagent.io=raw\n" LIMITS TAIL,
        "agent.arg.0=/x\nagent.content_type=\nagent.cpu_s=1 \nagent.io=raw\n" LIMITS TAIL,
        "agent.arg.0=/x\nagent.content_type=\nagent.cpu_s=86401\nagent.io=raw\n" LIMITS TAIL,
        "agent.arg.0=/x\nagent.content_type=\nagent.cpu_s=1\nagent.io=RAW\n" LIMITS TAIL,
        HEAD LIMITS "attestation.root=" ROOT "00\ndebug=0\nkms.host=a\nversion=1\n",
        HEAD LIMITS "attestation.root=" ROOT "\ndebug=2\nkms.host=a\nversion=1\n",
        HEAD LIMITS "attestation.root=" ROOT "\ndebug=0\nkms.host=\nversion=1\n",
        HEAD LIMITS "attestation.root=" ROOT "\ndebug=0\nkms.host=a/b\nversion=1\n",
        HEAD LIMITS "attestation.root=" ROOT "\ndebug=0\nkms.host=a\nversion=2\n",
        HEAD LIMITS "attestation.root=" ROOT "\ndebug=0\nkms.host=a\nversion=1",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (parse_conf(cases[i], &conf) == CMAW_OK) {
            fail_msg("case %zu was accepted", i);
        }
    }
    static char big[CMAW_CONF_MAX + 1];
    memset(big, '\n', sizeof big);
    assert_int_equal(cmaw_conf_parse(CMAW_SLICE_ARRAY(big), &conf), CMAW_E_TOO_LARGE);
    assert_int_equal(cmaw_conf_parse(CMAW_SLICE_LIT("a\0b\n"), &conf), CMAW_E_MALFORMED);
}

/* A step with these in- and out-edges; contents are "in0", "in1", …. */
static struct cmaw_step *make_step(uint32_t ins, uint32_t outs, struct cmaw_plan_edge *edges)
{
    static const char *const names[] = {"a", "b", "c", "d"};
    struct cmaw_step *step = calloc(1, sizeof *step);
    assert_non_null(step);
    step->input_count = ins;
    step->output_count = outs;
    step->inputs = calloc(ins, sizeof *step->inputs);
    assert_non_null(step->inputs);
    for (uint32_t i = 0; i < ins + outs; i++) {
        edges[i] = (struct cmaw_plan_edge){.id = i + 1, .name = cmaw_slice_of_cstr(names[i])};
        if (i >= ins) {
            step->outputs[i - ins] = &edges[i];
            continue;
        }
        struct cmaw_opened *opened = &step->inputs[i].opened;
        step->inputs[i].edge = &edges[i];
        opened->plain = CMAW_BUF(64);
        cmaw_buf_printf(&opened->plain, "in%u", i);
        opened->content.content = cmaw_buf_slice(&opened->plain);
        opened->content.content_type = CMAW_SLICE_LIT("text/plain");
        opened->content.annotation_count = 1;
        opened->content.annotations[0] = (struct cmaw_annotation){CMAW_SLICE_LIT("k"), CMAW_SLICE_LIT("v")};
    }
    return step;
}

static void raw_input_is_the_content(void **state)
{
    (void)state;
    static struct cmaw_conf conf;
    struct cmaw_plan_edge edges[4];
    struct cmaw_step *step = make_step(1, 1, edges);
    int fd = -1;
    char text[16] = {0};
    assert_int_equal(cmaw_agent_io_input(&conf, step, &fd), CMAW_OK);
    assert_int_equal(read(fd, text, sizeof text), 3);
    assert_string_equal(text, "in0");
    assert_null(step->inputs[0].opened.plain.data); /* wiped */
    close(fd);
    cmaw_step_free(step);

    step = make_step(2, 1, edges);
    assert_int_equal(cmaw_agent_io_input(&conf, step, &fd), CMAW_E_UNSUPPORTED);
    cmaw_step_free(step);
}

static void proto_input_names_its_ports(void **state)
{
    (void)state;
    static struct cmaw_conf conf = {.agent_proto = true};
    static const char expected[] = "\x3c"
                                   "\x0a\x1c\x0a\x01" "a\x12\x0atext/plain\x1a\x03in0\x22\x06\x0a\x01k\x12\x01v"
                                   "\x0a\x1c\x0a\x01" "b\x12\x0atext/plain\x1a\x03in1\x22\x06\x0a\x01k\x12\x01v";
    struct cmaw_plan_edge edges[4];
    struct cmaw_step *step = make_step(2, 1, edges);
    int fd = -1;
    char got[128];
    assert_int_equal(cmaw_agent_io_input(&conf, step, &fd), CMAW_OK);
    const ssize_t size = read(fd, got, sizeof got);
    close(fd);
    cmaw_step_free(step);
    assert_int_equal(size, sizeof expected - 1);
    assert_memory_equal(got, expected, sizeof expected - 1);
}

static void put_port(struct cmaw_buf *buf, const char *name, const char *content)
{
    const size_t port = cmaw_pb_open(buf);
    cmaw_pb_put_bytes(buf, 1, cmaw_slice_of_cstr(name));
    cmaw_pb_put_bytes(buf, 3, cmaw_slice_of_cstr(content));
    cmaw_pb_close(buf, 1, port);
}

static enum cmaw_err read_output(const struct cmaw_step *step, const struct cmaw_buf *message, struct cmaw_agent_state *outputs)
{
    static struct cmaw_conf conf = {.agent_proto = true};
    CMAW_BUF_AUTO(written, 4096);
    assert_true(message->size < 128);
    cmaw_buf_put_u8(&written, (uint8_t)message->size);
    cmaw_buf_put(&written, cmaw_buf_slice(message));
    return cmaw_agent_io_output(&conf, step, cmaw_buf_slice(&written), outputs);
}

static void outputs_come_in_any_order(void **state)
{
    (void)state;
    static struct cmaw_conf conf = {.agent_proto = true};
    struct cmaw_plan_edge edges[4];
    struct cmaw_step *step = make_step(1, 2, edges); /* out: b, c */
    struct cmaw_agent_state outputs[2];
    static const char written[] = "\x0e" "\x0a\x05\x1a\x01y\x0a\x01" "c"   /* wrong length: 5 of 6 */
                                  "\x0a\x06\x0a\x01" "b\x1a\x01x";
    assert_int_not_equal(cmaw_agent_io_output(&conf, step, CMAW_SLICE_LIT(written), outputs), CMAW_OK);
    /* content before name, an unknown varint field, the name twice (the last counts), a padded varint */
    static const char tolerated[] = "\x19" "\x0a\x0d\x1a\x01y\x98\x06\x07\x0a\x01" "z\x0a\x81\x00" "c"
                                    "\x0a\x06\x0a\x01" "b\x1a\x01x"
                                    "\x10\x01";
    assert_int_equal(cmaw_agent_io_output(&conf, step, CMAW_SLICE_LIT(tolerated), outputs), CMAW_OK);
    assert_true(cmaw_slice_eq_cstr(outputs[0].content, "x"));
    assert_true(cmaw_slice_eq_cstr(outputs[1].content, "y"));
    cmaw_step_free(step);
}

static void outputs_must_be_exactly_the_ports(void **state)
{
    (void)state;
    struct cmaw_plan_edge edges[4];
    struct cmaw_step *step = make_step(1, 2, edges);
    static struct cmaw_agent_state outputs[2];
    static const char *const cases[][3] = {
        {NULL}, {"b", NULL}, {"b", "b", NULL}, {"b", "c", "c"}, {"b", "d", NULL}, {"a", "b", NULL}, {"b", "", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CMAW_BUF_AUTO(message, 128);
        for (size_t port = 0; port < 3 && cases[i][port] != NULL; port++) {
            put_port(&message, cases[i][port], "x");
        }
        if (read_output(step, &message, outputs) != CMAW_E_MALFORMED) {
            fail_msg("case %zu", i);
        }
    }
    cmaw_step_free(step);
}

static void every_cut_output_is_refused(void **state)
{
    (void)state;
    static struct cmaw_conf conf = {.agent_proto = true};
    struct cmaw_plan_edge edges[4];
    struct cmaw_step *step = make_step(1, 1, edges);
    static struct cmaw_agent_state outputs[1];
    static const char good[] = "\x06\x0a\x04\x0a\x01" "b\x12";
    static const char whole[] = "\x05\x0a\x03\x0a\x01" "b";
    assert_int_equal(cmaw_agent_io_output(&conf, step, CMAW_SLICE_LIT(whole), outputs), CMAW_OK);
    for (size_t size = 0; size < sizeof whole - 1; size++) {
        assert_int_equal(cmaw_agent_io_output(&conf, step, cmaw_slice_of(whole, size), outputs), CMAW_E_MALFORMED);
    }
    assert_int_equal(cmaw_agent_io_output(&conf, step, CMAW_SLICE_LIT(good), outputs), CMAW_E_MALFORMED);
    cmaw_step_free(step);
}

static void too_many_annotations_are_refused(void **state)
{
    (void)state;
    static struct cmaw_conf conf = {.agent_proto = true};
    struct cmaw_plan_edge edges[4];
    struct cmaw_step *step = make_step(1, 1, edges);
    static struct cmaw_agent_state outputs[1];
    for (uint32_t count = CMAW_ANNOTATIONS_MAX; count <= CMAW_ANNOTATIONS_MAX + 1; count++) {
        CMAW_BUF_AUTO(message, 4096);
        CMAW_BUF_AUTO(written, 4096);
        const size_t port = cmaw_pb_open(&message);
        cmaw_pb_put_bytes(&message, 1, CMAW_SLICE_LIT("b"));
        for (uint32_t i = 0; i < count; i++) {
            cmaw_pb_put_element(&message, 4, CMAW_SLICE_LIT("\x0a\x01k"));
        }
        cmaw_pb_close(&message, 1, port);
        cmaw_buf_put_u8(&written, (uint8_t)(message.size & 0x7f) | 0x80);
        cmaw_buf_put_u8(&written, (uint8_t)(message.size >> 7));
        cmaw_buf_put(&written, cmaw_buf_slice(&message));
        assert_int_equal(cmaw_agent_io_output(&conf, step, cmaw_buf_slice(&written), outputs),
                         count == CMAW_ANNOTATIONS_MAX ? CMAW_OK : CMAW_E_MALFORMED);
    }
    cmaw_step_free(step);
}

static void *give_back(void *share)
{
    cmaw_share_release(share);
    return NULL;
}

static void a_budget_is_kept(void **state)
{
    (void)state;
    struct cmaw_budget budget = CMAW_BUDGET(10);
    struct cmaw_share first = {0};
    struct cmaw_share second = {0};
    assert_int_equal(cmaw_share_take(&budget, 6, 0, &first), CMAW_OK);
    assert_int_equal(cmaw_share_take(&budget, 5, 10, &second), CMAW_E_BUSY);
    assert_int_equal(cmaw_share_take(&budget, 4, 0, &second), CMAW_OK);
    assert_int_equal(cmaw_budget_taken(&budget), 10);
    cmaw_share_release(&second);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, give_back, &first), 0);
    assert_int_equal(cmaw_share_take(&budget, 1000, 10000, &second), CMAW_OK); /* more than all: alone */
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(cmaw_budget_taken(&budget), 10);
    cmaw_share_release(&second);
    cmaw_share_release(&second);
    assert_int_equal(cmaw_budget_taken(&budget), 0);
}

static void time_is_the_documents_and_monotonic(void **state)
{
    (void)state;
    assert_int_equal(cmaw_clock_now_ms(), 0);
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    const uint64_t monotonic_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    cmaw_clock_set(1700000000000, monotonic_ms - 1000, monotonic_ms);
    const uint64_t time_ms = cmaw_clock_now_ms();
    assert_in_range(time_ms, 1700000000500, 1700000000500 + 60000);
    cmaw_clock_set(1600000000000, monotonic_ms, monotonic_ms); /* a document is believed in both directions */
    assert_true(cmaw_clock_now_ms() < time_ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_read),
        cmocka_unit_test(the_kms_endpoint_is_a_setting),
        cmocka_unit_test(lines_may_be_sorted_as_text),
        cmocka_unit_test(wrong_settings_are_refused),
        cmocka_unit_test(raw_input_is_the_content),
        cmocka_unit_test(proto_input_names_its_ports),
        cmocka_unit_test(outputs_come_in_any_order),
        cmocka_unit_test(outputs_must_be_exactly_the_ports),
        cmocka_unit_test(every_cut_output_is_refused),
        cmocka_unit_test(too_many_annotations_are_refused),
        cmocka_unit_test(a_budget_is_kept),
        cmocka_unit_test(time_is_the_documents_and_monotonic),
    };
    return cmocka_run_group_tests_name("enclave", tests, NULL, NULL);
}
