/* What the example agents give back: JSON text. */
#ifndef CMAW_AGENTS_JSON_H
#define CMAW_AGENTS_JSON_H

#include <jansson.h>

#include "lib/base/bytes.h"

/* Takes value, which may be NULL (then CMAW_E_NO_MEMORY); appends it with a line end. */
enum cmaw_err cmaw_put_json(json_t *value, struct cmaw_buf *out);

#endif
