#include <string.h>

#include "agents/intake/facts.h"

/* Words that speak for a kind of claim, each counted once with its weight. */
static const struct {
    const char *kind;
    struct {
        const char *phrase;
        int weight;
    } words[20];
} kinds[] = {
    {"collision", {{"collid*", 4}, {"collision", 4}, {"rear-ended", 4}, {"ran into the back", 4}, {"other driver", 3}, {"bumper", 3}, {"my car", 2},
                   {"car accident", 4}, {"traffic accident", 4}, {"roundabout", 2}, {"junction", 2}, {"windscreen", 2}, {"number plate", 2},
                   {"registration", 1}, {"wing mirror", 3}, {"crash*", 2}, {"motor claim", 4}, {"overtak*", 2}, {"cyclist", 2}}},
    {"water", {{"burst", 3}, {"water damage", 5}, {"leak*", 3}, {"pipe", 3}, {"flood*", 3}, {"washing machine", 3}, {"dishwasher", 3},
               {"soaked", 2}, {"damp", 1}, {"plumber", 3}, {"ceiling", 1}, {"parquet", 1}, {"stopcock", 3}, {"radiator", 2}, {"dripping", 2}}},
    {"theft", {{"stolen", 4}, {"stole", 4}, {"theft", 5}, {"burgl*", 5}, {"broke in", 4}, {"broken into", 4}, {"broke into", 4}, {"break-in", 4}, {"robbed", 4},
               {"thief", 3}, {"thieves", 3}, {"police report", 2}, {"crime reference", 3}, {"pickpocket*", 4}}},
    {"fire", {{"fire", 3}, {"burnt", 3}, {"burned", 3}, {"flames", 4}, {"smoke", 3}, {"fire brigade", 4}, {"fire service", 4}, {"scorched", 3},
              {"soot", 3}, {"caught fire", 5}, {"chip pan", 3}, {"extinguish*", 3}}},
    {"travel", {{"flight", 3}, {"airline", 3}, {"trip", 3}, {"holiday", 3}, {"cancelled", 2}, {"canceled", 2}, {"luggage", 3}, {"suitcase", 3},
                {"hotel", 2}, {"booking", 2}, {"tour operator", 3}, {"travel insurance", 5}, {"itinerary", 3}, {"airport", 2}, {"cruise", 3}}},
    {"medical", {{"diagnos*", 4}, {"hospital", 3}, {"surgery", 4}, {"operation", 3}, {"doctor", 2}, {"physiotherapy", 4}, {"medication", 3},
                 {"treatment", 3}, {"prescri*", 3}, {"mri", 3}, {"specialist", 2}, {"clinic", 3}, {"health insurance", 5}, {"consultant", 2},
                 {"orthopaedic", 3}, {"icd-10", 4}}},
    {"storm", {{"storm*", 5}, {"hail*", 5}, {"roof tiles", 3}, {"gale", 4}, {"fallen tree", 4}, {"lightning", 4}}},
};

enum { MEDICAL = 5, KINDS = sizeof kinds / sizeof kinds[0] };

static int score(const struct cmaw_letter *letter, size_t kind)
{
    int sum = 0;
    for (size_t i = 0; i < 20 && kinds[kind].words[i].phrase != NULL; i++) {
        struct cmaw_span hit;
        if (cmaw_letter_find(letter, cmaw_letter_all(letter), kinds[kind].words[i].phrase, &hit) &&
            !cmaw_letter_negated(letter, cmaw_letter_sentence_at(letter, hit.at), hit)) {
            sum += kinds[kind].words[i].weight;
        }
    }
    return sum;
}

/* "Type of claim: water damage". */
static bool labelled(const struct cmaw_letter *letter, struct cmaw_facts *facts)
{
    static const char *const labels[] = {"type of claim:", "kind of claim:", "claim type:", "nature of claim:", "type of loss:", "cause of loss:", NULL};
    struct cmaw_span hit;
    if (!cmaw_letter_find_any(letter, cmaw_letter_all(letter), labels, &hit)) {
        return false;
    }
    const struct cmaw_span value = {hit.end, cmaw_letter_line_at(letter, hit.end).end};
    for (size_t i = 0; i < KINDS; i++) {
        if (cmaw_letter_find(letter, value, kinds[i].kind, &hit)) {
            facts->kind = kinds[i].kind;
            facts->kind_confidence = 95;
            return true;
        }
    }
    return false;
}

enum { A_FEW_WORDS = 4 };

static void score_all(const struct cmaw_letter *letter, int ret_points[static KINDS])
{
    bool event = false;
    for (size_t i = 0; i < KINDS; i++) {
        ret_points[i] = score(letter, i);
        event |= i != MEDICAL && ret_points[i] >= A_FEW_WORDS;
    }
    if (event) {
        ret_points[MEDICAL] /= 2; /* doctors come after an accident too: what happened counts */
    }
}

void cmaw_facts_read_kind(const struct cmaw_letter *letter, struct cmaw_facts *facts)
{
    int all[KINDS];
    int best = 0;
    int second = 0;
    if (labelled(letter, facts)) {
        return;
    }
    score_all(letter, all);
    for (size_t i = 0; i < KINDS; i++) {
        const int points = all[i];
        if (points > best) {
            second = best;
            best = points;
            facts->kind = kinds[i].kind;
        } else if (points > second) {
            second = points;
        }
    }
    if (best < A_FEW_WORDS) {
        facts->kind = NULL; /* a word or two proves nothing */
        return;
    }
    facts->kind_confidence = best >= 2 * second ? 85 : best > second ? 65 : 40;
}
