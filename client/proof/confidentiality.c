#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "client/proof/proof.h"
#include "client/proof/terms.h"
#include "host/temporal/history.h"

enum { HITS_SHOWN = 20, READ_STEP = 256 * 1024, NAMES_MAX = 128 * 1024 };

struct search {
    const struct cmaw_terms *terms;
    struct cmaw_matcher *matcher;
    struct cmaw_proof *proof;
    json_t *sources;
    const char *source; /* being searched */
    uint64_t hits;      /* in this source */
    uint64_t all_hits;
    uint64_t all_bytes;
};

static void on_hit(void *context, uint32_t tag, uint64_t offset)
{
    struct search *search = context;
    search->hits++;
    if (search->all_hits++ < HITS_SHOWN) {
        const struct cmaw_term *term = cmaw_terms_at(search->terms, tag / CMAW_FORM_COUNT);
        cmaw_proof_line(search->proof, "FOUND      \"%.*s\" (%s) in %s at byte %llu", (int)term->text.size, (const char *)term->text.data,
                        cmaw_term_form_name((enum cmaw_term_form)(tag % CMAW_FORM_COUNT)), search->source, (unsigned long long)offset);
    }
}

static enum cmaw_err end_source(struct search *search, struct cmaw_scan *scan, const char *what)
{
    CMAW_TRY(cmaw_scan_end(scan));
    search->all_bytes += scan->size;
    cmaw_proof_line(search->proof, "looked at  %s: %llu bytes%s, %llu found", search->source, (unsigned long long)scan->size, what,
                    (unsigned long long)search->hits);
    json_t *entry = json_object();
    CMAW_TRY(cmaw_json_append(search->sources, entry));
    CMAW_TRY(cmaw_json_set_text(entry, "source", search->source));
    CMAW_TRY(cmaw_json_set_u64(entry, "bytes", scan->size));
    return cmaw_json_set_u64(entry, "found", search->hits);
}

static enum cmaw_err begin_source(struct search *search, const char *name, struct cmaw_scan *scan)
{
    search->source = name;
    search->hits = 0;
    return cmaw_scan_begin(search->matcher, on_hit, search, scan);
}

static enum cmaw_err count_event(void *context, const struct cmaw_temporal_event *event)
{
    (void)event;
    ++*(size_t *)context;
    return CMAW_OK;
}

static enum cmaw_err search_history(struct search *search, struct cmaw_slice history)
{
    size_t events = 0;
    CMAW_TRY(cmaw_temporal_history_events(history, count_event, &events));
    struct cmaw_scan scan;
    CMAW_TRY(begin_source(search, "the run's event history from Temporal", &scan));
    CMAW_TRY(cmaw_scan_bytes(&scan, history));
    char what[64];
    (void)snprintf(what, sizeof what, " in %zu events", events);
    CMAW_TRY(cmaw_json_set_u64(search->proof->json, "events", events));
    return end_source(search, &scan, what);
}

static enum cmaw_err search_fd(int fd, struct cmaw_scan *scan, const char *path, struct cmaw_diag *diag)
{
    uint8_t *block = calloc(1, READ_STEP);
    CMAW_REQUIRE(block != NULL, CMAW_E_NO_MEMORY);
    enum cmaw_err err = CMAW_OK;
    ssize_t got;
    while (err == CMAW_OK && (got = read(fd, block, READ_STEP)) != 0) {
        if (got < 0) {
            err = errno == EINTR ? CMAW_OK : cmaw_diag_set(diag, cmaw_err_of_errno(errno), "cannot read %s: %s", path, strerror(errno));
        } else {
            err = cmaw_scan_bytes(scan, cmaw_slice_of(block, (size_t)got));
        }
    }
    free(block);
    return err;
}

static enum cmaw_err search_file(struct search *search, const char *folder, const char *name, struct cmaw_diag *diag)
{
    char path[CMAW_PATH_MAX];
    CMAW_TRY(cmaw_path(path, "%s/%s", folder, name));
    CMAW_FD_AUTO(fd);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat info;
    if (fd < 0 && errno == ENOENT) {
        return CMAW_OK; /* a database's side file that went away meanwhile */
    }
    if (fd < 0 || fstat(fd, &info) != 0) {
        return cmaw_diag_set(diag, cmaw_err_of_errno(errno), "cannot open %s: %s", path, strerror(errno));
    }
    CMAW_REQUIRE(S_ISREG(info.st_mode), CMAW_OK);
    struct cmaw_scan scan;
    CMAW_TRY(begin_source(search, path, &scan));
    const enum cmaw_err err = search_fd(fd, &scan, path, diag);
    if (err != CMAW_OK) {
        cmaw_buf_free(&scan.carry);
        return err;
    }
    return end_source(search, &scan, "");
}

