/* The progress of a run on standard error: a table that is drawn over on a terminal, a line for each change elsewhere. */
#ifndef CMAW_CLIENT_RUN_DISPLAY_H
#define CMAW_CLIENT_RUN_DISPLAY_H

#include "client/run/progress.h"
#include "host/temporal/news.h"

struct cmaw_display;

/* Starts to show; on a terminal a thread of its own keeps the times going. */
enum cmaw_err cmaw_display_begin(const struct cmaw_plan *plan, const struct cmaw_manifest *manifest, struct cmaw_display **ret_display);
/* A watcher's visit; context is the display. */
void cmaw_display_news(void *context, const struct cmaw_temporal_news *news);
/* Shows the last state and leaves the cursor below it. NULL-safe. */
void cmaw_display_end(struct cmaw_display **display);

#endif
