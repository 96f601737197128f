#include <string.h>

#include "agents/intake/facts.h"

enum { PHRASES_MAX = 16 };

/* What an event does to a person. An illness that the letter mentions is none, so a diagnosis does not count by itself. */
static const char *const injury_words[] = {"injur*", "hurt", "whiplash", "fracture*", "concussion", "bruis*", "sprain*", "ambulance", "wound*",
                                           "bleeding", "unconscious", "taken to hospital", "hospitali*", "pain", "pains", "died", "killed", "fatal*",
                                           "deceased", "scald*", "electrocuted", "poison*", "broken", "broke", "torn", "burns", "burned", "burnt", "cut",
                                           NULL};
static const char *const unhurt_words[] = {"unhurt", "unharmed", "uninjured", NULL};
/* "broken" and the like are said of things too: they count where a part of the body is named. */
static const char *const things_words[] = {"broken", "broke", "torn", "burns", "burned", "burnt", "cut", NULL};
static const char *const body_words[] = {"arm", "leg", "wrist", "ankle", "rib", "ribs", "nose", "collarbone", "hip", "knee", "hand", "finger",
                                         "shoulder", "meniscus", "ligament", "skin", "neck", "foot", "back", "head", "face", NULL};
static const char *const party_words[] = {"other driver", "third party", "other party", "neighbour", "neighbor", "cyclist", "pedestrian",
                                          "passenger", "landlord", "tenant", "witness", "other car", "lorry driver", "taxi driver", NULL};
static const char *const nobody_phrases[] = {"no third part*", "no one else was involved", "nobody else was involved", "no other vehicle",
                                             "no other person was involved", "nobody else", "no one else", NULL};

static void add(struct cmaw_fact_spans *list, const char *tag, struct cmaw_span span, const char *name)
{
    if (list->count == CMAW_FACT_LIST_MAX) {
        return;
    }
    list->found[list->count].tag = tag;
    list->found[list->count].span = span;
    memcpy(list->found[list->count++].name, name, strlen(name) + 1);
}

static void read_injuries(const struct cmaw_letter *letter, struct cmaw_fact_spans *injuries)
{
    for (size_t i = 0; i < letter->sentence_count; i++) {
        const struct cmaw_span sentence = letter->sentences[i];
        struct cmaw_span hit;
        struct cmaw_span ignored;
        if (cmaw_letter_find_any(letter, sentence, unhurt_words, &hit)) {
            injuries->confidence = injuries->confidence > 80 ? injuries->confidence : 80;
        }
        if (!cmaw_letter_find_any(letter, sentence, injury_words, &hit)) {
            continue;
        }
        const bool thing = cmaw_letter_find_any(letter, hit, things_words, &ignored);
        if (thing && !cmaw_letter_find_any(letter, sentence, body_words, &ignored)) {
            continue;
        }
        injuries->confidence = 85;
        if (!cmaw_letter_negated(letter, sentence, hit)) {
            add(injuries, "injury", sentence, "");
        }
    }
}

/* The first name in the words that follow a role: "the other driver, a Mr Paul Ashdown of …". */
static bool name_after(const struct cmaw_letter *letter, struct cmaw_span hit, size_t end, char ret_name[static CMAW_FACT_TEXT_MAX])
{
    enum { REACH = 60 };
    const size_t reach = hit.end + REACH < end ? hit.end + REACH : end;
    for (size_t at = hit.end; at < reach; at++) {
        size_t name_end = 0;
        const bool start = !cmaw_letter_is_word(letter->text.data[at - 1]);
        if (start && cmaw_facts_name_at(letter, at, end, ret_name, &name_end)) {
            return true;
        }
    }
    return false;
}

/* One entry for each role, with a name if any sentence about it gives one. */
static void add_party(struct cmaw_fact_spans *parties, const char *role, struct cmaw_span span, const char *name)
{
    for (size_t i = 0; i < parties->count; i++) {
        if (strcmp(parties->found[i].tag, role) != 0) {
            continue;
        }
        if (parties->found[i].name[0] == '\0') {
            memcpy(parties->found[i].name, name, strlen(name) + 1);
        }
        return;
    }
    add(parties, role, span, name);
}

