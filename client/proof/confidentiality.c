#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/proof/places.h"
#include "client/proof/proof.h"
#include "client/proof/terms.h"
#include "host/temporal/history.h"

enum { FINDS_SHOWN = 20, NAMES_MAX = 128 * 1024, METADATA_MAX = 64 * 1024 * 1024 };

struct search {
    const struct cmaw_terms *terms;
    struct cmaw_matcher *matcher;
    struct cmaw_slice forbidden; /* lines */
    struct cmaw_proof *proof;
    struct cmaw_places places;
    uint64_t found;
};

/* What Temporal shows of payloads beside their data. */
struct metadata {
    size_t events, payloads, fields;
    struct cmaw_buf text; /* each key and value on a line */
};

static enum cmaw_err on_leaf(void *context, const char *path, struct cmaw_slice value)
{
    struct metadata *metadata = context;
    const char *field = strstr(path, ".metadata.");
    if (field != NULL) {
        metadata->fields += strcmp(field, ".metadata.key") == 0;
        cmaw_buf_put(&metadata->text, value);
        cmaw_buf_put_u8(&metadata->text, '\n');
    }
    return metadata->text.err;
}

static enum cmaw_err on_payload(void *context, const char *path, const struct cmaw_temporal_payload *payload)
{
    (void)path;
    (void)payload;
    ((struct metadata *)context)->payloads++;
    return CMAW_OK;
}

static enum cmaw_err search_history(struct search *search, struct cmaw_slice history)
{
    char name[80];
    struct metadata metadata = {.text = CMAW_BUF(METADATA_MAX)};
    const struct cmaw_temporal_visitor visitor = {.leaf = on_leaf, .payload = on_payload, .context = &metadata};
    enum cmaw_err err = cmaw_temporal_history_walk(history, &visitor, &metadata.events);
    if (err == CMAW_OK) {
        (void)snprintf(name, sizeof name, "the run's event history from Temporal, %zu events", metadata.events);
        err = cmaw_places_search_bytes(&search->places, name, history);
    }
    if (err == CMAW_OK) {
        (void)snprintf(name, sizeof name, "the metadata of its %zu payloads, %zu fields", metadata.payloads, metadata.fields);
        err = cmaw_places_search_bytes(&search->places, name, cmaw_buf_slice(&metadata.text));
    }
    cmaw_buf_free(&metadata.text);
    CMAW_TRY(err);
    CMAW_TRY(cmaw_json_set_u64(search->proof->json, "events", metadata.events));
    CMAW_TRY(cmaw_json_set_u64(search->proof->json, "payloads", metadata.payloads));
    return cmaw_json_set_u64(search->proof->json, "metadata_fields", metadata.fields);
}

static void show_find(struct search *search, const struct cmaw_find *find, const char *place)
{
    const struct cmaw_slice text = cmaw_terms_at(search->terms, find->tag / CMAW_FORM_COUNT)->text;
    if (find->program != NULL) {
        cmaw_proof_line(search->proof, "explained  \"%.*s\" in %s at byte %llu%s is part of a fixed text of %s", (int)text.size, (const char *)text.data, place,
                        (unsigned long long)find->offset, find->count > 1 ? " and more" : "", find->program);
        return;
    }
    cmaw_proof_line(search->proof, "FOUND      \"%.*s\" (%s) in %s%s at byte %llu%s", (int)text.size, (const char *)text.data,
                    cmaw_term_form_name((enum cmaw_term_form)(find->tag % CMAW_FORM_COUNT)), find->packed ? "a compressed stream of " : "", place,
                    (unsigned long long)find->offset, find->count > 1 ? " and more" : "");
}

/* For programs and the report, which may be handed on: without the text itself. */
static enum cmaw_err tell_find(struct search *search, const struct cmaw_find *find, const char *place)
{
    const struct cmaw_term *term = cmaw_terms_at(search->terms, find->tag / CMAW_FORM_COUNT);
    json_t *entry = json_object();
    CMAW_TRY(cmaw_json_append(json_object_get(search->proof->json, "finds"), entry));
    CMAW_TRY(cmaw_json_set_text(entry, "kind", cmaw_term_kind_name(term->kind)));
    CMAW_TRY(cmaw_json_set_u64(entry, "bytes", term->text.size));
    CMAW_TRY(cmaw_json_set_text(entry, "form", cmaw_term_form_name((enum cmaw_term_form)(find->tag % CMAW_FORM_COUNT))));
    CMAW_TRY(cmaw_json_set(entry, "compressed", json_boolean(find->packed)));
    CMAW_TRY(cmaw_json_set_text(entry, "source", place));
    CMAW_TRY(cmaw_json_set_u64(entry, "offset", find->offset));
    return cmaw_json_set_u64(entry, "count", find->count);
}

