/* Payload forms and names; what a history holds; and the replay of recorded histories: today's code must command what the code did that made them. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/temporal/history.h"
#include "host/temporal/message.h"
#include "host/temporal/worker.h"
#include "host/worker/workflow.h"
#include "sys/file.h"
#include "tests/unit/run_make.h"

enum { HISTORY_MAX = 16 * 1024 * 1024 };

#define OK(expr) assert_int_equal((expr), CMAW_OK)
#define HISTORIES CMAW_SOURCE_ROOT "/tests/data/histories"
#define EVICTED(reason) CORESDK__WORKFLOW_ACTIVATION__REMOVE_FROM_CACHE__EVICTION_REASON__##reason

static void names(void **state)
{
    (void)state;
    const uint8_t mh[32] = {0xab, 0xcd, 0xef, 0x01, 0x23};
    char queue[CMAW_TEMPORAL_QUEUE_SIZE], key_id[CMAW_TEMPORAL_KEY_ID_SIZE], longest[65];

    OK(cmaw_temporal_queue("acme", mh, NULL, queue));
    assert_string_equal(queue, "cmaw.acme.abcdef01");
    OK(cmaw_temporal_queue("acme", mh, "intake", queue));
    assert_string_equal(queue, "cmaw.acme.abcdef01.intake");
    memset(longest, 'a', 64);
    longest[64] = '\0';
    OK(cmaw_temporal_queue(longest, mh, longest, queue));
    cmaw_temporal_key_id(mh, key_id);
    assert_string_equal(key_id, "sst/1:abcdef0123000000000000000000000000000000000000000000000000000000");
}

static void payload_metadata(void **state)
{
    (void)state;
    struct cmaw_message_payload message;
    CMAW_BUF_AUTO(bytes, 4096);
    CMAW_MESSAGE_AUTO(CMAW_API(Common__V1__Payload), decoded);

    struct cmaw_temporal_payload payload = cmaw_temporal_payload_sealed(CMAW_TEMPORAL_STATE, "sst/1:00", CMAW_SLICE_LIT("x\0y"));
    cmaw_message_payload(&payload, &message);
    cmaw_message_encode(&message.message.base, &bytes);
    decoded = cmaw_message_decode(&temporal__api__common__v1__payload__descriptor, cmaw_buf_slice(&bytes));
    assert_non_null(decoded);
    payload = cmaw_message_payload_view(decoded);
    assert_true(cmaw_slice_eq_cstr(payload.encoding, "binary/encrypted"));
    assert_true(cmaw_slice_eq_cstr(payload.message_type, "cmaw.v1.State"));
    assert_true(cmaw_slice_eq_cstr(payload.key_id, "sst/1:00"));
    assert_int_equal(payload.data.size, 3);
    assert_true(cmaw_temporal_payload_is(&payload, CMAW_TEMPORAL_STATE));
    assert_false(cmaw_temporal_payload_is(&payload, CMAW_TEMPORAL_PLAN));

    payload = cmaw_temporal_payload_clear(CMAW_TEMPORAL_PLAN, CMAW_SLICE_EMPTY);
    cmaw_message_payload(&payload, &message);
    assert_int_equal(message.message.n_metadata, 2);
    payload = cmaw_message_payload_view(&message.message);
    assert_true(cmaw_slice_eq_cstr(payload.encoding, "binary/protobuf"));
    assert_true(cmaw_temporal_payload_is(&payload, CMAW_TEMPORAL_PLAN));
    payload.key_id = CMAW_SLICE_LIT("sst/1:00"); // a key for what is said to be clear
    assert_false(cmaw_temporal_payload_is(&payload, CMAW_TEMPORAL_PLAN));
}

struct found {
    unsigned payloads, leaves;
    bool deep_payload, reason, unknown, metadata;
};

static enum cmaw_err find_leaf(void *context, const char *path, struct cmaw_slice value)
{
    struct found *found = context;

    found->leaves++;
    found->reason |= strcmp(path, "workflow_execution_terminated_event_attributes.reason") == 0 &&
                     cmaw_slice_eq_cstr(value, "because");
    found->unknown |= strcmp(path, "unknown") == 0 && memmem(value.data, value.size, "later", 5) != NULL;
    found->metadata |= cmaw_slice_eq_cstr(value, "binary/plain");
    return CMAW_OK;
}

static enum cmaw_err find_payload(void *context, const char *path, const struct cmaw_temporal_payload *payload)
{
    struct found *found = context;

    found->payloads++;
    found->deep_payload |= strcmp(path, "workflow_execution_terminated_event_attributes.details.payloads") == 0 &&
                           cmaw_slice_eq_cstr(payload->data, "deep");
    return CMAW_OK;
}

static void encode_terminated(struct cmaw_buf *raw)
{
    CMAW_API(History__V1__HistoryEvent) event = TEMPORAL__API__HISTORY__V1__HISTORY_EVENT__INIT;
    CMAW_API(History__V1__WorkflowExecutionTerminatedEventAttributes) ended =
        TEMPORAL__API__HISTORY__V1__WORKFLOW_EXECUTION_TERMINATED_EVENT_ATTRIBUTES__INIT;
    CMAW_API(Common__V1__Payloads) details = TEMPORAL__API__COMMON__V1__PAYLOADS__INIT;
    CMAW_API(Common__V1__Payload) payload = TEMPORAL__API__COMMON__V1__PAYLOAD__INIT, *list[2] = {&payload, &payload};
    CMAW_API(Common__V1__Payload__MetadataEntry) entry = TEMPORAL__API__COMMON__V1__PAYLOAD__METADATA_ENTRY__INIT, *entries[1] = {&entry};

    entry.key = cmaw_proto_text("encoding");
    entry.value = cmaw_proto_bytes(CMAW_SLICE_LIT("binary/plain"));
    payload.n_metadata = 1;
    payload.metadata = entries;
    payload.data = cmaw_proto_bytes(CMAW_SLICE_LIT("deep"));
    details.n_payloads = 2;
    details.payloads = list;
    ended.reason = cmaw_proto_text("because");
    ended.details = &details;
    event.event_id = 7;
    event.event_type = TEMPORAL__API__ENUMS__V1__EVENT_TYPE__EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED;
    event.attributes_case = TEMPORAL__API__HISTORY__V1__HISTORY_EVENT__ATTRIBUTES_WORKFLOW_EXECUTION_TERMINATED_EVENT_ATTRIBUTES;
    event.workflow_execution_terminated_event_attributes = &ended;
    cmaw_message_encode(&event.base, raw);
    // field 9000, wire type 2, of a server newer than we are
    cmaw_buf_put(raw, CMAW_SLICE_LIT("\xc2\xb2\x04\x05later"));
    OK(cmaw_buf_err(raw));
}

static void walk_finds_every_field(void **state)
{
    (void)state;
    CMAW_BUF_AUTO(raw, 4096);
    CMAW_BUF_AUTO(history, 4096);
    struct found found = {0};
    const struct cmaw_temporal_visitor visitor = {.leaf = find_leaf, .payload = find_payload, .context = &found};
    size_t events = 0;

    encode_terminated(&raw);
    assert_true(raw.size < 128);
    cmaw_buf_put_u8(&history, 0x0a);
    cmaw_buf_put_u8(&history, (uint8_t)raw.size);
    cmaw_buf_put(&history, cmaw_buf_slice(&raw));
    OK(cmaw_temporal_history_walk(cmaw_buf_slice(&history), &visitor, &events));
    assert_int_equal(events, 1);
    assert_int_equal(found.payloads, 2);
    assert_true(found.deep_payload && found.reason && found.unknown && found.metadata);
    assert_int_equal(cmaw_temporal_history_walk(cmaw_slice_of(history.data, history.size - 1), &visitor, &events), CMAW_E_MALFORMED);
    history.data[1]--; /* the event is cut short, what is left of it is no field of a History */
    assert_int_equal(cmaw_temporal_history_walk(cmaw_slice_of(history.data, history.size - 1), &visitor, &events), CMAW_E_MALFORMED);
    history.data[0] = 0x12;
    assert_int_equal(cmaw_temporal_history_walk(cmaw_buf_slice(&history), &visitor, &events), CMAW_E_MALFORMED);
}

