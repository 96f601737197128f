#include "host/proxy/link.h"

#include <errno.h>
#include <sys/socket.h>

enum { ROUNDS_MAX = 32 };

static bool must_wait(ssize_t result)
{
    return result < 0 && (errno == EAGAIN || errno == EINTR);
}

static enum cmaw_err write_out(struct proxy_flow *flow, int to, bool *moved)
{
    while (flow->start < flow->end) {
        const ssize_t sent = send(to, flow->data + flow->start, flow->end - flow->start, MSG_DONTWAIT | MSG_NOSIGNAL);
        CMAW_REQUIRE(!must_wait(sent), CMAW_OK);
        CMAW_REQUIRE(sent > 0, CMAW_E_IO);
        flow->start += (size_t)sent;
        flow->total += (uint64_t)sent;
        *moved = true;
    }
    flow->start = flow->end = 0;
    return CMAW_OK;
}

/* Reads into an empty buffer only: a half-full one is about to be written. */
static enum cmaw_err read_in(struct proxy_flow *flow, int from, bool *ret_waits)
{
    const ssize_t got = recv(from, flow->data, sizeof flow->data, MSG_DONTWAIT);
    *ret_waits = must_wait(got);
    CMAW_REQUIRE(!*ret_waits, CMAW_OK);
    CMAW_REQUIRE(got >= 0, CMAW_E_CLOSED);
    flow->end = (size_t)got;
    flow->source_ended = got == 0;
    return CMAW_OK;
}

static void pass_end_on(struct proxy_flow *flow, int to, bool *moved)
{
    if (flow->source_ended && flow->end == 0 && !flow->ended) {
        (void)shutdown(to, SHUT_WR);
        flow->ended = true;
        *moved = true;
    }
}

enum cmaw_err cmaw_proxy_flow_move(struct proxy_flow *flow, int from, int to, bool *moved, bool *more)
{
    for (int round = 0; round < ROUNDS_MAX; round++) {
        bool waits = false;
        CMAW_TRY(write_out(flow, to, moved));
        if (flow->end > 0 || flow->source_ended) {
            pass_end_on(flow, to, moved);
            return CMAW_OK;
        }
        CMAW_TRY(read_in(flow, from, &waits));
        if (waits) {
            return CMAW_OK;
        }
    }
    *more = true;
    return CMAW_OK;
}
