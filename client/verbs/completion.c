#include <stdio.h>
#include <string.h>

#include "client/complete.h"
#include "client/verbs.h"

/* Both ask "cmaw complete", which answers from the tables of the verbs: nothing here has to change with them. */
static const char bash_script[] =
    "# Makes bash complete words of cmaw: source <(cmaw completion bash)\n"
    "_cmaw() {\n"
    "    local line wanted= current=${COMP_WORDS[COMP_CWORD]} file suffix IFS=$'\\n'\n"
    "    COMPREPLY=()\n"
    "    while IFS= read -r line; do\n"
    "        case $line in\n"
    "        :*) wanted=${line#:} ;;\n"
    "        *) COMPREPLY+=(\"${line%%$'\\t'*}\") ;;\n"
    "        esac\n"
    "    done < <(\"${COMP_WORDS[0]/#\\~/$HOME}\" complete -- \"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null)\n"
    "    [ \"$current\" != = ] || current=\n"
    "    case $wanted in\n"
    "    folders) COMPREPLY+=($(compgen -d -- \"$current\")) ;;\n"
    "    files) COMPREPLY+=($(compgen -f -- \"$current\")) ;;\n"
    "    files\\ *)\n"
    "        for file in $(compgen -f -- \"$current\"); do\n"
    "            case \" ${wanted#files } \" in\n"
    "            *\" ${file##*.} \"*) COMPREPLY+=(\"$file\") ;;\n"
    "            *) [ ! -d \"$file\" ] || COMPREPLY+=(\"$file\") ;;\n"
    "            esac\n"
    "        done ;;\n"
    "    esac\n"
    "    [ -z \"$wanted\" ] || compopt -o filenames 2>/dev/null\n"
    "}\n"
    "complete -F _cmaw cmaw\n";

static const char zsh_script[] =
    "#compdef cmaw\n"
    "# Makes zsh complete words of cmaw: source <(cmaw completion zsh), or a file _cmaw in fpath.\n"
    "_cmaw() {\n"
    "    local line wanted tab=$'\\t'\n"
    "    local -a found\n"
    "    while IFS= read -r line; do\n"
    "        case $line in\n"
    "        :*) wanted=${line#:} ;;\n"
    "        *) found+=(\"${${line%%$tab*}//:/\\\\:}:${line#*$tab}\") ;;\n"
    "        esac\n"
    "    done < <(\"${(Q)words[1]/#\\~/$HOME}\" complete -- \"${(@Q)words[2,CURRENT]}\" 2>/dev/null)\n"
    "    (( ! $#found )) || _describe -V cmaw found\n"
    "    case $wanted in\n"
    "    folders) _files -/ ;;\n"
    "    files) _files ;;\n"
    "    files\\ *) _files -g \"*.(${(j:|:)${(s: :)wanted#files }})\" ;;\n"
    "    esac\n"
    "}\n"
    "if [[ ${funcstack[1]} == _cmaw ]]; then\n"
    "    _cmaw \"$@\"\n"
    "else\n"
    "    compdef _cmaw cmaw\n"
    "fi\n";

enum cmaw_err cmaw_command_completion(int argc, char **argv, struct cmaw_diag *diag)
{
    const struct cmaw_option options[] = {CMAW_OPTION_END};
    const struct cmaw_usage usage = {
        .verb = "completion", .words = "bash | zsh", .min_words = 1, .max_words = 1, .options = options,
        .example = "source <(cmaw completion bash)",
        .summary = "Prints a script that makes the shell complete verbs, options, files and runs of cmaw. An installed cmaw has it in\n"
                   "place already; otherwise put the example into ~/.bashrc, or the same with zsh into ~/.zshrc after compinit."};
    struct cmaw_words words;
    bool help;
    CMAW_TRY(cmaw_options_parse(&usage, argc, argv, &words, &help, diag));
    CMAW_REQUIRE(!help, CMAW_OK);
    const bool bash = strcmp(words.items[0], "bash") == 0;
    if (!bash && strcmp(words.items[0], "zsh") != 0) {
        cmaw_diag_hint(diag, "cmaw completion --help");
        return cmaw_diag_set(diag, CMAW_E_USAGE, "completion: bash or zsh, not %.40s", words.items[0]);
    }
    return fputs(bash ? bash_script : zsh_script, stdout) >= 0 ? CMAW_OK : CMAW_E_IO;
}

enum cmaw_err cmaw_command_complete(int argc, char **argv, struct cmaw_diag *diag)
{
    const struct cmaw_option options[] = {CMAW_OPTION_END};
    const struct cmaw_usage usage = {.verb = "complete", .words = "-- WORD…", .max_words = CMAW_WORDS_MAX, .options = options,
                                     .example = "cmaw complete -- run --out",
                                     .summary = "Serves the scripts of cmaw completion: prints what the last word could become."};
    struct cmaw_words words;
    bool help;
    CMAW_TRY(cmaw_options_parse(&usage, argc, argv, &words, &help, diag));
    return help ? CMAW_OK : cmaw_complete(&words, diag);
}