static enum cmaw_err show_finds(struct search *search, bool explained)
{
    size_t shown = 0;
    for (size_t i = 0; i < cmaw_finds_count(search->places.finds) && shown < FINDS_SHOWN; i++) {
        const struct cmaw_find *find = cmaw_finds_at(search->places.finds, i);
        const char *place = cmaw_place_name(&search->places.list[find->place]);
        if ((find->program != NULL) == explained) {
            shown++;
            show_find(search, find, place);
            CMAW_TRY(explained ? CMAW_OK : tell_find(search, find, place));
        }
    }
    return CMAW_OK;
}

static enum cmaw_err report_unpacked(struct search *search)
{
    const struct cmaw_unpack_totals *unpacked = &search->places.unpacked;
    cmaw_proof_line(search->proof, "looked in  %llu gzip and zlib streams among these bytes, up to %d deep", (unsigned long long)unpacked->streams, CMAW_UNPACK_DEPTH);
    if (unpacked->cut > 0) {
        cmaw_proof_line(search->proof, "MISSING    %llu compressed streams are larger, or more at once, than what is searched; nothing is proven about them",
                        (unsigned long long)unpacked->cut);
    }
    CMAW_TRY(cmaw_json_set_u64(search->proof->json, "streams", unpacked->streams));
    return cmaw_json_set_u64(search->proof->json, "streams_cut", unpacked->cut);
}

static enum cmaw_err report_place(struct search *search, size_t index)
{
    const struct cmaw_place *place = &search->places.list[index];
    uint64_t found = 0, explained = 0;
    cmaw_places_count(&search->places, index, &found, &explained);
    search->found += found;
    char more[64] = "";
    if (explained > 0) {
        (void)snprintf(more, sizeof more, ", %llu explained", (unsigned long long)explained);
    }
    cmaw_proof_line(search->proof, "looked at  %s: %llu bytes, %llu found%s", cmaw_place_name(place), (unsigned long long)place->size, (unsigned long long)found, more);
    json_t *entry = json_object();
    CMAW_TRY(cmaw_json_append(json_object_get(search->proof->json, "sources"), entry));
    CMAW_TRY(cmaw_json_set_text(entry, "source", cmaw_place_name(place)));
    CMAW_TRY(cmaw_json_set_u64(entry, "bytes", place->size));
    CMAW_TRY(cmaw_json_set_u64(entry, "lines", place->lines));
    CMAW_TRY(cmaw_json_set_u64(entry, "explained", explained));
    return cmaw_json_set_u64(entry, "found", found);
}

static enum cmaw_err report_places(struct search *search)
{
    for (size_t i = 0; i < search->places.count; i++) {
        CMAW_TRY(report_place(search, i));
    }
    search->found += cmaw_finds_lost(search->places.finds);
    CMAW_TRY(report_unpacked(search));
    CMAW_TRY(show_finds(search, false));
    return show_finds(search, true);
}

/* The days of the deployment so far, as logs write them: a letter of one of these days shares its date with every line. */
static void put_days(const struct cmaw_verified_run *run, struct cmaw_buf *names)
{
    enum { DAY_MS = 86400 * 1000, DAYS_MAX = 4000 };
    const uint64_t now = cmaw_wall_clock_ms();
    uint64_t day = run->manifest.not_before_ms;
    for (int i = 0; i < DAYS_MAX && day < now + DAY_MS; i++, day += DAY_MS) {
        const time_t seconds = (time_t)(day / 1000);
        struct tm utc;
        char text[16];
        if (gmtime_r(&seconds, &utc) != NULL && strftime(text, sizeof text, "%Y-%m-%d\n", &utc) > 0) {
            cmaw_buf_put_cstr(names, text);
        }
    }
}

/* Names that the plan and the manifest make public: their words may be anywhere. */
static void put_public_names(const struct cmaw_verified_run *run, struct cmaw_buf *names)
{
    const struct cmaw_slice top[] = {run->plan.name, run->manifest.tenant};
    for (size_t i = 0; i < sizeof top / sizeof top[0]; i++) {
        cmaw_buf_put(names, top[i]);
        cmaw_buf_put_u8(names, '\n');
    }
    for (size_t i = 0; i < run->plan.step_count; i++) {
        cmaw_buf_put(names, run->plan.steps[i].name);
        cmaw_buf_put_u8(names, '\n');
    }
    for (size_t i = 0; i < run->plan.edge_count; i++) {
        cmaw_buf_put(names, run->plan.edges[i].name);
        cmaw_buf_put_u8(names, '\n');
    }
    for (size_t i = 0; i < run->manifest.role_count; i++) {
        cmaw_buf_put(names, run->manifest.roles[i].name);
        cmaw_buf_put_u8(names, '\n');
    }
}

