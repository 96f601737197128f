/* The HTTPS endpoint of the emulated services, on the loopback address. */
#ifndef CMAW_DEV_HTTP_H
#define CMAW_DEV_HTTP_H

#include "dev/service.h"

struct cmaw_http;

/* Listens on 127.0.0.1:port (0: a free one, told by *ret_port) with the server certificate of the store and serves in a pool
 * of threads, at most connections at once: more are closed when they come. service must outlive it. UNAVAILABLE with a hint when the port is taken. */
enum cmaw_err cmaw_http_start(struct cmaw_service *service, uint16_t port, unsigned connections,
                              struct cmaw_http **ret_http, uint16_t *ret_port, struct cmaw_diag *diag);
/* Answers what has arrived and stops. NULL-safe. */
void cmaw_http_stop(struct cmaw_http **http);

#endif
