/* Command lines of the verbs, from tables: parsing, and the text of --help. */
#ifndef CMAW_CLIENT_OPTIONS_H
#define CMAW_CLIENT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/diag.h"

enum { CMAW_WORDS_MAX = 256, CMAW_VERB_SIZE = 32 };

/* Words of a command line, borrowed from argv. */
struct cmaw_words {
    const char *items[CMAW_WORDS_MAX];
    size_t count;
};

struct cmaw_option {
    const char *name;  /* without the dashes; NULL ends a table */
    const char *arg;   /* "FILE"; NULL: a flag */
    const char *help;
    const char **value;       /* with arg: the last one given */
    struct cmaw_words *words; /* with arg: all of them */
    bool *flag;               /* without arg */
    char letter;              /* 'o': -o FILE is the same; 0: none */
};

#define CMAW_OPTION_END ((struct cmaw_option){.name = NULL})

struct cmaw_usage {
    const char *verb;    /* "run" */
    const char *words;   /* "WORKFLOW.yaml INPUT" */
    const char *summary; /* one or two sentences */
    const char *example; /* a real command line */
    size_t min_words, max_words;
    const struct cmaw_option *options; /* the verb's own */
    const struct cmaw_option *common;  /* those it shares with others; may be NULL */
};

/* argv[0] is the verb. Options may stand anywhere, as --name VALUE, --name=VALUE or -n VALUE; "--" ends them. With --help it prints the usage on standard output and
 * sets *ret_help. USAGE, with the usage as a hint, otherwise. */
enum cmaw_err cmaw_options_parse(const struct cmaw_usage *usage, int argc, char **argv, struct cmaw_words *ret_words,
                                 bool *ret_help, struct cmaw_diag *diag);

/* Verbs under a verb: "kms policy", "kms lint". */
struct cmaw_subverb {
    const char *name;
    const char *summary;
    enum cmaw_err (*run)(int argc, char **argv, struct cmaw_diag *diag);
};
/* argv[0] is the verb, argv[1] one of those under it, or --help, which lists them. USAGE with a hint otherwise. */
enum cmaw_err cmaw_options_group(const char *verb, const struct cmaw_subverb *subverbs, size_t count, const char *example, int argc, char **argv,
                                 struct cmaw_diag *diag);

/* While a visitor is set, --help gives it the usage instead of printing it. NULL ends that. */
struct cmaw_usage_visitor {
    enum cmaw_err (*visit)(void *context, const struct cmaw_usage *usage);
    void *context;
};
void cmaw_options_describe(const struct cmaw_usage_visitor *visitor);
/* Whether one is set: for a verb that is another program. */
bool cmaw_options_described(void);

#endif
