/* What a daemon tells whoever watches it, over HTTP: GET /healthz (it serves), /readyz (it can do its work: 200, or 503 with the reason) and /metrics
 * (Prometheus' text). Requests are hostile: connections, their silence and their headers are bounded, the oldest connection gives way
 * where many are open, and bodies are not read. There is nothing
 * secret in the answers, and no TLS: it listens where it is told, which should be the loopback interface or a network of one's own. */
#ifndef CMAW_SYS_HEALTH_H
#define CMAW_SYS_HEALTH_H

#include "lib/base/bytes.h"
#include "lib/base/diag.h"

enum { CMAW_HEALTH_ADDRESS_SIZE = 64 };

/* Both may be called at any time between start and stop, by one thread at a time. */
struct cmaw_health_source {
    bool (*ready)(void *context, struct cmaw_buf *reason); /* false: reason gets a line of text */
    void (*metrics)(void *context, struct cmaw_buf *text); /* appends; text is capped at CMAW_METRICS_MAX */
    void *context;
};

struct cmaw_health;

/* Listens on "PORT" of 127.0.0.1, "ADDRESS:PORT" or "[IPv6]:PORT"; port 0 is a free one. The address is logged as event "http.serving".
 * With own_thread it serves by itself; else cmaw_health_run does. USAGE: no address; UNAVAILABLE: cannot listen there. source is copied. */
enum cmaw_err cmaw_health_start(const char *address, const struct cmaw_health_source *source, bool own_thread, struct cmaw_health **ret_health,
                                struct cmaw_diag *diag);
/* Without a thread of its own: readable when cmaw_health_run has something to do. */
int cmaw_health_fd(const struct cmaw_health *health);
/* Serves what there is to serve, without waiting. */
void cmaw_health_run(struct cmaw_health *health);
/* Milliseconds until cmaw_health_run has to be called even without an event, at most limit. */
int cmaw_health_wait(const struct cmaw_health *health, int limit);
/* NULL-safe. */
void cmaw_health_stop(struct cmaw_health **health);

#endif