static enum cmaw_err make_terms(const struct cmaw_outcome *outcome, const struct cmaw_plaintexts *plaintexts, const struct cmaw_forbidden *forbidden,
                                struct cmaw_terms *terms, struct cmaw_matcher *matcher, struct cmaw_diag *diag)
{
    size_t count = 0;
    CMAW_TRY(cmaw_terms_add_forbidden(terms, forbidden->name, forbidden->lines, &count, diag));
    for (size_t i = 0; i < outcome->run->plan.edge_count; i++) {
        CMAW_TRY(cmaw_terms_add(terms, plaintexts->opened[i].content.content));
    }
    CMAW_BUF_AUTO(names, NAMES_MAX);
    put_public_names(outcome->run, &names);
    put_days(outcome->run, &names);
    CMAW_TRY(names.err);
    const struct cmaw_slice allowed[] = {cmaw_allow_words(), cmaw_buf_slice(&names)};
    CMAW_TRY(cmaw_terms_close(terms, allowed, sizeof allowed / sizeof allowed[0]));
    return cmaw_terms_patterns(terms, matcher);
}

struct control {
    size_t terms;
    bool *seen;
};

static void on_control_hit(void *context, const struct cmaw_hit *hit)
{
    const struct control *control = context;
    control->seen[hit->tag / CMAW_FORM_COUNT] = true;
}

static enum cmaw_err control_bytes(struct search *search, struct cmaw_slice bytes, struct control *control)
{
    struct cmaw_scan scan;
    CMAW_TRY(cmaw_scan_begin(search->matcher, on_control_hit, control, &scan));
    CMAW_TRY(cmaw_scan_bytes(&scan, bytes));
    return cmaw_scan_end(&scan);
}

/* The same search over the plaintexts and the owner's list must find every term: a search that finds nothing anywhere proves nothing. */
static enum cmaw_err check_control(struct search *search, const struct cmaw_plaintexts *plaintexts, size_t sought, bool *ret_good)
{
    struct control control = {.terms = cmaw_terms_count(search->terms)};
    control.seen = calloc(control.terms + 1, sizeof *control.seen);
    CMAW_REQUIRE(control.seen != NULL, CMAW_E_NO_MEMORY);
    enum cmaw_err err = CMAW_OK;
    for (size_t i = 0; err == CMAW_OK && i < CMAW_EDGES_MAX; i++) {
        err = control_bytes(search, plaintexts->opened[i].content.content, &control);
    }
    err = err != CMAW_OK ? err : control_bytes(search, search->forbidden, &control);
    size_t seen = 0;
    for (size_t i = 0; i < control.terms; i++) {
        seen += control.seen[i];
    }
    free(control.seen);
    CMAW_TRY(err);
    cmaw_proof_line(search->proof, "control    the same search finds %zu of %zu in the opened states%s", seen, sought,
                    search->forbidden.size > 0 ? " and in your list" : "");
    CMAW_TRY(cmaw_json_set_u64(search->proof->json, "control_found", seen));
    *ret_good = seen == sought;
    return CMAW_OK;
}

static enum cmaw_err describe_terms(struct search *search, size_t *ret_sought)
{
    size_t counts[CMAW_TERM_KIND_COUNT] = {0};
    size_t allowed = 0;
    for (size_t i = 0; i < cmaw_terms_count(search->terms); i++) {
        const struct cmaw_term *term = cmaw_terms_at(search->terms, i);
        counts[term->kind] += !term->allowed;
        allowed += term->allowed;
    }
    *ret_sought = 0;
    for (size_t i = 0; i < CMAW_TERM_KIND_COUNT; i++) {
        *ret_sought += counts[i];
    }
    cmaw_proof_line(search->proof, "looked for %zu words of %d letters or more, %zu numbers of %d digits or more (%d as in 12,400), %zu identifiers, %zu terms of yours: each as it stands,",
                    counts[CMAW_TERM_WORD], CMAW_TERM_LETTERS_MIN, counts[CMAW_TERM_NUMBER], CMAW_TERM_DIGITS_MIN, CMAW_TERM_JOINED_MIN, counts[CMAW_TERM_IDENTIFIER],
                    counts[CMAW_TERM_FORBIDDEN]);
    cmaw_proof_line(search->proof, "           in hex, base64, base32, UTF-16 and URL encoding, %zu patterns in all; %zu more occur in any run (the list in the program, and public names)",
                    cmaw_matcher_patterns(search->matcher), allowed);
    CMAW_TRY(cmaw_json_set_u64(search->proof->json, "terms", *ret_sought));
    CMAW_TRY(cmaw_json_set_u64(search->proof->json, "terms_forbidden", counts[CMAW_TERM_FORBIDDEN]));
    CMAW_TRY(cmaw_json_set_u64(search->proof->json, "terms_allowed", allowed));
    return cmaw_json_set_u64(search->proof->json, "patterns", cmaw_matcher_patterns(search->matcher));
}

