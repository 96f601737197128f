/* The HTTP side of the codec endpoint: bounded bodies and connections, a deadline on each, one request at a time. */
#ifndef CMAW_CLIENT_CODEC_SERVER_H
#define CMAW_CLIENT_CODEC_SERVER_H

#include "client/codec/access.h"

struct cmaw_codec_server;

struct cmaw_codec_place {
    const char *address;     /* numeric, IPv4 or IPv6 */
    uint16_t port;           /* 0: a free one */
    const char *certificate; /* PEM texts; both NULL: plain HTTP */
    const char *key;
};

/* Answers a body that was let in: appends JSON to answer and returns a status. It runs in the server's one thread. ns is X-Namespace, NULL: none. */
struct cmaw_codec_handler {
    unsigned (*handle)(void *context, enum cmaw_codec_verb verb, const char *ns, struct cmaw_slice body, struct cmaw_buf *answer);
    void *context;
};

/* Whether the address can be reached from this machine only. USAGE for what is no numeric address. */
enum cmaw_err cmaw_codec_is_loopback(const char *address, bool *ret_loopback, struct cmaw_diag *diag);

/* Serves until cmaw_codec_server_stop. access and handler must outlive it. UNAVAILABLE with a hint when the port is taken. */
enum cmaw_err cmaw_codec_server_start(const struct cmaw_codec_place *place, const struct cmaw_codec_access *access,
                                      const struct cmaw_codec_handler *handler, struct cmaw_codec_server **ret_server, uint16_t *ret_port,
                                      struct cmaw_diag *diag);
/* To be called about once a second: ends connections that are open for too long, whatever their peers do. */
void cmaw_codec_server_tick(struct cmaw_codec_server *server);
/* Answers what has arrived and stops. NULL-safe. */
void cmaw_codec_server_stop(struct cmaw_codec_server **server);

#endif
