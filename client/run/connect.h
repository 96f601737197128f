/* Temporal, as the settings name it. */
#ifndef CMAW_CLIENT_RUN_CONNECT_H
#define CMAW_CLIENT_RUN_CONNECT_H

#include "client/settings.h"
#include "client/store/store.h"
#include "host/temporal/client.h"

struct cmaw_temporal_place {
    char address[256];
    char ns[CMAW_NAME_MAX + 1];
};

/* Flags, then TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE, then the local stack, then where the run was started (record may be NULL). UNAVAILABLE with a hint. */
enum cmaw_err cmaw_temporal_place(const struct cmaw_settings *settings, const struct cmaw_run_record *record,
                                  struct cmaw_temporal_place *ret_place, struct cmaw_diag *diag);
void cmaw_temporal_release(struct cmaw_temporal **temporal);
#define CMAW_TEMPORAL_AUTO(name) [[gnu::cleanup(cmaw_temporal_release)]] struct cmaw_temporal *name = NULL
enum cmaw_err cmaw_temporal_reach(const struct cmaw_temporal_place *place, struct cmaw_temporal **ret_temporal, struct cmaw_diag *diag);

#endif
