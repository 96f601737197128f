/* Frames on a connected stream socket: a 4-byte big-endian length and that many bytes (ARCHITECTURE.md, "The boundary"). */
#ifndef CMAW_RPC_FRAME_H
#define CMAW_RPC_FRAME_H

#include "lib/base/bytes.h"

enum { CMAW_FRAME_MAX = 4 * 1024 * 1024 };

/* A moment on CLOCK_MONOTONIC, in ms. */
#define CMAW_NO_DEADLINE UINT64_MAX
uint64_t cmaw_monotonic_ms(void);
/* Now and ms more, saturated. */
uint64_t cmaw_deadline_in(uint64_t ms);

/* Reads one frame into buf (reset first; its max is raised to CMAW_FRAME_MAX at most by the caller: CMAW_BUF(CMAW_FRAME_MAX)).
 * The length is checked against buf->max before memory is reserved. CLOSED: the peer ended before the first byte; MALFORMED: it
 * ended inside a frame; TOO_LARGE; TIMEOUT; IO. The socket may be blocking or not; EINTR goes on. */
enum cmaw_err cmaw_frame_read(int fd, uint64_t deadline, struct cmaw_buf *buf);
/* Writes one frame of the parts one after the other, without joining them. TOO_LARGE; CLOSED; TIMEOUT; IO. Raises no SIGPIPE. */
enum cmaw_err cmaw_frame_write(int fd, uint64_t deadline, const struct cmaw_slice *parts, size_t count);

#endif
