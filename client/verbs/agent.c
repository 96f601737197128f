#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/agent/judge.h"
#include "client/agent/template.h"
#include "client/interrupt.h"
#include "client/json.h"
#include "client/settings.h"
#include "client/table.h"
#include "client/verbs.h"
#include "lib/base/text.h"

enum { COLUMNS = 4, CELL_SIZE = 640, TIMEOUT_MAX_S = 3600 };

/* As good as any: an agent must do with what it is told. */
#define SOME_RUN "aa00000000000000000000000000000000000000000000000000000000000001"
#define SOME_SEED "5eed000000000000000000000000000000000000000000000000000000000001"

struct test_args {
    struct cmaw_words cases;
    const char *timeout, *seed, *run, *step;
    bool update, json;
};

static enum cmaw_err agent_new(int argc, char **argv, struct cmaw_diag *diag)
{
    const char *lang = NULL;
    const struct cmaw_option options[] = {{"lang", "LANGUAGE", "c, python, go or sh", &lang, NULL, NULL}, CMAW_OPTION_END};
    const struct cmaw_usage usage = {
        .verb = "agent new", .words = "NAME", .min_words = 1, .max_words = 1, .options = options, .example = "cmaw agent new triage --lang python",
        .summary = "Makes the folder NAME with an agent that builds: source, image.yaml, tests, a workflow and a stack to run it in."};
    struct cmaw_words words;
    bool help;
    CMAW_TRY(cmaw_options_parse(&usage, argc, argv, &words, &help, diag));
    CMAW_REQUIRE(!help, CMAW_OK);
    if (lang == NULL) {
        cmaw_diag_hint(diag, "--lang c, python, go or sh");
        return cmaw_diag_set(diag, CMAW_E_USAGE, "agent new: in which language?");
    }
    CMAW_TRY(cmaw_agent_create(words.items[0], lang, diag));
    (void)printf("%s: next: cd %s && make && cmaw agent test\n", words.items[0], words.items[0]);
    return CMAW_OK;
}

static bool is_hex64(const char *text)
{
    uint8_t bytes[32];
    return cmaw_hex_decode_exact(cmaw_slice_of_cstr(text), bytes, sizeof bytes) == CMAW_OK;
}

static enum cmaw_err read_setting(const struct test_args *args, struct cmaw_trial_setting *ret_setting, struct cmaw_diag *diag)
{
    uint64_t seconds = 60, step = 1;
    cmaw_diag_hint(diag, "cmaw agent test --help");
    if (args->timeout != NULL && (cmaw_parse_u64(args->timeout, TIMEOUT_MAX_S, &seconds) != CMAW_OK || seconds == 0)) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "agent test: --timeout is 1 to %d seconds", TIMEOUT_MAX_S);
    }
    if (args->step != NULL && (cmaw_parse_u64(args->step, UINT32_MAX, &step) != CMAW_OK || step == 0)) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "agent test: --step is a number from 1");
    }
    if ((args->run != NULL && !is_hex64(args->run)) || (args->seed != NULL && !is_hex64(args->seed))) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "agent test: --run and --seed are 64 hex digits in lower case");
    }
    diag->hint[0] = '\0';
    *ret_setting = (struct cmaw_trial_setting){.run = args->run != NULL ? args->run : SOME_RUN, .step = args->step != NULL ? args->step : "1",
                                               .seed = args->seed != NULL ? args->seed : SOME_SEED, .timeout_ms = (uint32_t)seconds * 1000};
    return CMAW_OK;
}

/* Keeps those that were named; all, if none was. */
static enum cmaw_err choose(struct cmaw_cases *cases, const struct cmaw_words *names, struct cmaw_diag *diag)
{
    CMAW_REQUIRE(names->count > 0, CMAW_OK);
    size_t kept = 0;
    for (size_t i = 0; i < cases->count; i++) {
        for (size_t k = 0; k < names->count; k++) {
            if (strcmp(cases->list[i].name, names->items[k]) == 0) {
                cases->list[kept++] = cases->list[i];
                break;
            }
        }
    }
    cases->count = kept;
    return kept > 0 ? CMAW_OK : cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "%s holds no case of that name", cases->folder);
}

