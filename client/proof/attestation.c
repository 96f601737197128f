#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/aws/trail.h"
#include "client/interrupt.h"
#include "client/proof/audit.h"
#include "client/proof/proof.h"
#include "client/settings.h"
#include "client/unsigned.h"
#include "client/when.h"
#include "lib/base/text.h"
#include "sys/daemon.h"

enum { PAUSE_FIRST_MS = 1000, PAUSE_MAX_MS = 15000, QUIET_MS = 30000, CLOCKS_MS = 300 * 1000, LATE_MS = 15 * 60 * 1000, DAY_MS = 86400 * 1000 };

struct watch {
    const struct cmaw_verified_run *run;
    enum cmaw_doc_trust trust;
    const struct cmaw_auditor_settings *settings;
    struct cmaw_proof *proof;
    uint64_t from_ms;
    bool cut;            /* the manifest is older than what LookupEvents keeps */
    bool interrupted;
    bool of_stack;
    struct cmaw_trail trail;
    size_t bad, missing, expected;
    size_t shown_missing; /* what the last line of progress said */
    uint64_t shown_ms;
    struct cmaw_audit audits[CMAW_ROLES_MAX];
};

static void free_watch(struct watch **watch)
{
    for (size_t i = 0; *watch != NULL && i < CMAW_ROLES_MAX; i++) {
        cmaw_audit_free(&(*watch)->audits[i]);
    }
    free(*watch);
}

static enum cmaw_err on_event(void *context, const json_t *event)
{
    cmaw_audit_event(context, event);
    return CMAW_OK;
}

static enum cmaw_err read_key(struct watch *watch, size_t index, struct cmaw_diag *diag)
{
    const struct cmaw_role *role = &watch->run->manifest.roles[index];
    struct cmaw_audit *audit = &watch->audits[index];
    [[gnu::cleanup(cmaw_auditor_wipe)]] struct cmaw_auditor auditor = {0};
    char arn[CMAW_ARN_MAX + 1];
    cmaw_audit_free(audit);
    CMAW_TRY(cmaw_audit_begin(watch->run, role, watch->trust, audit));
    CMAW_TRY(cmaw_slice_to_cstr(role->kms_key_arn, arn, sizeof arn));
    CMAW_TRY(cmaw_auditor_find(watch->settings, role->kms_key_arn, &auditor, diag));
    watch->of_stack = auditor.of_stack;
    watch->trail.endpoint = &auditor.endpoint;
    const enum cmaw_err err = cmaw_trail_each(&watch->trail, arn, watch->from_ms, on_event, audit, diag);
    watch->trail.endpoint = NULL;
    cmaw_audit_end(audit);
    return err;
}

/* All keys once. CLOSED leaves what was read. */
static enum cmaw_err read_keys(struct watch *watch, struct cmaw_diag *diag)
{
    const size_t roles = watch->run->manifest.role_count;
    enum cmaw_err err = CMAW_OK;
    for (size_t i = 0; err == CMAW_OK && i < roles; i++) {
        err = read_key(watch, i, diag);
    }
    watch->bad = watch->missing = watch->expected = 0;
    for (size_t i = 0; i < roles; i++) {
        const struct cmaw_audit *audit = &watch->audits[i];
        watch->bad += audit->bad;
        watch->missing += cmaw_audit_missing(audit);
        watch->expected += audit->expected_count + audit->acts;
    }
    return err;
}

/* On a terminal one line that changes; elsewhere a line when something has changed, or for a long time nothing. */
static void show_progress(struct watch *watch, uint64_t left_ms)
{
    const uint64_t now = cmaw_clock_ms();
    const bool terminal = isatty(STDERR_FILENO) != 0;
    if (!terminal && watch->shown_ms != 0 && watch->shown_missing == watch->missing && now - watch->shown_ms < QUIET_MS) {
        return;
    }
    watch->shown_ms = now;
    watch->shown_missing = watch->missing;
    (void)fprintf(stderr, "%scmaw: waiting for CloudTrail: %zu of %zu uses of the keys are there, %llu s left%s", terminal ? "\r\033[K" : "",
                  watch->expected - watch->missing, watch->expected, (unsigned long long)(left_ms / 1000), terminal ? "" : "\n");
}

static void end_progress(const struct watch *watch)
{
    if (watch->shown_ms != 0 && isatty(STDERR_FILENO) != 0) {
        (void)fprintf(stderr, "\r\033[K");
    }
}