static enum cmaw_err search_stack(struct search *search, const struct cmaw_stack *stack, struct cmaw_diag *diag)
{
    static const char *const folders[] = {"temporal", "logs"};
    char path[CMAW_PATH_MAX];
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        CMAW_TRY(cmaw_stack_path(stack, path, diag, "%s", folders[i]));
        CMAW_TRY(cmaw_places_search_folder(&search->places, path, diag));
    }
    return CMAW_OK;
}

static enum cmaw_err search_all(struct search *search, const struct cmaw_plaintexts *plaintexts, struct cmaw_slice history,
                                const struct cmaw_stack *stack, struct cmaw_diag *diag)
{
    size_t sought = 0;
    bool control = false;
    CMAW_TRY(describe_terms(search, &sought));
    CMAW_TRY(search_history(search, history));
    if (stack != NULL) {
        CMAW_TRY(search_stack(search, stack, diag));
    }
    CMAW_TRY(cmaw_places_explain(&search->places, diag));
    CMAW_TRY(report_places(search));
    if (stack == NULL) {
        cmaw_proof_line(search->proof, "MISSING    the server's database and the logs, which are not on this machine; nothing is proven about them");
    }
    CMAW_TRY(check_control(search, plaintexts, sought, &control));
    const uint64_t cut = search->places.unpacked.cut;
    const bool whole = stack != NULL && cut == 0 && sought > 0; /* a search for nothing finds nothing */
    search->proof->pass = search->found == 0 && control && whole;
    search->proof->incomplete = search->found == 0 && control && !whole;
    (void)snprintf(search->proof->summary, sizeof search->proof->summary, "%llu %s %zu terms of the opened states found in %llu bytes %s%s%s%s",
                   (unsigned long long)search->found, search->found > 0 ? "times one of" : "of", sought, (unsigned long long)cmaw_places_size(&search->places),
                   stack != NULL ? "outside the enclaves" : "of the history; database and logs were not looked at",
                   control ? "" : "; the control search failed", cut == 0 ? "" : "; not every compressed stream could be searched",
                   sought > 0 ? "" : "; the states hold nothing distinctive to look for: name it with --forbid FILE");
    CMAW_TRY(cmaw_json_set(search->proof->json, "control", json_boolean(control)));
    CMAW_TRY(cmaw_json_set_u64(search->proof->json, "bytes", cmaw_places_size(&search->places)));
    CMAW_TRY(cmaw_json_set(search->proof->json, "stack_searched", json_boolean(stack != NULL)));
    return cmaw_json_set_u64(search->proof->json, "found", search->found);
}

enum cmaw_err cmaw_prove_confidentiality(const struct cmaw_outcome *outcome, const struct cmaw_plaintexts *plaintexts, struct cmaw_slice history,
                                         const struct cmaw_stack *stack, const struct cmaw_forbidden *forbidden, struct cmaw_proof *proof,
                                         struct cmaw_diag *diag)
{
    CMAW_TERMS_AUTO(terms);
    CMAW_MATCHER_AUTO(matcher);
    CMAW_TRY(cmaw_terms_new(&terms));
    CMAW_TRY(cmaw_matcher_new(&matcher));
    CMAW_TRY(make_terms(outcome, plaintexts, forbidden, terms, matcher, diag));
    struct search search = {.terms = terms, .matcher = matcher, .forbidden = forbidden->lines, .proof = proof};
    CMAW_TRY(cmaw_json_set(proof->json, "finds", json_array()));
    CMAW_TRY(cmaw_json_set(proof->json, "sources", json_array()));
    enum cmaw_err err = cmaw_places_new(terms, matcher, &search.places);
    err = err != CMAW_OK ? err : search_all(&search, plaintexts, history, stack, diag);
    cmaw_places_free(&search.places);
    return err;
}
