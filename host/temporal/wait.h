/* Between wait.c, which polls, and news.c, which reads. Internal to host/temporal. */
#ifndef CMAW_TEMPORAL_WAIT_H
#define CMAW_TEMPORAL_WAIT_H

#include "host/temporal/message.h"
#include "host/temporal/news.h"

typedef CMAW_API(History__V1__HistoryEvent) cmaw_history_event;

/* Gives the watcher what is news in a decoded event. */
void cmaw_news_give(const struct cmaw_temporal_watcher *watcher, const cmaw_history_event *event);

#endif