/* Reads until what must be there is there, something is bad, or the time is over. */
static enum cmaw_err await(struct watch *watch, uint64_t wait_ms, struct cmaw_diag *diag)
{
    const uint64_t deadline = cmaw_clock_ms() + wait_ms;
    uint64_t pause_ms = PAUSE_FIRST_MS;
    for (;;) {
        const enum cmaw_err err = read_keys(watch, diag);
        watch->interrupted = err == CMAW_E_CLOSED;
        CMAW_REQUIRE(err == CMAW_OK || watch->interrupted, err);
        const uint64_t now = cmaw_clock_ms();
        if (watch->interrupted || watch->bad > 0 || watch->missing == 0 || now >= deadline) {
            return CMAW_OK;
        }
        show_progress(watch, deadline - now);
        watch->interrupted = !cmaw_interrupt_sleep(pause_ms < deadline - now ? pause_ms : deadline - now);
        if (watch->interrupted) {
            return CMAW_OK;
        }
        pause_ms = 2 * pause_ms > PAUSE_MAX_MS ? PAUSE_MAX_MS : 2 * pause_ms;
    }
}

/* The lines of text as an array. */
static json_t *lines_of(struct cmaw_slice text)
{
    json_t *lines = json_array();
    while (lines != NULL && text.size > 0) {
        const uint8_t *end = memchr(text.data, '\n', text.size);
        const size_t size = end == NULL ? text.size : (size_t)(end - text.data);
        size_t from = 0;
        while (from < size && text.data[from] == ' ') {
            from++;
        }
        /* a text that is not UTF-8 does not become one: it stays on the terminal */
        if (json_array_append_new(lines, json_stringn((const char *)text.data + from, size - from)) != 0) {
            (void)json_array_append_new(lines, json_string("BAD an event that is not text"));
        }
        text = end == NULL ? CMAW_SLICE_EMPTY : cmaw_slice_sub(text, size + 1, text.size - size - 1);
    }
    return lines;
}

static enum cmaw_err report_missing(const struct cmaw_audit *audit, struct cmaw_proof *proof)
{
    const size_t from = proof->text.size;
    if (audit->acts && audit->born[0] == '\0') {
        cmaw_proof_line(proof, "MISSING    the GenerateDataKey that made the key of this role");
    }
    for (size_t i = 0; i < audit->expected_count; i++) {
        if (!audit->expected[i].seen) {
            cmaw_proof_line(proof, "MISSING    the Decrypt of %.*s, which a receipt of the run names", (int)audit->expected[i].module_id.size,
                            (const char *)audit->expected[i].module_id.data);
        }
    }
    CMAW_TRY(proof->text.err);
    json_t *keys = json_object_get(proof->json, "keys");
    json_t *entry = json_array_get(keys, json_array_size(keys) - 1);
    return cmaw_json_set(entry, "missing_uses", lines_of(cmaw_slice_sub(cmaw_buf_slice(&proof->text), from, proof->text.size - from)));
}

static enum cmaw_err report_key(const struct cmaw_audit *audit, struct cmaw_proof *proof)
{
    char arn[CMAW_ARN_MAX + 1];
    char pcr0[2 * CMAW_PCR_SIZE + 1];
    CMAW_TRY(cmaw_slice_to_cstr(audit->role->kms_key_arn, arn, sizeof arn));
    CMAW_TRY(cmaw_hex_to_cstr(audit->role->measurements[0].pcrs[0], pcr0, sizeof pcr0));
    cmaw_proof_line(proof, "looked at  %zu events of CloudTrail about %s (role %.*s)%s%s%s%s", audit->events, arn, (int)audit->role->name.size,
                    (const char *)audit->role->name.data, audit->events > 0 ? ", from " : "", audit->oldest, audit->events > 0 ? " to " : "", audit->newest);
    cmaw_proof_line(proof, "           %zu Decrypt and %zu GenerateDataKey granted, %zu refused; may be granted only to PCR0 %.16s…%s", audit->decrypts,
                    audit->generates, audit->refused, pcr0, audit->role->measurement_count > 1 ? " and others" : "");
    cmaw_buf_put(&proof->text, cmaw_buf_slice(&audit->text));
    json_t *entry = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "key", arn, "events", (json_int_t)audit->events, "decrypts", (json_int_t)audit->decrypts,
                              "generates", (json_int_t)audit->generates, "refused", (json_int_t)audit->refused, "bad", (json_int_t)audit->bad,
                              "missing", (json_int_t)cmaw_audit_missing(audit));
    CMAW_TRY(cmaw_json_append(json_object_get(proof->json, "keys"), entry));
    CMAW_TRY(cmaw_json_set(entry, "role", json_stringn((const char *)audit->role->name.data, audit->role->name.size)));
    CMAW_TRY(cmaw_json_set(entry, "findings", lines_of(cmaw_buf_slice(&audit->text))));
    return report_missing(audit, proof);
}

