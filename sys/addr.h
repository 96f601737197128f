/* Host-to-enclave addresses (ARCHITECTURE.md, "The boundary"): vsock:CID:PORT and uds:PATH:PORT. The latter is the hybrid
 * scheme of vhost-device-vsock: a host connects to PATH and asks "CONNECT PORT\n", is answered "OK …\n"; an enclave's
 * connection to host port P arrives at the socket PATH_P. */
#ifndef CMAW_SYS_ADDR_H
#define CMAW_SYS_ADDR_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/diag.h"

struct cmaw_addr {
    bool vsock;
    uint32_t cid;    /* vsock only */
    uint32_t port;
    char path[1024]; /* uds only */
};

enum cmaw_err cmaw_addr_parse(const char *text, struct cmaw_addr *ret_addr, struct cmaw_diag *diag);
/* A connected blocking stream to the enclave's port, close-on-exec. The handshake of uds is bounded in size and time.
 * UNAVAILABLE or TIMEOUT when nobody answers. */
enum cmaw_err cmaw_addr_connect(const struct cmaw_addr *addr, uint32_t timeout_ms, int *ret_fd);
/* A listening descriptor for what the enclave connects to: vsock (any CID, port), or the socket PATH_PORT, which is made
 * anew with mode 0600 (a stale one is removed). */
enum cmaw_err cmaw_addr_listen(const struct cmaw_addr *addr, int *ret_fd);
/* Unix stream sockets by a path of any length (through a descriptor of its folder), close-on-exec. */
enum cmaw_err cmaw_unix_connect(const char *path, uint32_t timeout_ms, int *ret_fd);
enum cmaw_err cmaw_unix_listen(const char *path, int *ret_fd);

#endif
