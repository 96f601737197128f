#include "client/aws/trail.h"

#include "client/interrupt.h"
#include "lib/crypto/random.h"
#include "sys/daemon.h"

enum { PAGES_MAX = 10000, CALLS_MS = 550, BACKOFF_FIRST_MS = 1000, BACKOFF_MAX_MS = 20000, ATTEMPTS = 10 };

static const char target[] = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents";

static enum cmaw_err visit_page(const json_t *answer, enum cmaw_err (*visit)(void *context, const json_t *event), void *context,
                                struct cmaw_diag *diag)
{
    const json_t *events = json_object_get(answer, "Events");
    if (!json_is_array(events)) {
        return cmaw_diag_set(diag, CMAW_E_PEER, "LookupEvents was answered without events");
    }
    size_t index;
    json_t *entry;
    json_array_foreach(events, index, entry) {
        const json_t *text = json_object_get(entry, "CloudTrailEvent");
        CMAW_JSON_AUTO(event);
        if (!json_is_string(text)) {
            return cmaw_diag_set(diag, CMAW_E_PEER, "an event of CloudTrail has no CloudTrailEvent");
        }
        CMAW_TRY(cmaw_json_parse("CloudTrailEvent", cmaw_slice_of(json_string_value(text), json_string_length(text)), &event, diag));
        CMAW_TRY(visit(context, event));
    }
    return CMAW_OK;
}

static enum cmaw_err wait_turn(struct cmaw_trail *trail, struct cmaw_diag *diag)
{
    const uint64_t now = cmaw_clock_ms();
    if (trail->next_ms > now && !cmaw_interrupt_sleep(trail->next_ms - now)) {
        return cmaw_diag_set(diag, CMAW_E_CLOSED, "interrupted");
    }
    trail->next_ms = cmaw_clock_ms() + CALLS_MS;
    return CMAW_OK;
}

/* Between half of ms and ms. */
static uint64_t jitter(uint64_t ms)
{
    uint64_t random = 0;
    CMAW_IGNORE(cmaw_random((uint8_t *)&random, sizeof random)); /* then all wait alike */
    return ms / 2 + random % (ms / 2 + 1);
}

/* One page; repeated with growing pauses while the service is busy. */
static enum cmaw_err look_up(struct cmaw_trail *trail, const json_t *request, json_t **ret_answer, struct cmaw_diag *diag)
{
    enum cmaw_err err = CMAW_E_BUSY;
    uint64_t pause_ms = BACKOFF_FIRST_MS;
    for (int attempt = 0; attempt < ATTEMPTS && err == CMAW_E_BUSY; attempt++) {
        CMAW_TRY(wait_turn(trail, diag));
        err = cmaw_aws_call(trail->endpoint, "cloudtrail", target, request, ret_answer, diag);
        if (err == CMAW_E_BUSY) {
            trail->throttled++;
            trail->next_ms = cmaw_clock_ms() + jitter(pause_ms);
            pause_ms = 2 * pause_ms > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : 2 * pause_ms;
        }
    }
    return err;
}

enum cmaw_err cmaw_trail_each(struct cmaw_trail *trail, const char *resource, uint64_t from_ms,
                              enum cmaw_err (*visit)(void *context, const json_t *event), void *context, struct cmaw_diag *diag)
{
    CMAW_JSON_AUTO(request);
    request = json_pack("{s:[{s:s, s:s}], s:I, s:i}", "LookupAttributes", "AttributeKey", "ResourceName", "AttributeValue", resource,
                        "StartTime", (json_int_t)(from_ms / 1000), "MaxResults", 50);
    CMAW_REQUIRE(request != NULL, CMAW_E_NO_MEMORY);
    for (size_t page = 0; page < PAGES_MAX; page++) {
        CMAW_JSON_AUTO(answer);
        CMAW_TRY(look_up(trail, request, &answer, diag));
        trail->pages++;
        CMAW_TRY(visit_page(answer, visit, context, diag));
        json_t *next = json_object_get(answer, "NextToken");
        if (next == NULL || json_is_null(next)) {
            return CMAW_OK;
        }
        CMAW_REQUIRE(json_object_set(request, "NextToken", next) == 0, CMAW_E_NO_MEMORY);
    }
    return cmaw_diag_set(diag, CMAW_E_PEER, "CloudTrail's list of events does not end");
}
