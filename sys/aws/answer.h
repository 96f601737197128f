/* What services on this machine say when they are asked for access keys: a JSON object, of the instance metadata service
 * and of container agents alike (Amazon EC2 User Guide, "Retrieve security credentials"; Amazon ECS, "Task IAM role"). */
#ifndef CMAW_SYS_AWS_ANSWER_H
#define CMAW_SYS_AWS_ANSWER_H

#include "sys/aws/keys.h"

enum { CMAW_AWS_ANSWER_MAX = 32 * 1024 }; /* bytes */

/* Text is hostile. PEER, with what is wrong and nothing of the content: no JSON object, a Code other than Success, a field that is
 * missing, no text or not of its form. Without Expiration the keys do not expire. keys must hold none. */
enum cmaw_err cmaw_aws_answer_parse(struct cmaw_slice text, struct cmaw_aws_keys *keys, struct cmaw_diag *diag);

#endif
