/* Steps, honest and not: PROTOCOL.md section 7. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "tests/enclave/cases.h"

void states_of_every_size_go_through(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 1000, 16384, 65536, 300000, 1048576, 1834900};
    for (size_t i = 0; i < sizeof large_content; i++) {
        large_content[i] = (uint8_t)(i * 31 + i / 251);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        CMAW_BUF_AUTO(answer, CMAW_FRAME_MAX);
        struct cmaw_response response;
        CMAW_OPENED_AUTO(opened);
        struct run run = run_of(echo, cmaw_slice_of(large_content, sizes[i]));
        step(echo, &run, &answer, &response);
        if (response.code != CMAW_CODE_OK) {
            fail_msg("%zu bytes: %s", sizes[i], cmaw_code_name(response.code));
        }
        assert_int_equal(response.step.state_count, 1);
        open_output(&run, &response.step, 0, 2, &opened);
        assert_true(cmaw_slice_eq(opened.content.content, cmaw_slice_of(large_content, sizes[i])));
        assert_true(cmaw_slice_eq_cstr(opened.content.content_type, "text/plain"));
        verify(&run, &response.step);
        run_free(&run);
    }
}

void ports_of_a_proto_agent_are_edges(void **state)
{
    (void)state;
    CMAW_BUF_AUTO(answer, CMAW_FRAME_MAX);
    struct cmaw_response response;
    CMAW_OPENED_AUTO(joined);
    CMAW_OPENED_AUTO(sizes);
    struct run run;
    run_make(&run, proto, world_now_ms() + 60000, 20, 0);
    run_input(&run, 1, CMAW_SLICE_LIT("left "));
    run_input(&run, 2, CMAW_SLICE_LIT("right"));
    step(proto, &run, &answer, &response);
    assert_int_equal(response.code, CMAW_CODE_OK);
    assert_int_equal(response.step.state_count, 2);
    open_output(&run, &response.step, 0, 3, &joined);
    open_output(&run, &response.step, 1, 4, &sizes);
    assert_true(cmaw_slice_eq_cstr(joined.content.content, "left right"));
    assert_true(cmaw_slice_eq_cstr(sizes.content.content, "5 5"));
    assert_int_equal(sizes.content.annotation_count, 1);
    assert_true(cmaw_slice_eq_cstr(sizes.content.annotations[0].value, "bytes"));
    verify(&run, &response.step);
    run_free(&run);
}

void what_is_not_of_this_run_is_denied(void **state)
{
    (void)state;
    struct run one = run_of(echo, CMAW_SLICE_LIT("one"));
    struct run two = run_of(echo, CMAW_SLICE_LIT("two"));
    struct run mixed = one;
    mixed.request.step.inputs[0] = two.request.step.inputs[0];
    assert_string_equal(step_code(echo, &mixed), "DENIED");
    mixed = one;
    mixed.request.step.ticket = two.request.step.ticket;
    assert_string_equal(step_code(echo, &mixed), "DENIED");
    mixed = one;
    mixed.request.step.step = 2;
    assert_string_equal(step_code(echo, &mixed), "DENIED");
    mixed = one;
    mixed.request.step.input_count = 0;
    assert_string_equal(step_code(echo, &mixed), "DENIED");
    mixed = one;
    mixed.request.step.attempt = 4;
    assert_string_equal(step_code(echo, &mixed), "BAD_REQUEST");
    mixed = one;
    mixed.request.step.inputs[0].size--;
    assert_string_equal(step_code(echo, &mixed), "BAD_REQUEST");
    assert_string_equal(step_code(hostile, &one), "DENIED"); /* another role's enclave */
    assert_string_equal(step_code(echo, &one), "OK");
    run_free(&one);
    run_free(&two);
}

void every_flipped_byte_of_a_state_is_denied(void **state)
{
    (void)state;
    struct run run = run_of(echo, CMAW_SLICE_LIT("content"));
    struct cmaw_buf *input = &run.inputs[0];
    for (size_t at = 100; at < input->size; at += 97) { /* behind the header, whose form is checked first */
        input->data[at] ^= 0x80;
        assert_string_equal(step_code(echo, &run), "DENIED");
        input->data[at] ^= 0x80;
    }
    assert_string_equal(step_code(echo, &run), "OK");
    run_free(&run);
}

void an_expired_ticket_is_refused(void **state)
{
    (void)state;
    struct run run;
    run_make(&run, echo, world_now_ms() - 1000, 20, 0);
    run_input(&run, 1, CMAW_SLICE_LIT("late"));
    assert_string_equal(step_code(echo, &run), "EXPIRED");
    run_free(&run);
}

/* Runs a mode of the hostile agent; the answer's code, and where there is a failure state its text. */
static const char *hostile_code(const char *mode, uint64_t deadline_ms, struct cmaw_buf *text)
{
    CMAW_BUF_AUTO(answer, CMAW_FRAME_MAX);
    struct cmaw_response response;
    struct run run = run_of(hostile, cmaw_slice_of_cstr(mode));
    run.request.step.deadline_ms = deadline_ms;
    step(hostile, &run, &answer, &response);
    if (response.code == CMAW_CODE_AGENT_FAILED || response.code == CMAW_CODE_AGENT_TIMEOUT) {
        CMAW_OPENED_AUTO(opened);
        assert_int_equal(response.step.state_count, 1);
        open_output(&run, &response.step, 0, 2, &opened);
        assert_true(cmaw_slice_eq_cstr(opened.content.content_type, "application/vnd.cmaw.failure"));
        cmaw_buf_put(text, opened.content.content);
    } else if (response.code == CMAW_CODE_OK) {
        CMAW_OPENED_AUTO(opened);
        open_output(&run, &response.step, 0, 2, &opened);
        cmaw_buf_put(text, opened.content.content);
    } else {
        assert_int_equal(response.verb, 0); /* no body */
    }
    run_free(&run);
    return cmaw_code_name(response.code);
}

