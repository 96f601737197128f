/* The contract between the runtime and an agent with io: raw, and the two helpers that an agent in C needs for it.
 *
 * An agent is a program in any language. It is started anew for each step, and sees the data of that step only:
 *   standard input   the content of the step's single input, whole, then end of file
 *   standard output  the content of the step's single output; its content type is agent.content_type of the image
 *   exit status      0: the output counts. Anything else, or a signal: the step is AGENT_FAILED and the output is dropped
 *   standard error   at most 2,048 bytes of it reach the data owner, sealed, with a failed step; nobody else sees it
 *   CMAW_RUN         the run's id, 64 hex digits
 *   CMAW_STEP        the step's id in the plan, decimal
 *   CMAW_SEED        64 hex digits, the same for every attempt of this step: what an agent may take as its random numbers
 * It has no network, no other process's files, no capability and no clock to trust; its root is the read-only file system
 * of its image, with a small private /tmp. Memory, processor time and output are limited by the image's settings.
 * Input is whatever the owner or the agent before it wrote: hostile until checked. */
#ifndef CMAW_AGENTS_AGENT_H
#define CMAW_AGENTS_AGENT_H

#include "lib/base/bytes.h"

/* Bytes; more than any state can carry (PROTOCOL.md section 4, class 7). */
enum { CMAW_AGENT_INPUT_MAX = 1835008 };

/* Appends the whole input. TOO_LARGE if it exceeds what input may hold. */
enum cmaw_err cmaw_agent_read(struct cmaw_buf *input);
/* As above, from a file of the image. */
enum cmaw_err cmaw_agent_read_file(const char *path, struct cmaw_buf *content);
/* Writes all of output. */
enum cmaw_err cmaw_agent_write(struct cmaw_slice output);
/* "agent: problem: text of err" on standard error; returns the exit status 1. problem is a constant, never content. */
int cmaw_agent_fail(const char *agent, const char *problem, enum cmaw_err err);

#endif