/* Serves a replay worker to its end; the reason of the first eviction is the verdict. */
static int replay(const char *workflow_id, struct cmaw_slice history, const struct cmaw_manifest *manifest)
{
    struct cmaw_workflows workflows = {.manifest = manifest, .tenant = "acme"};
    struct cmaw_diag diag = {0};
    int verdict = -1;

    OK(cmaw_runs_new(&workflows.runs));
    OK(cmaw_temporal_replay_new(workflow_id, history, &workflows.worker, &diag));
    for (;;) {
        CMAW_MESSAGE_AUTO(cmaw_activation, activation);
        const enum cmaw_err err = cmaw_temporal_poll_activation(workflows.worker, &activation);
        if (err == CMAW_E_CLOSED) {
            break;
        }
        OK(err);
        for (size_t i = 0; i < activation->n_jobs; i++) {
            if (activation->jobs[i]->variant_case == CORESDK__WORKFLOW_ACTIVATION__WORKFLOW_ACTIVATION_JOB__VARIANT_REMOVE_FROM_CACHE &&
                verdict < 0) {
                verdict = (int)activation->jobs[i]->remove_from_cache->reason;
            }
        }
        OK(cmaw_workflow_handle(&workflows, activation));
    }
    cmaw_temporal_worker_free(workflows.worker);
    cmaw_runs_free(workflows.runs);
    return verdict;
}