static enum cmaw_err add_json(json_t *list, const char *name, const struct cmaw_judgement *judgement)
{
    json_t *entry = json_object();
    CMAW_TRY(cmaw_json_append(list, entry));
    CMAW_TRY(cmaw_json_set_text(entry, "name", name));
    CMAW_TRY(cmaw_json_set(entry, "passed", json_boolean(judgement->passed)));
    CMAW_TRY(cmaw_json_set(entry, "updated", json_boolean(judgement->updated)));
    CMAW_TRY(cmaw_json_set_text(entry, "end", judgement->end));
    CMAW_TRY(cmaw_json_set_u64(entry, "status", judgement->status));
    CMAW_TRY(cmaw_json_set_u64(entry, "microseconds", judgement->us));
    CMAW_TRY(cmaw_json_set_u64(entry, "output_bytes", judgement->output_size));
    return cmaw_json_set(entry, "reason", judgement->reason[0] == '\0' ? json_null() : json_string(judgement->reason));
}

static enum cmaw_err print_json(const struct cmaw_agent_image *image, const struct cmaw_cases *cases, const struct cmaw_judgement *judgements, size_t failed)
{
    CMAW_JSON_AUTO(json);
    json = json_object();
    json_t *list = json_array();
    CMAW_REQUIRE(json != NULL, CMAW_E_NO_MEMORY);
    CMAW_TRY(cmaw_json_set(json, "cases", list));
    for (size_t i = 0; i < cases->count; i++) {
        CMAW_TRY(add_json(list, cases->list[i].name, &judgements[i]));
    }
    CMAW_TRY(cmaw_json_set_u64(json, "passed", cases->count - failed));
    CMAW_TRY(cmaw_json_set_u64(json, "failed", failed));
    CMAW_TRY(cmaw_json_set_u64(json, "image_bytes", image->bytes));
    return cmaw_json_print(json);
}

static const char *word_of(const struct cmaw_judgement *judgement)
{
    return !judgement->passed ? "FAIL" : judgement->updated ? "written" : "ok";
}

static enum cmaw_err print_table(const struct cmaw_agent_image *image, const struct cmaw_cases *cases, const struct cmaw_judgement *judgements, size_t failed)
{
    static const struct cmaw_table_column columns[COLUMNS] = {{.title = "case", .min = 12}, {.title = "result"}, {.title = "ms", .numbers = true}, {.title = "why", .min = 20}};
    const char **cells = calloc(cases->count * COLUMNS, sizeof *cells);
    char(*times)[24] = calloc(cases->count, sizeof *times);
    enum cmaw_err err = cells == NULL || times == NULL ? CMAW_E_NO_MEMORY : CMAW_OK;
    for (size_t i = 0; err == CMAW_OK && i < cases->count; i++) {
        (void)snprintf(times[i], sizeof times[i], "%llu", (unsigned long long)(judgements[i].us + 500) / 1000);
        cells[i * COLUMNS] = cases->list[i].name;
        cells[i * COLUMNS + 1] = word_of(&judgements[i]);
        cells[i * COLUMNS + 2] = times[i];
        cells[i * COLUMNS + 3] = judgements[i].reason;
    }
    if (err == CMAW_OK) {
        const struct cmaw_table table = {.columns = columns, .column_count = COLUMNS, .cells = cells, .row_count = cases->count};
        err = cmaw_table_print(&table);
        (void)printf("%zu passed, %zu failed; the agent's files are %zu KiB of its image\n", cases->count - failed, failed, (image->bytes + 1023) / 1024);
    }
    free(cells);
    free(times);
    return err;
}

