/* Test cases of agents with io: proto: a folder stands for a message of agent.proto, each of its files for the port of that name. */
#ifndef CMAW_CLIENT_AGENT_PORTS_H
#define CMAW_CLIENT_AGENT_PORTS_H

#include "lib/base/bytes.h"
#include "lib/base/diag.h"

/* Whether a path is a folder. */
bool cmaw_ports_are(const char *path);
/* Appends the AgentInput with the files of a folder, by name, behind its length. NOT_FOUND if it holds none. */
enum cmaw_err cmaw_ports_put_input(const char *folder, struct cmaw_buf *message, struct cmaw_diag *diag);
/* Appends the files of a folder as text to compare: each behind a line "== NAME", by name. */
enum cmaw_err cmaw_ports_show_folder(const char *folder, struct cmaw_buf *text, struct cmaw_diag *diag);
/* The same of what an agent wrote. MALFORMED if it is not one AgentOutput behind its length, or has a port twice or one that no file
 * could be called. */
enum cmaw_err cmaw_ports_show_output(struct cmaw_slice written, struct cmaw_buf *text);
/* Writes the ports of what an agent wrote into a folder of its own, which replaces what was there. */
enum cmaw_err cmaw_ports_write(const char *folder, struct cmaw_slice written, struct cmaw_diag *diag);

#endif
