#include <stdio.h>

#include "client/report/parts.h"
#include "client/unsigned.h"
#include "lib/base/text.h"
#include "lib/crypto/hash.h"

static void disclosed(struct cmaw_page *page)
{
    const struct cmaw_words *names = page->report->disclosed;
    struct cmaw_html *html = &page->html;
    if (names == NULL || names->count == 0) {
        cmaw_html_leaf(html, "p", NULL, "It holds sealed states, attestation documents and receipts, and no content in clear.");
        return;
    }
    cmaw_html_open(html, "p");
    cmaw_html_text(html, "It holds in clear what was on: ");
    for (size_t i = 0; i < names->count; i++) {
        cmaw_html_text(html, i > 0 ? ", " : "");
        cmaw_html_text(html, names->items[i]);
    }
    cmaw_html_text(html, ". Whoever has this page can read that.");
    cmaw_html_close(html);
}

static enum cmaw_err download(struct cmaw_page *page)
{
    struct cmaw_html *html = &page->html;
    const struct cmaw_slice evidence = page->report->evidence;
    uint8_t digest[CMAW_SHA256_SIZE];
    char hex[2 * CMAW_HASH_SIZE + 1], name[64];
    cmaw_sha256(evidence, digest);
    CMAW_TRY(cmaw_hex_to_cstr(cmaw_bytes32_slice(&page->report->record->run_id), hex, sizeof hex));
    (void)snprintf(name, sizeof name, "%.12s.evidence", hex);
    cmaw_html_open(html, "p");
    cmaw_html_open(html, "a");
    cmaw_html_attr(html, "class", "download");
    cmaw_html_attr(html, "download", name);
    cmaw_html_attr_base64(html, "href", "data:application/octet-stream;base64,", evidence);
    cmaw_html_textf(html, "Save %s (%zu bytes)", name, evidence.size);
    cmaw_html_close(html);
    cmaw_html_close(html);
    disclosed(page);
    CMAW_TRY(cmaw_hex_to_cstr(CMAW_SLICE_ARRAY(digest), hex, sizeof hex));
    cmaw_html_open(html, "p");
    cmaw_html_text(html, "SHA-256 ");
    cmaw_html_leaf(html, "code", NULL, hex);
    cmaw_html_close(html);
    CMAW_TRY(cmaw_hex_to_cstr(cmaw_bytes32_slice(&page->report->record->mh), hex, sizeof hex));
    cmaw_html_leaf(html, "p", NULL, "Anyone can check it, offline. The hash in the command is this page's word: use it only if it is the one that you have from whoever stands for the images.");
    cmaw_html_open(html, "pre");
    cmaw_html_textf(html, "cmaw-verify %s --manifest-hash %s%s", name, hex,
                    page->report->insecure ? " " CMAW_UNSIGNED_SWITCH : "");
    cmaw_html_close(html);
    return CMAW_OK;
}

enum cmaw_err cmaw_page_evidence(struct cmaw_page *page)
{
    struct cmaw_html *html = &page->html;
    cmaw_html_open(html, "section");
    cmaw_html_attr(html, "id", "evidence");
    cmaw_html_attr(html, "aria-labelledby", "evidence-heading");
    cmaw_html_open(html, "h2");
    cmaw_html_attr(html, "id", "evidence-heading");
    cmaw_html_text(html, "Evidence");
    cmaw_html_close(html);
    enum cmaw_err err = CMAW_OK;
    if (page->report->run != NULL) {
        err = download(page);
    } else {
        cmaw_html_leaf(html, "p", NULL, "There is none to hand on: what came back as this run does not verify.");
    }
    cmaw_html_close(html);
    return err;
}
