#include <stdio.h>
#include <string.h>

#include "client/report/parts.h"

static const char *verdict_class(const struct cmaw_proof *proof)
{
    return proof->pass ? "pass" : proof->incomplete ? "incomplete" : "fail";
}

static const char *verdict_text(const struct cmaw_proof *proof)
{
    return proof->pass ? "PASS" : proof->incomplete ? "INCOMPLETE" : "FAIL";
}

enum { FAILS_MAX = 5, KIND_SIZE = 32 };

/* What a person should know of a proof beside its result. */
struct explanation {
    const char *name;
    const char *title;
    const char *claim;
    const char *fails[FAILS_MAX + 1];
    const char *limits;
};

static const struct explanation explanations[] = {
    {"confidentiality", "Confidentiality",
     "Outside the enclaves there is no word of the run: not in Temporal's history and database, and not in a log.",
     {"A word of five letters or more, a number of six digits or more, or an identifier of an opened state, anywhere in what was searched.",
      "A term of the owner's own list (--forbid) there.",
      "The same in hexadecimal, base64, base32, UTF-16 or URL encoding, or inside a gzip or zlib stream.",
      "A control search, over the opened states themselves, that misses a term: then the search is not to be trusted."},
     "Shorter words, other encodings, and the public names of the plan are not searched for. Places that are not on this machine are not searched."},
    {"attestation", "Attestation",
     "KMS released the keys of this run to enclaves with the measurements of the manifest, and to nobody else.",
     {"A key that was released without an attestation document, or to an enclave with another measurement.",
      "A key that was used under an encryption context that no manifest has, by another account, or for another operation that gives out key material.",
      "A key policy that was changed between the birth of a key and the end of the run."},
     "CloudTrail tells late, and keeps events for 90 days. What an enclave does with a key is what its measured image does."},
    {"integrity", "Integrity",
     "Each step was done by an enclave of its role, on exactly the states of this run.",
     {"A receipt that is not signed by a key which the attestation document of its enclave names.",
      "A measurement that the manifest does not list for the role, a debug enclave, or another attestation root.",
      "A state that was changed, left out, repeated, or taken from another run, step or edge.",
      "Another manifest, plan or ticket than the owner's."},
     "It proves that this image ran on these states, not that its answer is right."},
};

static uint64_t number(const json_t *object, const char *key)
{
    const json_int_t value = json_integer_value(json_object_get(object, key));
    return value < 0 ? 0 : (uint64_t)value;
}

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value == NULL ? "" : value;
}

static void open_table(struct cmaw_html *html, const char *caption)
{
    cmaw_html_open(html, "table");
    cmaw_html_attr(html, "class", "examined");
    cmaw_html_leaf(html, "caption", NULL, caption);
    cmaw_html_open(html, "tbody");
}

static void close_table(struct cmaw_html *html)
{
    cmaw_html_close(html);
    cmaw_html_close(html);
}

static void row(struct cmaw_html *html, const char *head, const char *value)
{
    cmaw_html_open(html, "tr");
    cmaw_html_open(html, "th");
    cmaw_html_attr(html, "scope", "row");
    cmaw_html_text(html, head);
    cmaw_html_close(html);
    cmaw_html_leaf(html, "td", NULL, value);
    cmaw_html_close(html);
}

static void number_row(struct cmaw_html *html, const char *head, uint64_t value)
{
    char digits[32];
    (void)snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
    row(html, head, digits);
}

/* The last two parts of a path: where on the machine the stack is, is nobody else's business. */
static const char *short_place(const char *place)
{
    const char *last = place[0] == '/' ? strrchr(place, '/') : NULL;
    if (last == NULL || last == place) {
        return place;
    }
    do {
        last--;
    } while (last > place && *last != '/');
    return *last == '/' ? last + 1 : last;
}

static bool is_log(const json_t *source)
{
    return strncmp(short_place(text(source, "source")), "logs/", 5) == 0;
}

static void sources_table(struct cmaw_html *html, const json_t *sources)
{
    cmaw_table_open(html, "sources", "Where it was searched", (const char *const[]){"Place", "Bytes", "Lines", "Found", NULL});
    for (size_t i = 0; i < json_array_size(sources); i++) {
        const json_t *source = json_array_get(sources, i);
        cmaw_html_open(html, "tr");
        cmaw_html_open(html, "th");
        cmaw_html_attr(html, "scope", "row");
        cmaw_html_text(html, short_place(text(source, "source")));
        cmaw_html_close(html);
        cmaw_html_open(html, "td");
        cmaw_html_textf(html, "%llu", (unsigned long long)number(source, "bytes"));
        cmaw_html_close(html);
        cmaw_html_open(html, "td");
        if (is_log(source)) {
            cmaw_html_textf(html, "%llu", (unsigned long long)number(source, "lines"));
        }
        cmaw_html_close(html);
        cmaw_html_open(html, "td");
        cmaw_html_textf(html, "%llu", (unsigned long long)number(source, "found"));
        if (number(source, "explained") > 0) {
            cmaw_html_textf(html, " (+%llu explained)", (unsigned long long)number(source, "explained"));
        }
        cmaw_html_close(html);
        cmaw_html_close(html);
    }
    close_table(html);
}

