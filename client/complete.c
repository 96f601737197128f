#include "client/complete.h"

#include <stdio.h>
#include <string.h>

#include "client/usage.h"

enum { TOKEN_SIZE = 64 };

/* A command line under way. */
struct line {
    const struct cmaw_words *words;
    const char *last;   /* the word to complete */
};

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static void offer(const struct line *line, const char *candidate, const char *what)
{
    if (starts_with(candidate, line->last)) {
        (void)printf("%s\t%.*s\n", candidate, (int)strcspn(what, "\n"), what);
    }
}

static const char *store_named(const struct line *line)
{
    for (size_t i = 0; i + 2 < line->words->count; i++) {
        if (strcmp(line->words->items[i], "--store") == 0) {
            return line->words->items[i + 1];
        }
    }
    return NULL;
}

/* What a name in capitals stands for: "RUN", "[NAME=]FILE", "WORKFLOW.yaml". */
static void offer_kind(const struct line *line, const char *kind)
{
    static const char *const files[] = {"FILE", "INPUT", "DOC", "POLICY", "MANIFEST", "BUNDLE"};
    if (starts_with(kind, "RUN")) {
        cmaw_complete_runs(store_named(line), line->last);
    } else if (strstr(kind, ".yaml") != NULL) {
        (void)printf(":files yaml yml\n");
    } else if (strstr(kind, ".eif") != NULL) {
        (void)printf(":files eif\n");
    } else if (strstr(kind, "FOLDER") != NULL || strstr(kind, "DIR") != NULL) {
        (void)printf(":folders\n");
    } else {
        for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
            if (strstr(kind, files[i]) != NULL) {
                (void)printf(":files\n");
                return;
            }
        }
    }
}

static const struct cmaw_option *find_option(const struct cmaw_usage *usage, const char *word)
{
    const struct cmaw_option *const tables[] = {usage->options, usage->common};
    for (size_t i = 0; i < 2; i++) {
        for (const struct cmaw_option *option = tables[i]; option != NULL && option->name != NULL; option++) {
            const bool is_letter = word[0] == '-' && word[1] != '\0' && word[1] == option->letter && word[2] == '\0';
            if (is_letter || (starts_with(word, "--") && strcmp(word + 2, option->name) == 0)) {
                return option;
            }
        }
    }
    return NULL;
}

static void offer_options(const struct line *line, const struct cmaw_usage *usage)
{
    const struct cmaw_option *const tables[] = {usage->options, usage->common};
    for (size_t i = 0; i < 2; i++) {
        for (const struct cmaw_option *option = tables[i]; option != NULL && option->name != NULL; option++) {
            char text[TOKEN_SIZE];
            (void)snprintf(text, sizeof text, "--%s", option->name);
            offer(line, text, option->help);
        }
    }
    offer(line, "--help", "say what it takes");
}

/* Copies word number index of an alternative ("show FILE") without brackets; the last one again where it ends in "…". False: it has not so many. */
static bool token_at(const char *at, const char *end, size_t index, char ret_token[static TOKEN_SIZE])
{
    for (size_t i = 0;; i++) {
        while (at < end && strchr(" []", *at) != NULL) {
            at++;
        }
        size_t size = 0;
        while (at + size < end && strchr(" ]", at[size]) == NULL) {
            size++;
        }
        if (size == 0 || size >= TOKEN_SIZE) {
            return i > 0 && strstr(ret_token, "…") != NULL;
        }
        (void)snprintf(ret_token, TOKEN_SIZE, "%.*s", (int)size, at);
        if (i == index) {
            return true;
        }
        at += size;
    }
}

static bool is_literal(const char *token)
{
    return token[0] >= 'a' && token[0] <= 'z';
}

/* Whether the words before the last are those that this alternative wants there. */
static bool alternative_fits(const char *at, const char *end, const struct cmaw_words *given)
{
    char token[TOKEN_SIZE];
    for (size_t i = 0; i < given->count; i++) {
        if (!token_at(at, end, i, token) || (is_literal(token) && strcmp(token, given->items[i]) != 0)) {
            return false;
        }
    }
    return true;
}

/* Words of a usage are alternatives: "new MANIFEST.yaml | show FILE". */
static void offer_words(const struct line *line, const struct cmaw_usage *usage, const struct cmaw_words *given)
{
    for (const char *at = usage->words; at != NULL && *at != '\0';) {
        const char *bar = strstr(at, " | ");
        const char *end = bar == NULL ? at + strlen(at) : bar;
        char token[TOKEN_SIZE];
        if (alternative_fits(at, end, given) && token_at(at, end, given->count, token)) {
            if (is_literal(token)) {
                offer(line, token, "");
            } else {
                offer_kind(line, token);
            }
        }
        at = bar == NULL ? NULL : bar + 3;
    }
}

/* Bash gives --name=value as three words. */
static bool is_equals(const char *word)
{
    return strcmp(word, "=") == 0;
}

static void complete_arguments(const struct line *line, const struct cmaw_usage *usage, size_t from)
{
    struct cmaw_words given = {.count = 0};
    const struct cmaw_option *open = NULL; /* wants the next word */
    for (size_t i = from; i + 1 < line->words->count; i++) {
        const char *word = line->words->items[i];
        if (open != NULL && is_equals(word)) {
            continue;
        }
        if (open != NULL) {
            open = NULL;
            continue;
        }
        const struct cmaw_option *option = find_option(usage, word);
        open = option != NULL && option->arg != NULL ? option : NULL;
        if (word[0] != '-') {
            given.items[given.count++] = word;
        }
    }
    if (open != NULL) {
        struct line value = *line;
        value.last = is_equals(line->last) ? "" : line->last;
        offer_kind(&value, open->arg);
    } else if (line->last[0] == '-') {
        offer_options(line, usage);
    } else {
        offer_words(line, usage, &given);
    }
}

/* usage is of the verb, or of one under it: "kms lint". */
static enum cmaw_err complete_usage(void *context, const struct cmaw_usage *usage)
{
    struct line *line = context;
    const char *under = strchr(usage->verb, ' ');
    if (under == NULL) {
        complete_arguments(line, usage, 1);
    } else if (line->words->count == 2) {
        offer(line, under + 1, usage->summary);
    } else if (strcmp(line->words->items[1], under + 1) == 0) {
        complete_arguments(line, usage, 2);
    }
    return CMAW_OK;
}

static void offer_verbs(const struct line *line)
{
    for (const struct cmaw_verb *verb = cmaw_verbs; verb->name != NULL; verb++) {
        if (verb->group[0] != '\0') {
            offer(line, verb->name, verb->summary);
        }
    }
    if (line->last[0] == '-') {
        offer(line, "--help", "list the verbs");
        offer(line, "--version", "");
    }
}

enum cmaw_err cmaw_complete(const struct cmaw_words *words, struct cmaw_diag *diag)
{
    CMAW_REQUIRE(words->count > 0, CMAW_OK);
    struct line line = {.words = words, .last = words->items[words->count - 1]};
    if (words->count == 1) {
        offer_verbs(&line);
        return CMAW_OK;
    }
    const struct cmaw_verb *verb = cmaw_verb_find(words->items[0]);
    const struct cmaw_usage_visitor visitor = {.visit = complete_usage, .context = &line};
    return verb == NULL || verb->group[0] == '\0' ? CMAW_OK : cmaw_verb_describe(verb, &visitor, diag);
}
