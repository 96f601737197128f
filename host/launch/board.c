#include "host/launch/board.h"

#include <sys/epoll.h>

void cmaw_launch_board_init(struct launch_board *board, const struct launch_options *options)
{
    *board = (struct launch_board){.options = options};
    board->death = board->listener = board->incoming = board->outgoing = board->nsm = LAUNCH_SOURCE_NONE;
    for (size_t i = 0; i < LAUNCH_CALLS_MAX; i++) {
        board->calls[i].source = LAUNCH_SOURCE_NONE;
    }
}

enum cmaw_err cmaw_launch_board_open(struct launch_board *board, struct launch_loop *loop, struct launch_ends *ends, int listener)
{
    loop->state = board;
    CMAW_TRY(cmaw_launch_source_add_copy(loop, &board->death, ends->pidfd, EPOLLIN, cmaw_launch_death_ready));
    CMAW_TRY(cmaw_launch_source_add_copy(loop, &board->incoming, ends->incoming, 0, cmaw_launch_incoming_ready));
    CMAW_TRY(cmaw_launch_source_add_copy(loop, &board->outgoing, ends->outgoing, EPOLLIN, cmaw_launch_outgoing_ready));
    if (ends->console >= 0) {
        CMAW_TRY(cmaw_launch_console_add(loop, &ends->console));
    }
    return cmaw_launch_source_add_copy(loop, &board->listener, listener, 0, cmaw_launch_listener_ready);
}

void cmaw_launch_board_serve(struct launch_board *board, struct launch_loop *loop)
{
    cmaw_launch_source_watch(loop, &board->listener, EPOLLIN);
}