/* CloudTrail does not say when it has told everything: until then a use may be on its way. */
static enum cmaw_err report_lateness(const struct watch *watch)
{
    char from[CMAW_WHEN_SIZE], later[CMAW_WHEN_SIZE];
    const uint64_t now = cmaw_wall_clock_ms();
    cmaw_when_text(watch->from_ms, from);
    cmaw_when_text(now + LATE_MS, later);
    cmaw_proof_line(watch->proof, "           management events since %.19sZ, %llu pages, %llu times throttled", from, (unsigned long long)watch->trail.pages,
                    (unsigned long long)watch->trail.throttled);
    if (watch->cut) {
        cmaw_proof_line(watch->proof, "not looked at: what is older than %d days, which LookupEvents does not keep", CMAW_TRAIL_DAYS);
    }
    if (!watch->of_stack) {
        cmaw_proof_line(watch->proof, "not in sight: uses of the last 15 minutes or so, which CloudTrail may still hold back; verify again after %.19sZ", later);
    }
    return cmaw_json_set_u64(watch->proof->json, "pages", watch->trail.pages);
}

/* What KMS released on the word of whoever wrote the document. */
static enum cmaw_err report_unsigned(size_t uses, struct cmaw_proof *proof)
{
    CMAW_REQUIRE(uses > 0, CMAW_OK);
    cmaw_proof_line(proof, "INSECURE   %zu of these uses are unsignedRecipient; " CMAW_UNSIGNED_NOTE, uses);
    return cmaw_json_set_u64(proof->json, "unsigned_uses", uses);
}

static enum cmaw_err report(const struct watch *watch)
{
    struct cmaw_proof *proof = watch->proof;
    size_t uses = 0, unsigned_uses = 0;
    for (size_t i = 0; i < watch->run->manifest.role_count; i++) {
        if (watch->audits[i].role != NULL) {
            CMAW_TRY(report_key(&watch->audits[i], proof));
            uses += watch->audits[i].decrypts + watch->audits[i].generates;
            unsigned_uses += watch->audits[i].unsigned_uses;
        }
    }
    CMAW_TRY(report_lateness(watch));
    CMAW_TRY(report_unsigned(unsigned_uses, proof));
    proof->incomplete = watch->bad == 0 && (watch->missing > 0 || watch->interrupted);
    proof->pass = watch->bad == 0 && !proof->incomplete;
    if (watch->bad > 0) {
        (void)snprintf(proof->summary, sizeof proof->summary, "%zu findings in %zu uses of the keys and what else CloudTrail lists", watch->bad, uses);
    } else if (proof->incomplete) {
        (void)snprintf(proof->summary, sizeof proof->summary, "%s%zu of %zu uses that must be in CloudTrail are not there (yet)",
                       watch->interrupted ? "interrupted; " : "", watch->missing, watch->expected);
    } else {
        (void)snprintf(proof->summary, sizeof proof->summary, "0 of %zu uses of the keys were released to anything but a measured enclave%s", uses,
                       unsigned_uses > 0 ? "; unsigned QEMU documents accepted" : "");
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_prove_attestation(const struct cmaw_outcome *outcome, const struct cmaw_auditor_settings *settings, uint64_t wait_ms,
                                     struct cmaw_proof *proof, struct cmaw_diag *diag)
{
    [[gnu::cleanup(free_watch)]] struct watch *watch = calloc(1, sizeof *watch);
    CMAW_REQUIRE(watch != NULL, CMAW_E_NO_MEMORY);
    CMAW_TRY(cmaw_json_set(proof->json, "keys", json_array()));
    const uint64_t kept_ms = cmaw_wall_clock_ms() - (uint64_t)CMAW_TRAIL_DAYS * DAY_MS;
    const uint64_t made_ms = outcome->run->manifest.not_before_ms - CLOCKS_MS;
    watch->run = outcome->run;
    watch->trust = outcome->trust;
    watch->settings = settings;
    watch->proof = proof;
    watch->cut = made_ms < kept_ms;
    watch->from_ms = watch->cut ? kept_ms : made_ms;
    cmaw_interrupt_catch();
    const enum cmaw_err err = await(watch, wait_ms, diag);
    end_progress(watch);
    if (err == CMAW_E_NOT_FOUND) {
        proof->incomplete = true;
        (void)snprintf(proof->summary, sizeof proof->summary, "cannot be looked at: %.150s", diag->text);
        *diag = (struct cmaw_diag){0};
        return CMAW_OK;
    }
    CMAW_TRY(err);
    return report(watch);
}