static void read_parties(const struct cmaw_letter *letter, struct cmaw_fact_spans *parties)
{
    struct cmaw_span hit;
    if (cmaw_letter_find_any(letter, cmaw_letter_all(letter), nobody_phrases, &hit)) {
        parties->confidence = 85;
    }
    for (size_t i = 0; i < letter->sentence_count; i++) {
        const struct cmaw_span sentence = letter->sentences[i];
        for (size_t j = 0; party_words[j] != NULL; j++) {
            char name[CMAW_FACT_TEXT_MAX] = "";
            if (!cmaw_letter_find(letter, sentence, party_words[j], &hit) || cmaw_letter_negated(letter, sentence, hit)) {
                continue;
            }
            if (!name_after(letter, hit, sentence.end, name)) {
                name[0] = '\0';
            }
            add_party(parties, party_words[j], hit, name);
            parties->confidence = 80;
        }
    }
}

void cmaw_facts_read_people(const struct cmaw_letter *letter, struct cmaw_facts *facts)
{
    read_injuries(letter, &facts->injuries);
    read_parties(letter, &facts->third_parties);
}

/* What policies exclude, in the words of letters. "not locked" is itself a finding, so only what stands before it counts. */
static const struct {
    const char *tag;
    const char *phrases[PHRASES_MAX];
} circumstances[] = {
    {"unlocked", {"was unlocked", "were unlocked", "been unlocked", "left unlocked", "left it unlocked", "unlocked door", "unlocked window", "unlocked car", "not locked",
                  "forgot to lock", "was left open", "were left open", "left the window open", "without locking", "had not locked", "hadn't locked"}},
    {"unattended", {"unattended", "left it on the", "left on the back seat", "out of my sight"}},
    {"alcohol", {"alcohol", "had been drinking", "a few drinks", "glasses of wine", "over the limit"}},
    {"flood", {"river burst its banks", "flood water", "floodwater", "rising water", "river flooded", "groundwater"}},
    {"wear", {"wear and tear", "old age of", "had been leaking for", "leaking for months", "dripping for months", "damp for months", "rusted through"}},
    {"pre-existing", {"pre-existing", "known since", "first diagnosed in", "chronic", "suffered for years", "trouble for years", "pain for years", "had it for years"}},
    {"winter-sports", {"off-piste", "skiing", "snowboard*"}},
    {"commercial-use", {"delivery driver", "delivering parcels", "carrying passengers for", "business use"}},
    {"cosmetic", {"cosmetic", "teeth whitening"}},
};

/* Somebody else in the sentence: who drank, or left a door open, takes a person to tell. */
static const char *const others_words[] = {"driver", "cyclist", "pedestrian", "passenger", "neighbour*", "neighbor*", "landlord", "tenant", "thief", "thieves",
                                           "burglar*", "he", "she", "they", NULL};

/* The first place that is about the writer, else the first one; false where all are denied, or there is none. */
static bool find_circumstance(const struct cmaw_letter *letter, const char *const phrases[PHRASES_MAX], struct cmaw_span *ret_hit, bool *ret_sure)
{
    bool found = false;
    *ret_sure = false;
    for (size_t i = 0; i < PHRASES_MAX && phrases[i] != NULL; i++) {
        struct cmaw_span hit;
        for (struct cmaw_span rest = cmaw_letter_all(letter); !*ret_sure && cmaw_letter_find(letter, rest, phrases[i], &hit); rest.at = hit.end) {
            const struct cmaw_span sentence = cmaw_letter_sentence_at(letter, hit.at);
            struct cmaw_span ignored;
            if (cmaw_letter_negated(letter, sentence, hit)) {
                continue;
            }
            *ret_sure = !cmaw_letter_find_any(letter, sentence, others_words, &ignored);
            *ret_hit = found && !*ret_sure ? *ret_hit : hit;
            found = true;
        }
    }
    return found;
}

void cmaw_facts_read_circumstances(const struct cmaw_letter *letter, struct cmaw_facts *facts)
{
    for (size_t i = 0; i < sizeof circumstances / sizeof circumstances[0]; i++) {
        struct cmaw_span hit;
        bool sure;
        if (find_circumstance(letter, circumstances[i].phrases, &hit, &sure)) {
            add(&facts->circumstances, circumstances[i].tag, hit, "");
            facts->circumstances.found[facts->circumstances.count - 1].sure = sure;
        }
    }
}