static void findings_start(struct cmaw_html *html, const char *heading)
{
    cmaw_html_leaf(html, "h4", NULL, heading);
    cmaw_html_open(html, "ul");
    cmaw_html_attr(html, "class", "findings");
}

static uint64_t log_lines(const json_t *sources)
{
    uint64_t lines = 0;
    for (size_t i = 0; i < json_array_size(sources); i++) {
        const json_t *source = json_array_get(sources, i);
        lines += is_log(source) ? number(source, "lines") : 0;
    }
    return lines;
}

/* A kind of term as a sentence starts with it: "word" is "A word". */
static const char *a_kind(const char *kind, char ret_text[static KIND_SIZE])
{
    (void)snprintf(ret_text, KIND_SIZE, "%s %s", kind[0] != '\0' && strchr("aeiou", kind[0]) != NULL ? "An" : "A", kind);
    return ret_text;
}

static void confidentiality(struct cmaw_html *html, const json_t *json)
{
    const json_t *sources = json_object_get(json, "sources"), *finds = json_object_get(json, "finds");
    open_table(html, "What was examined");
    number_row(html, "Events of the run's history", number(json, "events"));
    number_row(html, "Payloads in them", number(json, "payloads"));
    number_row(html, "Fields of payload metadata", number(json, "metadata_fields"));
    number_row(html, "Log lines", log_lines(sources));
    number_row(html, "Bytes in all", number(json, "bytes"));
    number_row(html, "Compressed streams looked into", number(json, "streams"));
    number_row(html, "Terms looked for", number(json, "terms"));
    number_row(html, "of them the owner's own", number(json, "terms_forbidden"));
    number_row(html, "Patterns, in all encodings", number(json, "patterns"));
    number_row(html, "Terms that the control search found", number(json, "control_found"));
    close_table(html);
    sources_table(html, sources);
    cmaw_html_leaf(html, "p", NULL, "Explained is a word that a program itself holds in a fixed text, such as \"not found\"; it counts as not found.");
    if (json_is_false(json_object_get(json, "stack_searched"))) {
        cmaw_html_leaf(html, "p", NULL, "Not looked at: the server's database and the logs, which were not on the machine that verified: the proof is not complete.");
    }
    if (json_array_size(finds) == 0) {
        return;
    }
    findings_start(html, "What was found");
    for (size_t i = 0; i < json_array_size(finds); i++) {
        const json_t *find = json_array_get(finds, i);
        char kind[KIND_SIZE];
        cmaw_html_open(html, "li");
        cmaw_html_textf(html, "%s of %llu bytes (%s) in %s%s, at byte %llu%s", a_kind(text(find, "kind"), kind), (unsigned long long)number(find, "bytes"), text(find, "form"),
                        json_is_true(json_object_get(find, "compressed")) ? "a compressed stream of " : "", short_place(text(find, "source")),
                        (unsigned long long)number(find, "offset"), number(find, "count") > 1 ? " and more" : "");
        cmaw_html_close(html);
    }
    cmaw_html_close(html);
    cmaw_html_leaf(html, "p", NULL, "The terms themselves are not on this page, so that it can be handed on: cmaw verify prints them for the owner.");
}

static size_t list(struct cmaw_html *html, const json_t *lines, const char *heading)
{
    for (size_t i = 0; i < json_array_size(lines); i++) {
        if (i == 0) {
            findings_start(html, heading);
        }
        const char *line = json_string_value(json_array_get(lines, i));
        cmaw_html_leaf(html, "li", NULL, line == NULL ? "" : line);
    }
    if (json_array_size(lines) > 0) {
        cmaw_html_close(html);
    }
    return json_array_size(lines);
}

