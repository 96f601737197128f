#include <string.h>

#include "client/json.h"
#include "client/usage.h"
#include "client/verbs.h"

static enum cmaw_err add_options(json_t *list, const struct cmaw_option *option)
{
    for (; option != NULL && option->name != NULL; option++) {
        json_t *entry = json_object();
        CMAW_TRY(cmaw_json_append(list, entry));
        CMAW_TRY(cmaw_json_set_text(entry, "name", option->name));
        CMAW_TRY(cmaw_json_set(entry, "letter", option->letter == '\0' ? json_string("") : json_stringn(&option->letter, 1)));
        CMAW_TRY(cmaw_json_set_text(entry, "arg", option->arg == NULL ? "" : option->arg));
        CMAW_TRY(cmaw_json_set_text(entry, "help", option->help));
    }
    return CMAW_OK;
}

static enum cmaw_err add_usage(void *context, const struct cmaw_usage *usage)
{
    json_t *entry = json_object();
    json_t *options = json_array();
    CMAW_TRY(cmaw_json_append(context, entry));
    CMAW_TRY(cmaw_json_set(entry, "options", options));
    CMAW_TRY(cmaw_json_set_text(entry, "verb", usage->verb));
    CMAW_TRY(cmaw_json_set_text(entry, "words", usage->words));
    CMAW_TRY(cmaw_json_set_text(entry, "summary", usage->summary));
    CMAW_TRY(cmaw_json_set_text(entry, "example", usage->example));
    CMAW_TRY(add_options(options, usage->options));
    return add_options(options, usage->common);
}

static enum cmaw_err print_usages(struct cmaw_diag *diag)
{
    CMAW_JSON_AUTO(list);
    list = json_array();
    CMAW_REQUIRE(list != NULL, CMAW_E_NO_MEMORY);
    for (const struct cmaw_verb *verb = cmaw_verbs; verb->name != NULL; verb++) {
        if (verb->group[0] == '\0') {
            continue;
        }
        json_t *entry = json_object();
        json_t *usages = json_array();
        CMAW_TRY(cmaw_json_append(list, entry));
        CMAW_TRY(cmaw_json_set(entry, "usages", usages));
        CMAW_TRY(cmaw_json_set_text(entry, "verb", verb->name));
        CMAW_TRY(cmaw_json_set_text(entry, "group", verb->group));
        CMAW_TRY(cmaw_json_set_text(entry, "summary", verb->summary));
        const struct cmaw_usage_visitor visitor = {.visit = add_usage, .context = usages};
        CMAW_TRY(cmaw_verb_describe(verb, &visitor, diag));
    }
    return cmaw_json_print(list);
}

enum cmaw_err cmaw_command_usage(int argc, char **argv, struct cmaw_diag *diag)
{
    const struct cmaw_option options[] = {CMAW_OPTION_END};
    const struct cmaw_usage usage = {.verb = "usage", .words = "", .options = options, .example = "cmaw usage",
                                     .summary = "Prints the verbs and what each takes, as JSON: what the man page is made from."};
    struct cmaw_words words;
    bool help;
    CMAW_TRY(cmaw_options_parse(&usage, argc, argv, &words, &help, diag));
    return help ? CMAW_OK : print_usages(diag);
}
