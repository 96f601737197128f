/* Files of the example agents, and the JSON that they write, for their tests. */
#ifndef CMAW_TESTS_AGENT_FILES_H
#define CMAW_TESTS_AGENT_FILES_H

#include <jansson.h>

#include "sys/file.h"

enum { FILE_MAX = 1 << 20 };

static inline void read_file(struct cmaw_buf *buf, const char *folder, const char *name)
{
    char path[CMAW_PATH_MAX];
    struct cmaw_diag diag = {.text = ""};
    assert_int_equal(cmaw_path(path, "%s/%s/%s", CMAW_SOURCE_ROOT, folder, name), CMAW_OK);
    assert_int_equal(cmaw_file_read(path, buf, &diag), CMAW_OK);
}

static inline json_t *parse(const struct cmaw_buf *buf)
{
    json_t *json = json_loadb((const char *)buf->data, buf->size, 0, NULL);
    assert_non_null(json);
    return json;
}

static inline const char *field(const json_t *claim, const char *name)
{
    return json_string_value(json_object_get(claim, name));
}

#endif
