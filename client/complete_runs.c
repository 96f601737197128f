#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/complete.h"
#include "client/settings.h"
#include "client/store/store.h"
#include "lib/base/text.h"

enum { RUNS_MAX = 50, DIGITS = 12 };

/* Digits as cmaw list shows them, or the whole name where somebody has begun with that. */
static enum cmaw_err offer_run(void *context, const struct cmaw_run_record *record)
{
    const char *prefix = context;
    char id[DIGITS + 1];
    CMAW_TRY(cmaw_hex_to_cstr(cmaw_slice_of(record->run_id.bytes, DIGITS / 2), id, sizeof id));
    const char *name = strncmp(prefix, "cmaw-", strlen(prefix) < 5 ? strlen(prefix) : 5) == 0 && prefix[0] != '\0' ? record->workflow_id : id;
    if (strncmp(name, prefix, strlen(prefix)) == 0) {
        (void)printf("%s\t%s, %s\n", name, record->name, cmaw_run_status_name(record->status));
    }
    return CMAW_OK;
}

void cmaw_complete_runs(const char *store_path, const char *prefix)
{
    const struct cmaw_settings settings = {.store = store_path};
    struct cmaw_diag none = {0};
    char path[CMAW_PATH_MAX];
    char wanted[128];
    CMAW_STORE_AUTO(store);
    if (strncmp("last", prefix, strlen(prefix)) == 0) {
        (void)printf("last\tthe latest run\n");
    }
    (void)snprintf(wanted, sizeof wanted, "%s", prefix);
    /* opening would make one */
    if (cmaw_settings_store(&settings, path, &none) == CMAW_OK && access(path, R_OK) == 0 && cmaw_store_open(path, &store, &none) == CMAW_OK) {
        CMAW_IGNORE(cmaw_store_each_run(store, RUNS_MAX, offer_run, wanted, &none)); /* a shell shows no error */
    }
}