static enum cmaw_err judge_all(const struct test_args *args, const struct cmaw_agent_image *image, const struct cmaw_cases *cases,
                               struct cmaw_judgement *judgements, struct cmaw_diag *diag)
{
    struct cmaw_trial_setting setting;
    size_t failed = 0;
    CMAW_TRY(read_setting(args, &setting, diag));
    for (size_t i = 0; i < cases->count; i++) {
        const enum cmaw_err err = cmaw_judge_case(image, &setting, cases, cases->list[i].name, args->update, &judgements[i], diag);
        if (err != CMAW_OK) {
            return cmaw_diag_wrap(diag, err, "%s", cases->list[i].name);
        }
        failed += !judgements[i].passed;
    }
    CMAW_TRY((args->json ? print_json : print_table)(image, cases, judgements, failed));
    return failed == 0 ? CMAW_OK : cmaw_diag_set(diag, CMAW_E_DENIED, "%zu of %zu cases failed", failed, cases->count);
}

static enum cmaw_err test_folder(const struct test_args *args, const char *folder, struct cmaw_diag *diag)
{
    char yaml[CMAW_PATH_MAX];
    struct stat info;
    struct cmaw_trial_setting setting;
    CMAW_CASES_AUTO(cases);
    CMAW_AGENT_IMAGE_AUTO(image);
    CMAW_TRY(read_setting(args, &setting, diag));
    CMAW_TRY(cmaw_path(yaml, "%s/image.yaml", folder));
    if (stat(yaml, &info) != 0) {
        cmaw_diag_hint(diag, "name the folder of an agent, or make one: cmaw agent new NAME --lang c");
        return cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "there is no %s", yaml);
    }
    CMAW_TRY(cmaw_cases_load(folder, &cases, diag));
    CMAW_TRY(choose(&cases, &args->cases, diag));
    CMAW_TRY(cmaw_agent_image_make(yaml, &image, diag));
    struct cmaw_judgement *judgements = calloc(cases.count, sizeof *judgements);
    CMAW_REQUIRE(judgements != NULL, CMAW_E_NO_MEMORY);
    const enum cmaw_err err = judge_all(args, &image, &cases, judgements, diag);
    free(judgements);
    return err;
}

static enum cmaw_err agent_test(int argc, char **argv, struct cmaw_diag *diag)
{
    struct test_args args = {.json = false};
    const struct cmaw_option options[] = {
        {"case", "NAME", "this case only; repeat", NULL, &args.cases, NULL},
        {"timeout", "SECONDS", "how long a run may take (60)", &args.timeout, NULL, NULL},
        {"run", "HEX", "CMAW_RUN (always the same)", &args.run, NULL, NULL},
        {"step", "NUMBER", "CMAW_STEP (1)", &args.step, NULL, NULL},
        {"seed", "HEX", "CMAW_SEED (always the same)", &args.seed, NULL, NULL},
        {"update", NULL, "write what came out as what is expected; read it before you keep it", NULL, NULL, &args.update},
        {"json", NULL, "JSON on standard output", NULL, NULL, &args.json},
        CMAW_OPTION_END};
    const struct cmaw_usage usage = {
        .verb = "agent test", .words = "[FOLDER]", .max_words = 1, .options = options, .example = "cmaw agent test agents/deidentify",
        .summary = "Builds the image of FOLDER (the current one) and runs its agent outside any enclave, in the sandbox that it has inside, on every\n"
                   "tests/CASE.in. Expected are tests/CASE.out, or tests/CASE.fails with the line of an agent that refuses its input. Each case runs\n"
                   "twice, and must give the same twice. Exit code 0: all passed, 1: one did not."};
    struct cmaw_words words;
    bool help;
    CMAW_TRY(cmaw_options_parse(&usage, argc, argv, &words, &help, diag));
    CMAW_REQUIRE(!help, CMAW_OK);
    cmaw_interrupt_catch(); /* the image in the temporary folder is removed whatever happens */
    return test_folder(&args, words.count > 0 ? words.items[0] : ".", diag);
}

enum cmaw_err cmaw_command_agent(int argc, char **argv, struct cmaw_diag *diag)
{
    static const struct cmaw_subverb subverbs[] = {
        {"new", "make a folder with an agent that builds", agent_new},
        {"test", "run an agent on its test cases, outside any enclave", agent_test},
    };
    return cmaw_options_group("agent", subverbs, sizeof subverbs / sizeof subverbs[0], "cmaw agent new triage --lang python", argc, argv, diag);
}
