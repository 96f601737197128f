/* The socket that stands for /dev/nsm. A connection opens with "NEW …\n" or "RESUME <token>\n", is answered "OK <token>\n"
 * or "ERR …\n", and then carries requests: u32be size ‖ CBOR, answered by u32be errno ‖ u32be size ‖ CBOR. */
#ifndef CMAW_DEV_NSM_SERVER_H
#define CMAW_DEV_NSM_SERVER_H

#include "dev/store.h"

enum cmaw_alternation { CMAW_FORM_FIRST, CMAW_FORM_SECOND, CMAW_FORM_ALTERNATE };

struct cmaw_nsm_server {
    struct cmaw_store *store;
    enum cmaw_alternation map_form;  /* FIRST definite, SECOND indefinite */
    int64_t clock_offset_ms;         /* of the module's clock from ours; for tests of expiry */
    bool give_unsigned;              /* as QEMU's machine does */
    unsigned documents;              /* made so far */
    unsigned connections;
    int listener;
};

/* Listens on path and serves in threads of its own until the process ends. server must live as long. */
enum cmaw_err cmaw_nsm_server_start(struct cmaw_nsm_server *server, const char *path, struct cmaw_diag *diag);

#endif
