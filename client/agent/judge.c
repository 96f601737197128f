#include "client/agent/judge.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/agent/ports.h"
#include "lib/base/text.h"
#include "sys/folder.h"

enum { EXPECTED_MAX = 5 << 20, SHOWN_MAX = 5 << 20, SHOWN = 60 };

[[gnu::format(printf, 2, 3)]] static void explain(struct cmaw_judgement *judgement, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(judgement->reason, sizeof judgement->reason, format, args);
    va_end(args);
    cmaw_text_tame(judgement->reason); /* it may quote what the agent wrote */
}

/* A line, or its beginning, as text. */
static const char *show(struct cmaw_slice text, size_t from, char shown[static SHOWN + 1])
{
    size_t size = 0;
    while (from + size < text.size && size < SHOWN && text.data[from + size] != '\n' && text.data[from + size] != '\0') {
        size++;
    }
    (void)snprintf(shown, SHOWN + 1, "%.*s", (int)size, (const char *)text.data + from);
    return shown;
}

static void explain_difference(struct cmaw_judgement *judgement, const char *what, struct cmaw_slice expected, struct cmaw_slice actual)
{
    size_t at = 0, line = 1, start = 0;
    char one[SHOWN + 1];
    char other[SHOWN + 1];
    while (at < expected.size && at < actual.size && expected.data[at] == actual.data[at]) {
        if (expected.data[at] == '\n') {
            line++;
            start = at + 1;
        }
        at++;
    }
    explain(judgement, "%s differs in line %zu: expected '%s', got '%s'", what, line, show(expected, start, one), show(actual, start, other));
}

static void explain_end(struct cmaw_judgement *judgement, const struct cmaw_trial *trial)
{
    char line[SHOWN + 1];
    const struct cmaw_slice errors = cmaw_buf_slice(&trial->errors);
    if (trial->end == CMAW_TRIAL_TIMEOUT) {
        explain(judgement, "it did not end in time");
    } else if (trial->end == CMAW_TRIAL_TOO_LARGE) {
        explain(judgement, "its output is over output_kib of the image");
    } else if (trial->status == 128 + SIGKILL) {
        explain(judgement, "it was killed: is cpu_s of the image enough? It said '%s'", show(errors, 0, line));
    } else if (trial->status > 128) {
        explain(judgement, "signal %u ended it (%s); it said '%s'", trial->status - 128, strsignal((int)trial->status - 128), show(errors, 0, line));
    } else {
        explain(judgement, "it ended with status %u and said '%s'", trial->status, show(errors, 0, line));
    }
}

/* *ret_there is false, and buf empty, where there is no such file. */
static enum cmaw_err read_expected(const struct cmaw_cases *cases, const char *name, const char *extension, struct cmaw_buf *buf, bool *ret_there,
                                   struct cmaw_diag *diag)
{
    char path[CMAW_PATH_MAX];
    CMAW_TRY(cmaw_case_path(cases, name, extension, path));
    *ret_there = access(path, F_OK) == 0;
    CMAW_REQUIRE(*ret_there, CMAW_OK);
    return cmaw_ports_are(path) ? cmaw_ports_show_folder(path, buf, diag) : cmaw_file_read(path, buf, diag);
}

/* With ports the output is compared as text, port by port. */
static enum cmaw_err show_output(const struct cmaw_trial *trial, bool ports, struct cmaw_buf *text)
{
    if (ports && trial->end == CMAW_TRIAL_DONE) {
        return cmaw_ports_show_output(cmaw_buf_slice(&trial->output), text);
    }
    cmaw_buf_put(text, cmaw_buf_slice(&trial->output));
    return cmaw_buf_err(text);
}

