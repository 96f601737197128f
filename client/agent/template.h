/* What `cmaw agent new` makes a folder of: the files of agents/templates, and scripts/agent-rootfs, as they were when this was built. */
#ifndef CMAW_CLIENT_AGENT_TEMPLATE_H
#define CMAW_CLIENT_AGENT_TEMPLATE_H

#include "lib/base/bytes.h"
#include "lib/base/diag.h"

struct cmaw_template_file {
    const char *lang; /* "all": of every language */
    const char *path; /* in the folder */
    unsigned mode;
    const uint8_t *data;
    size_t size;
};
/* Made by embed.py; ends with lang NULL. */
extern const struct cmaw_template_file cmaw_template_files[];

/* Makes the folder NAME in the current one, with @NAME@ of every file replaced. USAGE for a name that no image may have or an unknown
 * language; EXISTS where there is anything of that name: nothing is overwritten. */
enum cmaw_err cmaw_agent_create(const char *name, const char *lang, struct cmaw_diag *diag);

#endif
