#include <stdio.h>

#include "host/temporal/rpc.h"
#include "host/temporal/wait.h"

#define EVENT(name) TEMPORAL__API__ENUMS__V1__EVENT_TYPE__EVENT_TYPE_##name

static struct cmaw_slice only_payload(const CMAW_API(Common__V1__Payloads) *payloads, const char *type)
{
    if (payloads == NULL || payloads->n_payloads != 1) {
        return CMAW_SLICE_EMPTY;
    }
    const struct cmaw_temporal_payload payload = cmaw_message_payload_view(payloads->payloads[0]);
    return cmaw_temporal_payload_is(&payload, type) ? payload.data : CMAW_SLICE_EMPTY;
}

static void put_code(const CMAW_API(Failure__V1__Failure) *failure, struct cmaw_temporal_news *news)
{
    const CMAW_API(Failure__V1__Failure) *application = cmaw_message_application_failure(failure);
    const char *type = application == NULL ? "INTERNAL" : application->application_failure_info->type;
    cmaw_printable(cmaw_slice_of_cstr(type), news->code, sizeof news->code);
}

/* False for an event that is no news. */
static bool read_news(const cmaw_history_event *event, struct cmaw_temporal_news *news)
{
    *news = (struct cmaw_temporal_news){.kind = CMAW_NEWS_FAILED};
    switch ((int)event->event_type) {
    case EVENT(WORKFLOW_TASK_SCHEDULED):
        news->kind = CMAW_NEWS_QUEUED;
        return true;
    case EVENT(WORKFLOW_TASK_COMPLETED): /* not when it is started: a worker that stands still gets it too */
        news->kind = CMAW_NEWS_TAKEN;
        return true;
    case EVENT(ACTIVITY_TASK_SCHEDULED):
        CMAW_REQUIRE(event->activity_task_scheduled_event_attributes != NULL, false);
        news->kind = CMAW_NEWS_STARTED;
        news->scheduled = (uint64_t)event->event_id;
        news->data = only_payload(event->activity_task_scheduled_event_attributes->input, CMAW_TEMPORAL_STEP_TASK);
        return true;
    case EVENT(ACTIVITY_TASK_COMPLETED):
        CMAW_REQUIRE(event->activity_task_completed_event_attributes != NULL, false);
        news->kind = CMAW_NEWS_DONE;
        news->scheduled = (uint64_t)event->activity_task_completed_event_attributes->scheduled_event_id;
        news->data = only_payload(event->activity_task_completed_event_attributes->result, CMAW_TEMPORAL_STEP_RESULT);
        return true;
    case EVENT(ACTIVITY_TASK_FAILED):
        CMAW_REQUIRE(event->activity_task_failed_event_attributes != NULL, false);
        news->scheduled = (uint64_t)event->activity_task_failed_event_attributes->scheduled_event_id;
        put_code(event->activity_task_failed_event_attributes->failure, news);
        return true;
    case EVENT(ACTIVITY_TASK_TIMED_OUT):
        CMAW_REQUIRE(event->activity_task_timed_out_event_attributes != NULL, false);
        news->scheduled = (uint64_t)event->activity_task_timed_out_event_attributes->scheduled_event_id;
        (void)snprintf(news->code, sizeof news->code, "timed out");
        return true;
    case EVENT(ACTIVITY_TASK_CANCELED):
        CMAW_REQUIRE(event->activity_task_canceled_event_attributes != NULL, false);
        news->scheduled = (uint64_t)event->activity_task_canceled_event_attributes->scheduled_event_id;
        (void)snprintf(news->code, sizeof news->code, "canceled");
        return true;
    default:
        return false;
    }
}

void cmaw_news_give(const struct cmaw_temporal_watcher *watcher, const cmaw_history_event *event)
{
    struct cmaw_temporal_news news;

    if (read_news(event, &news)) {
        watcher->visit(watcher->context, &news);
    }
}
