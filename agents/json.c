#include "agents/json.h"

#include <stdlib.h>

enum cmaw_err cmaw_put_json(json_t *value, struct cmaw_buf *out)
{
    char *text = json_dumps(value, JSON_INDENT(2));
    json_decref(value);
    CMAW_REQUIRE(text != NULL, CMAW_E_NO_MEMORY);
    cmaw_buf_put_cstr(out, text);
    cmaw_buf_put_u8(out, '\n');
    free(text);
    return out->err;
}
