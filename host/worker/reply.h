/* Builds the completion of one activation from commands. Everything it points to is owned by it and freed at once. */
#ifndef CMAW_WORKER_REPLY_H
#define CMAW_WORKER_REPLY_H

#include "host/temporal/worker.h"
#include "host/worker/interpreter.h"

struct cmaw_reply;

enum cmaw_err cmaw_reply_new(const char *run_id, struct cmaw_reply **ret_reply);
void cmaw_reply_free(struct cmaw_reply *reply);

/* The activity of a step. task: its StepTask, moved in. queue and key_id are copied. */
enum cmaw_err cmaw_reply_step(struct cmaw_reply *reply, const struct cmaw_command *command, uint32_t timeout_s,
                              const char *queue, const char *key_id, struct cmaw_buf *task);
enum cmaw_err cmaw_reply_pause(struct cmaw_reply *reply, const struct cmaw_command *command);
/* result: a RunResult, moved in. */
enum cmaw_err cmaw_reply_complete(struct cmaw_reply *reply, const char *key_id, struct cmaw_buf *result);
/* failure: a StepResult or empty, copied. */
enum cmaw_err cmaw_reply_fail(struct cmaw_reply *reply, const struct cmaw_command *command, const char *key_id,
                              struct cmaw_slice failure);
enum cmaw_err cmaw_reply_canceled(struct cmaw_reply *reply);
/* json: the answer, moved in; error: a constant text instead of it, or NULL. */
enum cmaw_err cmaw_reply_query(struct cmaw_reply *reply, const char *query_id, struct cmaw_buf *json, const char *error);
enum cmaw_err cmaw_reply_reject_update(struct cmaw_reply *reply, const char *protocol_instance_id);

/* Sends what was put in; or, with a reason (a constant text), that the activation could not be processed. Empties the
 * reply before it waits. */
enum cmaw_err cmaw_reply_send(struct cmaw_reply *reply, struct cmaw_temporal_worker *worker, const char *reason);

#endif
