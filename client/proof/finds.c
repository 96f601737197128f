#include "client/proof/finds.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS = 2 * CMAW_FINDS_MAX };

struct cmaw_finds {
    struct cmaw_find list[CMAW_FINDS_MAX];
    uint32_t next[CMAW_FINDS_MAX]; /* in the chain of its tag: index + 1, 0 ends */
    size_t count;
    uint64_t lost;
    uint32_t slots[SLOTS];  /* by all that makes finds equal: index + 1, 0 is free */
    uint32_t chains[SLOTS]; /* of those that can be fixed, by tag */
};

void cmaw_finds_free(struct cmaw_finds **finds)
{
    if (*finds != NULL) {
        cmaw_wipe(*finds, sizeof **finds); /* what stands around a find may be content */
        free(*finds);
        *finds = NULL;
    }
}

enum cmaw_err cmaw_finds_new(struct cmaw_finds **ret_finds)
{
    struct cmaw_finds *finds = calloc(1, sizeof *finds);
    CMAW_REQUIRE(finds != NULL, CMAW_E_NO_MEMORY);
    *ret_finds = finds;
    return CMAW_OK;
}

static struct cmaw_slice before_of(const struct cmaw_find *find)
{
    return cmaw_slice_of(find->before, find->before_size);
}

static struct cmaw_slice after_of(const struct cmaw_find *find)
{
    return cmaw_slice_of(find->after, find->after_size);
}

static uint32_t mix(uint32_t hash, struct cmaw_slice bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        hash = (hash ^ bytes.data[i]) * 16777619u;
    }
    return (hash ^ (uint32_t)bytes.size) * 16777619u;
}

static uint32_t *chain_of(struct cmaw_finds *finds, uint32_t tag)
{
    return &finds->chains[tag * 2654435769u % SLOTS];
}

/* The slot of an equal find, or the free one where it belongs. */
static uint32_t *slot_of(struct cmaw_finds *finds, const struct cmaw_hit *hit, uint32_t place)
{
    const uint32_t seed = ((hit->tag * 31u + place) * 2 + hit->packed) ^ 2166136261u;
    for (uint32_t at = mix(mix(seed, hit->before), hit->after) % SLOTS;; at = (at + 1) % SLOTS) {
        if (finds->slots[at] == 0) {
            return &finds->slots[at];
        }
        const struct cmaw_find *find = &finds->list[finds->slots[at] - 1];
        if (find->tag == hit->tag && find->place == place && find->packed == hit->packed && cmaw_slice_eq(before_of(find), hit->before) &&
            cmaw_slice_eq(after_of(find), hit->after)) {
            return &finds->slots[at];
        }
    }
}

void cmaw_finds_add(struct cmaw_finds *finds, const struct cmaw_hit *hit, uint32_t place, bool can_be_fixed)
{
    uint32_t *slot = slot_of(finds, hit, place);
    if (*slot != 0) {
        finds->list[*slot - 1].count++;
        return;
    }
    if (finds->count == CMAW_FINDS_MAX) {
        finds->lost++;
        return;
    }
    struct cmaw_find *find = &finds->list[finds->count];
    *find = (struct cmaw_find){.tag = hit->tag, .place = place, .offset = hit->offset, .count = 1, .can_be_fixed = can_be_fixed, .packed = hit->packed,
                               .before_size = (uint8_t)hit->before.size, .after_size = (uint8_t)hit->after.size};
    memmove(find->before, hit->before.data, hit->before.size);
    memmove(find->after, hit->after.data, hit->after.size);
    *slot = (uint32_t)++finds->count;
    if (can_be_fixed) {
        uint32_t *chain = chain_of(finds, hit->tag);
        finds->next[finds->count - 1] = *chain;
        *chain = (uint32_t)finds->count;
    }
}

size_t cmaw_finds_count(const struct cmaw_finds *finds)
{
    return finds->count;
}

const struct cmaw_find *cmaw_finds_at(const struct cmaw_finds *finds, size_t index)
{
    return &finds->list[index];
}

uint64_t cmaw_finds_lost(const struct cmaw_finds *finds)
{
    return finds->lost;
}

bool cmaw_finds_open(const struct cmaw_finds *finds)
{
    for (size_t i = 0; i < finds->count; i++) {
        if (finds->list[i].can_be_fixed && finds->list[i].program == NULL) {
            return true;
        }
    }
    return false;
}

static size_t common_end(struct cmaw_slice a, struct cmaw_slice b)
{
    size_t size = 0;
    while (size < a.size && size < b.size && a.data[a.size - 1 - size] == b.data[b.size - 1 - size]) {
        size++;
    }
    return size;
}

static size_t common_start(struct cmaw_slice a, struct cmaw_slice b)
{
    size_t size = 0;
    while (size < a.size && size < b.size && a.data[size] == b.data[size]) {
        size++;
    }
    return size;
}

static bool is_name_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

enum token_kind { TOKEN_OTHER, TOKEN_NAME, TOKEN_VALUE };

/* The unbroken run of name characters that the word is in. */
struct token {
    enum token_kind kind;
    size_t before, after; /* bytes of it before and behind the word */
};

static struct token token_of(const struct cmaw_find *find)
{
    struct token token = {.kind = TOKEN_OTHER};
    while (token.before < find->before_size && is_name_char(find->before[find->before_size - 1 - token.before])) {
        token.before++;
    }
    while (token.after < find->after_size && is_name_char(find->after[token.after])) {
        token.after++;
    }
    if (token.before == find->before_size || token.after == find->after_size) {
        return token;
    }
    const uint8_t open = find->before[find->before_size - 1 - token.before];
    const uint8_t close = find->after[token.after];
    const bool quoted = open == '"' && close == '"' && token.after + 1 < find->after_size && find->after[token.after + 1] == ':';
    if (quoted || (open == ' ' && close == '=')) {
        token.kind = TOKEN_NAME;
    } else if (open == '=' && (close == ' ' || close == '\n')) {
        token.kind = TOKEN_VALUE;
    }
    return token;
}

/* Whether the program has the token as a whole text, between two NULs. */
static bool is_whole_text(const struct cmaw_hit *hit, const struct token *token)
{
    return hit->before.size > token->before && hit->before.data[hit->before.size - 1 - token->before] == 0 &&
           hit->after.size > token->after && hit->after.data[token->after] == 0;
}

static bool explains(const struct cmaw_find *find, const struct cmaw_hit *hit)
{
    const size_t before = common_end(before_of(find), hit->before);
    const size_t after = common_start(after_of(find), hit->after);
    if (before + after >= CMAW_FIXED_AROUND) {
        return true;
    }
    const struct token token = token_of(find);
    return before >= token.before && after >= token.after &&
           (token.kind == TOKEN_NAME || (token.kind == TOKEN_VALUE && is_whole_text(hit, &token)));
}

void cmaw_finds_explain(struct cmaw_finds *finds, const struct cmaw_hit *hit, const char *program)
{
    for (uint32_t at = *chain_of(finds, hit->tag); at != 0; at = finds->next[at - 1]) {
        struct cmaw_find *find = &finds->list[at - 1];
        if (find->tag == hit->tag && find->program == NULL && explains(find, hit)) {
            find->program = program;
        }
    }
}
