/* Any bytes as a form of the Query protocol; what is read is written as XML that no value can break out of. */
#include <stdlib.h>
#include <string.h>

#include "dev/query.h"
#include "lib/base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *fields = NULL, *value = NULL;
    const char *name = NULL;
    if (cmaw_query_parse(cmaw_slice_of(data, size), &fields) != CMAW_OK) {
        return 0;
    }
    if (json_object_size(fields) > CMAW_QUERY_FIELDS_MAX) {
        abort();
    }
    json_object_foreach(fields, name, value) {
        CMAW_BUF_AUTO(xml, 8 * CMAW_QUERY_BODY_MAX);
        cmaw_query_put_xml(&xml, "V", value);
        const struct cmaw_slice inside = cmaw_slice_sub(cmaw_buf_slice(&xml), 3, xml.size - 7);
        if (name[0] == '\0' || cmaw_buf_err(&xml) != CMAW_OK || !cmaw_utf8_valid(inside)
            || (inside.size > 0 && (memchr(inside.data, '<', inside.size) != NULL || memchr(inside.data, '>', inside.size) != NULL))) {
            abort();
        }
    }
    json_decref(fields);
    return 0;
}
