#include <string.h>

#include "agents/intake/facts.h"

/* What stands before the name of the person who writes, and how sure it makes us. */
static const struct {
    const char *phrase;
    int confidence;
    bool line_start; /* counts only at the start of a line, as a label or a closing */
} leads[] = {
    {"claimant:", 95, true},       {"name of claimant:", 95, true}, {"policyholder:", 95, true}, {"policy holder:", 95, true},
    {"insured:", 95, true},        {"insured person:", 95, true},   {"name of insured:", 95, true}, {"name:", 90, true},
    {"my name is", 90, false},     {"from:", 85, true},             {"i, ", 85, false},
    {"yours sincerely", 80, true}, {"yours faithfully", 80, true},  {"yours truly", 80, true}, {"sincerely", 80, true},
    {"kind regards", 80, true},    {"best regards", 80, true},      {"warm regards", 80, true}, {"with kind regards", 80, true},
    {"regards", 80, true},         {"best wishes", 80, true},       {"many thanks", 80, true}, {"thank you", 75, true},
    {"thanks", 75, true},
};

static size_t skip_to_name(const struct cmaw_letter *letter, size_t at)
{
    for (size_t skipped = 0; skipped < 4; skipped++, at++) {
        const uint8_t c = cmaw_letter_at(letter, at);
        if (c != ' ' && c != '\n' && c != ',' && c != ':' && c != '.' && c != '"') {
            break;
        }
    }
    return at;
}

static bool name_behind(const struct cmaw_letter *letter, const char *phrase, bool line_start, char ret_name[static CMAW_FACT_TEXT_MAX])
{
    struct cmaw_span rest = cmaw_letter_all(letter);
    struct cmaw_span hit;
    while (cmaw_letter_find(letter, rest, phrase, &hit)) {
        const bool at_start = hit.at == 0 || letter->text.data[hit.at - 1] == '\n';
        const size_t at = skip_to_name(letter, hit.end);
        size_t end = 0;
        if ((at_start || !line_start) && cmaw_facts_name_at(letter, at, cmaw_letter_line_at(letter, at).end, ret_name, &end)) {
            return true;
        }
        rest.at = hit.end;
    }
    return false;
}

void cmaw_facts_read_claimant(const struct cmaw_letter *letter, struct cmaw_facts *facts)
{
    struct cmaw_fact_text *claimant = &facts->claimant;
    for (size_t i = 0; i < sizeof leads / sizeof leads[0]; i++) {
        char name[CMAW_FACT_TEXT_MAX];
        if (!name_behind(letter, leads[i].phrase, leads[i].line_start, name)) {
            continue;
        }
        if (claimant->confidence == 0) {
            memcpy(claimant->text, name, sizeof name);
            claimant->confidence = leads[i].confidence;
        } else if (strcmp(claimant->text, name) == 0) {
            claimant->confidence = 95; /* said twice, in two ways */
        }
    }
}
