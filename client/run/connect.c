#include "client/run/connect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/stack/stack.h"
#include "lib/base/text.h"

static const char *given(const char *flag, const char *variable)
{
    const char *value = flag != NULL ? flag : getenv(variable);
    return value == NULL || value[0] == '\0' ? NULL : value;
}

/* Fills what is still empty from the stack in the folder of the settings, if there is one. */
static void take_from_stack(const struct cmaw_settings *settings, struct cmaw_temporal_place *place)
{
    struct cmaw_diag none = {0};
    CMAW_STACK_AUTO(stack);
    if (cmaw_stack_find(settings, &stack, &none) != CMAW_OK) {
        return;
    }
    if (place->address[0] == '\0') {
        char address[CMAW_HOST_PORT_SIZE];
        cmaw_stack_host_port(stack, CMAW_PORT_TEMPORAL, address);
        (void)snprintf(place->address, sizeof place->address, "%s", address);
    }
    if (place->ns[0] == '\0') {
        (void)snprintf(place->ns, sizeof place->ns, "%s", stack->ns);
    }
}

static enum cmaw_err put(char *dst, size_t capacity, const char *value, struct cmaw_diag *diag)
{
    if (value != NULL && dst[0] == '\0') {
        if (strlen(value) >= capacity) {
            return cmaw_diag_set(diag, CMAW_E_USAGE, "%.40s… is too long", value);
        }
        (void)snprintf(dst, capacity, "%s", value);
    }
    return CMAW_OK;
}

static enum cmaw_err check_address(const char *address, struct cmaw_diag *diag)
{
    const char *colon = strrchr(address, ':');
    uint64_t port = 0;
    if (colon == NULL || colon == address || cmaw_parse_u64(colon + 1, UINT16_MAX, &port) != CMAW_OK || port == 0) {
        cmaw_diag_hint(diag, "HOST:PORT, as in 127.0.0.1:7233");
        return cmaw_diag_set(diag, CMAW_E_USAGE, "%s is not the address of a Temporal server", address);
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_temporal_place(const struct cmaw_settings *settings, const struct cmaw_run_record *record,
                                  struct cmaw_temporal_place *ret_place, struct cmaw_diag *diag)
{
    struct cmaw_temporal_place place = {0};
    CMAW_TRY(put(place.address, sizeof place.address, given(settings->temporal, "TEMPORAL_ADDRESS"), diag));
    CMAW_TRY(put(place.ns, sizeof place.ns, given(settings->ns, "TEMPORAL_NAMESPACE"), diag));
    if (place.address[0] == '\0') {
        take_from_stack(settings, &place);
    }
    if (record != NULL) {
        CMAW_TRY(put(place.address, sizeof place.address, record->address, diag));
        CMAW_TRY(put(place.ns, sizeof place.ns, record->ns, diag));
    }
    CMAW_TRY(put(place.ns, sizeof place.ns, "default", diag));
    if (place.address[0] == '\0') {
        cmaw_diag_hint(diag, "cmaw up starts a local one; --temporal HOST:PORT or TEMPORAL_ADDRESS names another");
        return cmaw_diag_set(diag, CMAW_E_UNAVAILABLE, "no Temporal server is known");
    }
    CMAW_TRY(check_address(place.address, diag));
    *ret_place = place;
    return CMAW_OK;
}

void cmaw_temporal_release(struct cmaw_temporal **temporal)
{
    cmaw_temporal_close(*temporal);
    *temporal = NULL;
}

enum cmaw_err cmaw_temporal_reach(const struct cmaw_temporal_place *place, struct cmaw_temporal **ret_temporal, struct cmaw_diag *diag)
{
    enum { WAIT_MS = 5000 };
    const struct cmaw_temporal_options options = {.address = place->address, .ns = place->ns, .identity = "cmaw", .wait_ms = WAIT_MS};
    const enum cmaw_err err = cmaw_temporal_connect(&options, ret_temporal, diag);
    if (err == CMAW_E_UNAVAILABLE || err == CMAW_E_TIMEOUT) {
        cmaw_diag_hint(diag, "cmaw up starts a local one; --temporal HOST:PORT or TEMPORAL_ADDRESS names another");
        return cmaw_diag_set(diag, CMAW_E_UNAVAILABLE, "cannot reach Temporal at %s", place->address);
    }
    return err;
}
