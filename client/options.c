#include "client/options.h"

#include <stdio.h>
#include <string.h>

/* Who makes use of the tables, if it is not a person who asked for help. */
static const struct cmaw_usage_visitor *describing;

void cmaw_options_describe(const struct cmaw_usage_visitor *visitor)
{
    describing = visitor;
}

bool cmaw_options_described(void)
{
    return describing != NULL;
}

static void print_table(const struct cmaw_option *option)
{
    for (; option != NULL && option->name != NULL; option++) {
        char left[48];
        const char letter[] = {'-', option->letter, ',', ' ', '\0'};
        (void)snprintf(left, sizeof left, "%s--%s%s%s", option->letter == '\0' ? "" : letter, option->name, option->arg == NULL ? "" : " ",
                       option->arg == NULL ? "" : option->arg);
        (void)printf("  %-26s %s\n", left, option->help);
    }
}

static void print_usage(const struct cmaw_usage *usage)
{
    (void)printf("usage: cmaw %s [options]%s%s\n\n%s\n\noptions:\n", usage->verb, usage->words[0] == '\0' ? "" : " ",
                 usage->words, usage->summary);
    print_table(usage->options);
    print_table(usage->common);
    (void)printf("  %-26s this text\n\nexample: %s\n", "--help", usage->example);
}

static const struct cmaw_option *find_in(const struct cmaw_option *option, const char *name, size_t size)
{
    for (; option != NULL && option->name != NULL; option++) {
        if (strlen(option->name) == size && strncmp(option->name, name, size) == 0) {
            return option;
        }
    }
    return NULL;
}

static enum cmaw_err add_word(struct cmaw_words *words, const char *word, struct cmaw_diag *diag)
{
    if (words->count == CMAW_WORDS_MAX) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "too many words");
    }
    words->items[words->count++] = word;
    return CMAW_OK;
}

static const struct cmaw_option *find_letter(const struct cmaw_option *option, const char *word)
{
    for (; option != NULL && option->name != NULL; option++) {
        if (option->letter != '\0' && word[1] == option->letter && word[2] == '\0') {
            return option;
        }
    }
    return NULL;
}

/* Takes the value of the option at argv[*at], which is attached or the next word; *at is left at the last word taken. */
static enum cmaw_err take_value(const struct cmaw_usage *usage, const struct cmaw_option *option, const char *attached, int argc, char **argv, int *at,
                                struct cmaw_diag *diag)
{
    if (option->arg == NULL) {
        if (attached != NULL) {
            return cmaw_diag_set(diag, CMAW_E_USAGE, "%s: --%s takes no value", usage->verb, option->name);
        }
        *option->flag = true;
        return CMAW_OK;
    }
    if (attached == NULL && *at + 1 >= argc) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "%s: --%s needs %s", usage->verb, option->name, option->arg);
    }
    const char *value = attached != NULL ? attached : argv[++*at];
    if (option->words != NULL) {
        return add_word(option->words, value, diag);
    }
    *option->value = value;
    return CMAW_OK;
}

static enum cmaw_err take_option(const struct cmaw_usage *usage, int argc, char **argv, int *at, struct cmaw_diag *diag)
{
    const char *name = argv[*at] + 2;
    const size_t size = strcspn(name, "=");
    const struct cmaw_option *option = find_in(usage->options, name, size);
    if (option == NULL) {
        option = find_in(usage->common, name, size);
    }
    if (option == NULL) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "%s: unknown option --%.*s", usage->verb, (int)size, name);
    }
    return take_value(usage, option, name[size] == '=' ? name + size + 1 : NULL, argc, argv, at, diag);
}

static enum cmaw_err take_letter(const struct cmaw_usage *usage, int argc, char **argv, int *at, struct cmaw_diag *diag)
{
    const struct cmaw_option *option = find_letter(usage->options, argv[*at]);
    if (option == NULL) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "%s: unknown option %s", usage->verb, argv[*at]);
    }
    return take_value(usage, option, NULL, argc, argv, at, diag);
}

static enum cmaw_err parse(const struct cmaw_usage *usage, int argc, char **argv, struct cmaw_words *words,
                           struct cmaw_diag *diag)
{
    bool ended = false;
    for (int at = 1; at < argc; at++) {
        if (!ended && argv[at][0] == '-' && argv[at][1] == '-' && argv[at][2] == '\0') {
            ended = true;
        } else if (!ended && argv[at][0] == '-' && argv[at][1] == '-') {
            CMAW_TRY(take_option(usage, argc, argv, &at, diag));
        } else if (!ended && argv[at][0] == '-' && argv[at][1] != '\0') {
            CMAW_TRY(take_letter(usage, argc, argv, &at, diag));
        } else {
            CMAW_TRY(add_word(words, argv[at], diag));
        }
    }
    if (words->count < usage->min_words) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "%s: missing %s", usage->verb, usage->words);
    }
    if (words->count > usage->max_words) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "%s: unexpected word %s", usage->verb, words->items[usage->max_words]);
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_options_parse(const struct cmaw_usage *usage, int argc, char **argv, struct cmaw_words *ret_words,
                                 bool *ret_help, struct cmaw_diag *diag)
{
    for (int at = 1; at < argc && strcmp(argv[at], "--") != 0; at++) {
        if (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0) {
            *ret_help = true;
            if (describing != NULL) {
                return describing->visit(describing->context, usage);
            }
            print_usage(usage);
            return CMAW_OK;
        }
    }
    struct cmaw_words words = {.count = 0};
    const enum cmaw_err err = parse(usage, argc, argv, &words, diag);
    if (err != CMAW_OK) {
        cmaw_diag_hint(diag, "cmaw %s --help", usage->verb);
        return err;
    }
    *ret_words = words;
    *ret_help = false;
    return CMAW_OK;
}

static enum cmaw_err describe_group(const struct cmaw_subverb *subverbs, size_t count, struct cmaw_diag *diag)
{
    char help[] = "--help";
    for (size_t i = 0; i < count; i++) {
        char name[CMAW_VERB_SIZE];
        char *argv[] = {name, help, NULL};
        (void)snprintf(name, sizeof name, "%s", subverbs[i].name);
        CMAW_TRY(subverbs[i].run(2, argv, diag));
    }
    return CMAW_OK;
}

static void print_group(const char *verb, const struct cmaw_subverb *subverbs, size_t count, const char *example)
{
    (void)printf("usage: cmaw %s VERB [options]\n\n", verb);
    for (size_t i = 0; i < count; i++) {
        (void)printf("  %-11s %s\n", subverbs[i].name, subverbs[i].summary);
    }
    (void)printf("\n'cmaw %s VERB --help' says more.\n\nexample: %s\n", verb, example);
}

enum cmaw_err cmaw_options_group(const char *verb, const struct cmaw_subverb *subverbs, size_t count, const char *example, int argc, char **argv,
                                 struct cmaw_diag *diag)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "--help") == 0 || strcmp(what, "-h") == 0) {
        if (describing != NULL) {
            return describe_group(subverbs, count, diag);
        }
        print_group(verb, subverbs, count, example);
        return CMAW_OK;
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(subverbs[i].name, what) == 0) {
            return subverbs[i].run(argc - 1, argv + 1, diag);
        }
    }
    cmaw_diag_hint(diag, "cmaw %s --help", verb);
    return what[0] == '\0' ? cmaw_diag_set(diag, CMAW_E_USAGE, "%s: which verb?", verb)
                           : cmaw_diag_set(diag, CMAW_E_USAGE, "%s: unknown verb %.40s", verb, what);
}