void hostile_agents_get_nothing(void **state)
{
    (void)state;
    static const char *const modes[] = {
        "memory\n", "trace\n", "files\n", "descriptors\n", "core\n", "write-input\n", "sockets\n", "other-abi\n", "mount\n", "namespaces\n",
        "root\n", "nsm\n", "signals\n", "privilege\n", "identity\n", "prctl\n", "calls\n", "ioctl\n", "realtime\n", "ipc\n", "locks\n",
        "watch\n", "touch\n", "look\n", "forkbomb\n", "memory-fill\n", "stack-fill\n", "tmp-fill\n", "pipes-fill\n", "seals\n", "clean\n"};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        CMAW_BUF_AUTO(text, 1 << 20);
        const char *code = hostile_code(modes[i], 0, &text);
        if (strcmp(code, "OK") != 0 || !cmaw_slice_eq_cstr(cmaw_buf_slice(&text), "refused\n")) {
            fail_msg("%s%s: %.*s", modes[i], code, (int)text.size, (const char *)text.data);
        }
    }
}

void failures_come_sealed(void **state)
{
    (void)state;
    CMAW_BUF_AUTO(text, 1 << 20);
    assert_string_equal(hostile_code("flood-errors\n", 0, &text), "AGENT_FAILED");
    assert_int_equal(text.size > 1000, 1);
    assert_memory_equal(text.data, "AGENT_FAILED\nline 0 of many\n", 28);
    cmaw_buf_reset(&text);
    assert_string_equal(hostile_code("hang\n", 300, &text), "AGENT_TIMEOUT");
    assert_true(cmaw_slice_eq_cstr(cmaw_buf_slice(&text), "AGENT_TIMEOUT\n"));
    cmaw_buf_reset(&text);
    assert_string_equal(hostile_code("flood\n", 0, &text), "TOO_LARGE");
    assert_string_equal(hostile_code("litter\n", 0, &text), "OK");
    cmaw_buf_reset(&text);
    assert_string_equal(hostile_code("clean\n", 0, &text), "OK");
}

void the_seed_is_of_run_and_step(void **state)
{
    (void)state;
    CMAW_BUF_AUTO(first, 4096);
    CMAW_BUF_AUTO(second, 4096);
    CMAW_BUF_AUTO(third, 4096);
    struct run run = run_of(hostile, CMAW_SLICE_LIT("env\n"));
    struct cmaw_buf *const texts[] = {&first, &second};
    for (uint32_t attempt = 1; attempt <= 2; attempt++) {
        CMAW_BUF_AUTO(answer, CMAW_FRAME_MAX);
        CMAW_OPENED_AUTO(opened);
        struct cmaw_response response;
        run.request.step.attempt = attempt;
        step(hostile, &run, &answer, &response);
        open_output(&run, &response.step, 0, 2, &opened);
        cmaw_buf_put(texts[attempt - 1], opened.content.content);
    }
    run_free(&run);
    assert_true(cmaw_slice_eq(cmaw_buf_slice(&first), cmaw_buf_slice(&second)));
    assert_string_equal(hostile_code("env\n", 0, &third), "OK");
    assert_int_equal(first.size, third.size);
    const uint8_t *seed = memmem(first.data, first.size, "CMAW_SEED=", 10);
    assert_non_null(seed);
    assert_null(memmem(third.data, third.size, seed, 74));
}

void frames_that_are_none_end_the_connection(void **state)
{
    (void)state;
    static const struct { const char *bytes; size_t size; const char *code; } cases[] = {
        {"\0\0\0\x01\xff", 5, "BAD_REQUEST"}, {"\0\0\0\0", 4, "BAD_REQUEST"}, {"\0\0\0\x04\x0a\0\x12\0", 8, "BAD_REQUEST"},
        {"\0\x40\0\x01", 4, "TOO_LARGE"}, {"\xff\xff\xff\xff", 4, "TOO_LARGE"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CMAW_BUF_AUTO(answer, CMAW_FRAME_MAX);
        struct cmaw_response response;
        uint8_t more = 0;
        const int fd = node_connect(echo);
        assert_int_equal(write(fd, cases[i].bytes, cases[i].size), cases[i].size);
        assert_int_equal(cmaw_frame_read(fd, cmaw_deadline_in(60000), &answer), CMAW_OK);
        assert_int_equal(cmaw_response_decode(cmaw_buf_slice(&answer), &response), CMAW_OK);
        assert_string_equal(cmaw_code_name(response.code), cases[i].code);
        assert_int_equal(read(fd, &more, 1), 0);
        close(fd);
    }
    const int fd = node_connect(echo);
    assert_int_equal(write(fd, "\0\0", 2), 2); /* and goes away */
    close(fd);
    assert_int_equal(state_of(echo), CMAW_ENCLAVE_READY);
}