static bool is_good(int reason)
{
    return reason == (int)EVICTED(LANG_REQUESTED) || reason == (int)EVICTED(CACHE_FULL) ||
           reason == (int)EVICTED(WORKFLOW_EXECUTION_ENDING);
}

static void read_history(const char *name, char workflow_id[static 64], struct cmaw_buf *history)
{
    char path[CMAW_PATH_MAX];
    struct cmaw_diag diag = {0};
    const char *at = strchr(name, '@'), *dot = strrchr(name, '.');

    assert_true(at != NULL && dot != NULL && dot > at && dot - at < 64);
    snprintf(workflow_id, 64, "%.*s", (int)(dot - at - 1), at + 1);
    OK(cmaw_path(path, "%s/%s", HISTORIES, name));
    OK(cmaw_file_read(path, history, &diag));
}

static void recorded_histories_replay(void **state)
{
    (void)state;
    struct run_make *made = calloc(1, sizeof *made);
    unsigned count = 0;
    struct dirent *entry;
    DIR *dir = opendir(HISTORIES);

    assert_non_null(dir);
    run_make(made, "1 2", "0>1 1>2 2>0", 1, 1, 10);
    while ((entry = readdir(dir)) != NULL) {
        CMAW_BUF_AUTO(history, HISTORY_MAX);
        char workflow_id[64];
        if (strchr(entry->d_name, '@') == NULL) {
            continue;
        }
        read_history(entry->d_name, workflow_id, &history);
        const int verdict = replay(workflow_id, cmaw_buf_slice(&history), &made->manifest);
        if (!is_good(verdict)) {
            fail_msg("%s: evicted for reason %d", entry->d_name, verdict);
        }
        count++;
    }
    closedir(dir);
    assert_true(count >= 6);
    run_make_free(made);
    free(made);
}

/* A manifest that lacks nothing but is another one: the recorded commands are not those that this code gives, and the replay must notice. */
static void replay_notices_other_commands(void **state)
{
    (void)state;
    struct run_make *made = calloc(1, sizeof *made);
    struct dirent *entry;
    DIR *dir = opendir(HISTORIES);

    assert_non_null(dir);
    run_make(made, "1 2", "0>1 1>2 2>0", 1, 1, 10);
    made->manifest.mh.bytes[0] ^= 1;
    while ((entry = readdir(dir)) != NULL) {
        CMAW_BUF_AUTO(history, HISTORY_MAX);
        char workflow_id[64];
        if (strncmp(entry->d_name, "chain@", 6) != 0) {
            continue;
        }
        read_history(entry->d_name, workflow_id, &history);
        assert_int_equal(replay(workflow_id, cmaw_buf_slice(&history), &made->manifest), (int)EVICTED(NONDETERMINISM));
    }
    closedir(dir);
    run_make_free(made);
    free(made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(payload_metadata),
        cmocka_unit_test(walk_finds_every_field),
        cmocka_unit_test(recorded_histories_replay),
        cmocka_unit_test(replay_notices_other_commands),
    };
    return cmocka_run_group_tests_name("temporal", tests, NULL, NULL);
}
