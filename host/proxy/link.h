/* One connection of an enclave and its counterpart to the target, with a bounded buffer in each direction. */
#ifndef CMAW_PROXY_LINK_H
#define CMAW_PROXY_LINK_H

#include "lib/base/bytes.h"

enum { PROXY_BUFFER_SIZE = 32 * 1024 }; /* bytes, in each direction */

/* Bytes on their way from one descriptor to another. */
struct proxy_flow {
    uint8_t data[PROXY_BUFFER_SIZE];
    size_t start, end;  /* data[start..end) is still to be written */
    uint64_t total;     /* bytes written */
    bool source_ended;  /* no more will be read */
    bool ended;         /* and the end has been passed on */
};

/* Moves what can be moved without waiting, at most a megabyte. The end of the source is passed on as a half-close, once all before it is written.
 * *moved is set if a byte or an end moved; *more if the source may have more already. CLOSED: reading has failed; IO: writing. */
enum cmaw_err cmaw_proxy_flow_move(struct proxy_flow *flow, int from, int to, bool *moved, bool *more);

#endif