static enum cmaw_err compare(const struct cmaw_trial *trial, const struct cmaw_cases *cases, const char *name, bool ports, struct cmaw_judgement *judgement,
                             struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(shown, SHOWN_MAX);
    CMAW_BUF_AUTO(out, EXPECTED_MAX);
    CMAW_BUF_AUTO(fails, EXPECTED_MAX);
    bool has_out = false, has_fails = false;
    if (show_output(trial, ports, &shown) == CMAW_E_MALFORMED) {
        explain(judgement, "its output is not one AgentOutput behind its length, with each port once");
        return CMAW_OK;
    }
    const struct cmaw_slice output = cmaw_buf_slice(&shown), errors = cmaw_buf_slice(&trial->errors);
    CMAW_TRY(read_expected(cases, name, "out", &out, &has_out, diag));
    CMAW_TRY(read_expected(cases, name, "fails", &fails, &has_fails, diag));
    if (has_out && has_fails) {
        explain(judgement, "%s.out and %s.fails contradict each other", name, name);
    } else if (has_fails && trial->end == CMAW_TRIAL_DONE) {
        explain(judgement, "it was done, and should have failed");
    } else if (!has_fails && trial->end != CMAW_TRIAL_DONE) {
        explain_end(judgement, trial);
    } else if (has_fails && (trial->end != CMAW_TRIAL_FAILED || trial->status > 128)) {
        explain_end(judgement, trial); /* a crash is no refusal */
    } else if (has_fails && fails.size > 0 && !cmaw_slice_eq(cmaw_buf_slice(&fails), errors)) {
        explain_difference(judgement, "its standard error", cmaw_buf_slice(&fails), errors);
    } else if (has_out && !cmaw_slice_eq(cmaw_buf_slice(&out), output)) {
        explain_difference(judgement, "its output", cmaw_buf_slice(&out), output);
    } else {
        judgement->passed = true;
        explain(judgement, "%s", has_out || has_fails ? "" : "nothing is expected of it");
    }
    return CMAW_OK;
}

static enum cmaw_err update(const struct cmaw_trial *trial, const struct cmaw_cases *cases, const char *name, bool ports, struct cmaw_judgement *judgement,
                            struct cmaw_diag *diag)
{
    char path[CMAW_PATH_MAX];
    const bool done = trial->end == CMAW_TRIAL_DONE;
    if (!done && (trial->end != CMAW_TRIAL_FAILED || trial->status > 128)) {
        explain_end(judgement, trial); /* that is nobody's expectation */
        return CMAW_OK;
    }
    CMAW_TRY(cmaw_case_path(cases, name, done ? "fails" : "out", path));
    if (cmaw_ports_are(path)) {
        CMAW_TRY(cmaw_folder_remove(path, diag));
    } else {
        (void)unlink(path);
    }
    CMAW_TRY(cmaw_case_path(cases, name, done ? "out" : "fails", path));
    if (ports && done) {
        CMAW_TRY(cmaw_ports_write(path, cmaw_buf_slice(&trial->output), diag));
    } else {
        CMAW_TRY(cmaw_file_write(path, cmaw_buf_slice(done ? &trial->output : &trial->errors), 0644, diag));
    }
    judgement->passed = judgement->updated = true;
    return CMAW_OK;
}

static bool same(const struct cmaw_trial *one, const struct cmaw_trial *other)
{
    return one->end == other->end && one->status == other->status && cmaw_slice_eq(cmaw_buf_slice(&one->output), cmaw_buf_slice(&other->output));
}

enum cmaw_err cmaw_judge_case(const struct cmaw_agent_image *image, const struct cmaw_trial_setting *setting, const struct cmaw_cases *cases,
                              const char *name, bool updating, struct cmaw_judgement *ret_judgement, struct cmaw_diag *diag)
{
    char input[CMAW_PATH_MAX];
    CMAW_TRIAL_AUTO(first);
    CMAW_TRIAL_AUTO(second);
    CMAW_TRY(cmaw_case_path(cases, name, "in", input));
    CMAW_TRY(cmaw_trial_run(image, setting, input, &first, diag));
    struct cmaw_judgement judgement = {.end = cmaw_trial_end_name(first.end), .status = first.status, .us = first.us, .output_size = first.output.size};
    if (first.end != CMAW_TRIAL_TIMEOUT) { /* twice as long would tell no more */
        CMAW_TRY(cmaw_trial_run(image, setting, input, &second, diag));
    }
    if (first.end != CMAW_TRIAL_TIMEOUT && !same(&first, &second)) {
        explain(&judgement, "two runs with the same input and CMAW_SEED differ");
    } else {
        const bool ports = cmaw_ports_are(input);
        CMAW_TRY(updating ? update(&first, cases, name, ports, &judgement, diag) : compare(&first, cases, name, ports, &judgement, diag));
    }
    *ret_judgement = judgement;
    return CMAW_OK;
}