static void attestation(struct cmaw_html *html, const json_t *json)
{
    const json_t *keys = json_object_get(json, "keys");
    uint64_t uses = 0, events = 0;
    for (size_t i = 0; i < json_array_size(keys); i++) {
        uses += number(json_array_get(keys, i), "decrypts") + number(json_array_get(keys, i), "generates");
        events += number(json_array_get(keys, i), "events");
    }
    open_table(html, "What was examined");
    number_row(html, "Keys of the manifest", json_array_size(keys));
    number_row(html, "Events of CloudTrail about them", events);
    number_row(html, "KMS calls that released a key", uses);
    number_row(html, "Pages of CloudTrail", number(json, "pages"));
    close_table(html);
    for (size_t i = 0; i < json_array_size(keys); i++) {
        const json_t *key = json_array_get(keys, i);
        char caption[256];
        (void)snprintf(caption, sizeof caption, "Key of role %.200s", text(key, "role"));
        open_table(html, caption);
        row(html, "Key", text(key, "key"));
        number_row(html, "Events", number(key, "events"));
        number_row(html, "Decrypt granted", number(key, "decrypts"));
        number_row(html, "GenerateDataKey granted", number(key, "generates"));
        number_row(html, "Refused", number(key, "refused"));
        number_row(html, "Findings", number(key, "bad"));
        number_row(html, "Expected, but not there", number(key, "missing"));
        close_table(html);
        (void)list(html, json_object_get(key, "findings"), number(key, "bad") > 0 ? "What was found" : "What was noted");
        (void)list(html, json_object_get(key, "missing_uses"), "What is missing");
    }
}

static void integrity(struct cmaw_html *html, const json_t *json)
{
    open_table(html, "What was examined");
    number_row(html, "Attestation documents", number(json, "documents"));
    number_row(html, "Receipts", number(json, "receipts"));
    number_row(html, "Sealed states", number(json, "states"));
    number_row(html, "of them opened with the owner's secrets", number(json, "states_opened"));
    number_row(html, "Steps", json_array_size(json_object_get(json, "steps")));
    close_table(html);
}

static const struct explanation *explanation_of(const struct cmaw_proof *proof)
{
    for (size_t i = 0; i < sizeof explanations / sizeof explanations[0]; i++) {
        if (strcmp(explanations[i].name, proof->name) == 0) {
            return &explanations[i];
        }
    }
    return &explanations[0];
}

static void section(struct cmaw_page *page, const struct cmaw_proof *proof)
{
    static void (*const parts[])(struct cmaw_html *html, const json_t *json) = {confidentiality, attestation, integrity};
    struct cmaw_html *html = &page->html;
    const struct explanation *what = explanation_of(proof);
    cmaw_html_open(html, "section");
    cmaw_html_attrf(html, "class", "proof %s", verdict_class(proof));
    cmaw_html_attr(html, "id", proof->name);
    cmaw_html_attrf(html, "aria-labelledby", "%s-heading", proof->name);
    cmaw_html_open(html, "h3");
    cmaw_html_attrf(html, "id", "%s-heading", proof->name);
    cmaw_html_text(html, what->title);
    cmaw_html_leaf(html, "span", "badge", verdict_text(proof));
    cmaw_html_close(html);
    cmaw_html_open(html, "p");
    cmaw_html_attr(html, "class", "claim");
    cmaw_html_textf(html, "Claim: %s", what->claim);
    cmaw_html_close(html);
    cmaw_html_leaf(html, "p", "result", proof->summary);
    if (page->report->run != NULL) { /* else nothing was looked at */
        parts[what - explanations](html, proof->json);
    }
    cmaw_html_leaf(html, "h4", NULL, "What would have failed it");
    cmaw_html_open(html, "ul");
    for (size_t i = 0; what->fails[i] != NULL; i++) {
        cmaw_html_leaf(html, "li", NULL, what->fails[i]);
    }
    cmaw_html_close(html);
    cmaw_html_leaf(html, "h4", NULL, "What it does not say");
    cmaw_html_leaf(html, "p", NULL, what->limits);
    cmaw_html_close(html);
}

void cmaw_page_verdict(struct cmaw_page *page)
{
    struct cmaw_html *html = &page->html;
    cmaw_html_open(html, "ul");
    cmaw_html_attr(html, "class", "cards");
    for (size_t i = 0; i < page->report->proof_count; i++) {
        const struct cmaw_proof *proof = &page->report->proofs[i];
        cmaw_html_open(html, "li");
        cmaw_html_attr(html, "class", verdict_class(proof));
        cmaw_html_open(html, "a");
        cmaw_html_attrf(html, "href", "#%s", proof->name);
        cmaw_html_leaf(html, "strong", NULL, explanation_of(proof)->title);
        cmaw_html_leaf(html, "span", "badge", verdict_text(proof));
        cmaw_html_leaf(html, "span", "result", proof->summary);
        cmaw_html_close(html);
        cmaw_html_close(html);
    }
    cmaw_html_close(html);
}

void cmaw_page_proofs(struct cmaw_page *page)
{
    struct cmaw_html *html = &page->html;
    cmaw_html_open(html, "section");
    cmaw_html_attr(html, "id", "proofs");
    cmaw_html_attr(html, "aria-labelledby", "proofs-heading");
    cmaw_html_open(html, "h2");
    cmaw_html_attr(html, "id", "proofs-heading");
    cmaw_html_text(html, "The three proofs");
    cmaw_html_close(html);
    for (size_t i = 0; i < page->report->proof_count; i++) {
        section(page, &page->report->proofs[i]);
    }
    cmaw_html_close(html);
}