static enum cmaw_err search_folder(struct search *search, const struct cmaw_stack *stack, const char *name, struct cmaw_diag *diag)
{
    char folder[CMAW_PATH_MAX];
    CMAW_TRY(cmaw_stack_path(stack, folder, diag, "%s", name));
    struct dirent **entries = NULL;
    const int count = scandir(folder, &entries, NULL, alphasort);
    if (count < 0) {
        return cmaw_diag_set(diag, cmaw_err_of_errno(errno), "cannot read %s: %s", folder, strerror(errno));
    }
    enum cmaw_err err = CMAW_OK;
    for (int i = 0; i < count; i++) {
        if (err == CMAW_OK && entries[i]->d_name[0] != '.') {
            err = search_file(search, folder, entries[i]->d_name, diag);
        }
        free(entries[i]);
    }
    free(entries);
    return err;
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

static enum cmaw_err make_terms(const struct cmaw_outcome *outcome, const struct cmaw_plaintexts *plaintexts, struct cmaw_terms *terms,
                                struct cmaw_matcher *matcher)
{
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

static void on_control_hit(void *context, uint32_t tag, uint64_t offset)
{
    (void)offset;
    const struct control *control = context;
    control->seen[tag / CMAW_FORM_COUNT] = true;
}

/* The same search over the plaintexts must find every term: a search that finds nothing anywhere proves nothing. */
static enum cmaw_err check_control(struct search *search, const struct cmaw_plaintexts *plaintexts, size_t sought, bool *ret_good)
{
    struct control control = {.terms = cmaw_terms_count(search->terms)};
    control.seen = calloc(control.terms + 1, sizeof *control.seen);
    CMAW_REQUIRE(control.seen != NULL, CMAW_E_NO_MEMORY);
    enum cmaw_err err = CMAW_OK;
    for (size_t i = 0; err == CMAW_OK && i < CMAW_EDGES_MAX; i++) {
        struct cmaw_scan scan;
        err = cmaw_scan_begin(search->matcher, on_control_hit, &control, &scan);
        err = err != CMAW_OK ? err : cmaw_scan_bytes(&scan, plaintexts->opened[i].content.content);
        err = err != CMAW_OK ? err : cmaw_scan_end(&scan);
    }
    size_t seen = 0;
    for (size_t i = 0; i < control.terms; i++) {
        seen += control.seen[i];
    }
    free(control.seen);
    CMAW_TRY(err);
    cmaw_proof_line(search->proof, "control    the same search finds %zu of %zu in the opened states", seen, sought);
    CMAW_TRY(cmaw_json_set_u64(search->proof->json, "control_found", seen));
    *ret_good = seen == sought;
    return CMAW_OK;
}

static enum cmaw_err describe_terms(struct search *search, size_t *ret_sought)
{
    size_t counts[3] = {0};
    size_t allowed = 0;
    for (size_t i = 0; i < cmaw_terms_count(search->terms); i++) {
        const struct cmaw_term *term = cmaw_terms_at(search->terms, i);
        counts[term->kind] += !term->allowed;
        allowed += term->allowed;
    }
    *ret_sought = counts[0] + counts[1] + counts[2];
    cmaw_proof_line(search->proof, "looked for %zu words of %d letters or more, %zu numbers of %d digits or more (%d as in 12,400), %zu identifiers: each as it stands, in hex,",
                    counts[0], CMAW_TERM_LETTERS_MIN, counts[CMAW_TERM_NUMBER], CMAW_TERM_DIGITS_MIN, CMAW_TERM_JOINED_MIN, counts[CMAW_TERM_IDENTIFIER]);
    cmaw_proof_line(search->proof, "           base64 and UTF-16, %zu patterns in all; %zu more occur in any run (the list in the program, and public names)",
                    cmaw_matcher_patterns(search->matcher), allowed);
    CMAW_TRY(cmaw_json_set_u64(search->proof->json, "terms", *ret_sought));
    CMAW_TRY(cmaw_json_set_u64(search->proof->json, "terms_allowed", allowed));
    return cmaw_json_set_u64(search->proof->json, "patterns", cmaw_matcher_patterns(search->matcher));
}

static enum cmaw_err search_all(struct search *search, const struct cmaw_plaintexts *plaintexts, struct cmaw_slice history,
                                const struct cmaw_stack *stack, struct cmaw_diag *diag)
{
    size_t sought = 0;
    bool control = false;
    CMAW_TRY(describe_terms(search, &sought));
    CMAW_TRY(search_history(search, history));
    if (stack != NULL) {
        CMAW_TRY(search_folder(search, stack, "temporal", diag));
        CMAW_TRY(search_folder(search, stack, "logs", diag));
    } else {
        cmaw_proof_line(search->proof, "not looked at: the server's database and the logs, which are not on this machine");
    }
    CMAW_TRY(check_control(search, plaintexts, sought, &control));
    search->proof->pass = search->all_hits == 0 && control;
    (void)snprintf(search->proof->summary, sizeof search->proof->summary, "%llu of %zu terms of the opened states found in %llu bytes outside the enclaves%s",
                   (unsigned long long)search->all_hits, sought, (unsigned long long)search->all_bytes,
                   control ? "" : "; the control search failed");
    return cmaw_json_set_u64(search->proof->json, "found", search->all_hits);
}

enum cmaw_err cmaw_prove_confidentiality(const struct cmaw_outcome *outcome, const struct cmaw_plaintexts *plaintexts, struct cmaw_slice history,
                                         const struct cmaw_stack *stack, struct cmaw_proof *proof, struct cmaw_diag *diag)
{
    CMAW_TERMS_AUTO(terms);
    CMAW_MATCHER_AUTO(matcher);
    CMAW_TRY(cmaw_terms_new(&terms));
    CMAW_TRY(cmaw_matcher_new(&matcher));
    CMAW_TRY(make_terms(outcome, plaintexts, terms, matcher));
    struct search search = {.terms = terms, .matcher = matcher, .proof = proof, .sources = json_array()};
    CMAW_TRY(cmaw_json_set(proof->json, "sources", search.sources));
    return search_all(&search, plaintexts, history, stack, diag);
}
