/* Who a sandbox is outside of it. In an enclave, and where the simulation runs as root, every one is another unprivileged user; in
 * a user namespace that maps nothing but 0, this 0 (an ordinary user in truth) is all there is. */
#ifndef CMAW_AGENT_IDS_H
#define CMAW_AGENT_IDS_H

#include <sys/types.h>

#include "lib/base/bytes.h"

struct cmaw_ids {
    bool own;   /* each sandbox is a user of its own */
    bool known; /* and that is no guess any more */
};
#define CMAW_IDS ((struct cmaw_ids){true, false})

/* Maps CMAW_AGENT_UID of a new process in a user namespace of its own to the user of this number. The first call finds out whether there
 * are any. IO with errno set. */
enum cmaw_err cmaw_ids_map(struct cmaw_ids *ids, size_t number, pid_t pid);

#endif
