#include <jansson.h>
#include <stdlib.h>

#include "image/parts.h"
#include "image/print.h"

static bool is_text_or_absent(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return value == NULL || json_is_string(value);
}

static bool is_object_or_absent(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return value == NULL || json_is_null(value) || json_is_object(value);
}

/* AWS's reader wants BuildMetadata of texts only; the platform wants that the section is there, and nothing of what is in it. */
static bool has_types_of_schema(json_t *metadata)
{
    if (!json_is_object(metadata) || !is_text_or_absent(metadata, "ImageName") || !is_text_or_absent(metadata, "ImageVersion") ||
        !is_object_or_absent(metadata, "BuildMetadata") || !is_object_or_absent(metadata, "CustomMetadata")) {
        return false;
    }
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(metadata, "BuildMetadata"), key, value) {
        if (!json_is_string(value)) {
            return false;
        }
    }
    return true;
}

json_t *cmaw_image_metadata_read(struct cmaw_slice section)
{
    json_t *metadata = json_loadb((const char *)section.data, section.size, JSON_REJECT_DUPLICATES, NULL);
    if (!has_types_of_schema(metadata)) {
        json_decref(metadata);
        return NULL;
    }
    return metadata;
}

enum cmaw_err cmaw_image_metadata_put(const char *name, const char *kernel_version, struct cmaw_buf *json)
{
    json_t *metadata = json_pack("{s:s, s:s, s:{s:s, s:s, s:s, s:s, s:s}, s:{}, s:n}", "ImageName", name, "ImageVersion", "1",
                                 "BuildMetadata", "BuildTime", "1970-01-01T00:00:00+00:00", "BuildTool", "cmaw-image", "BuildToolVersion",
                                 CMAW_VERSION, "OperatingSystem", "Linux", "KernelVersion", kernel_version,
                                 "DockerInfo", "CustomMetadata");
    char *text = metadata == NULL ? NULL : json_dumps(metadata, JSON_COMPACT);
    json_decref(metadata);
    CMAW_REQUIRE(text != NULL, CMAW_E_NO_MEMORY);
    cmaw_buf_put_cstr(json, text);
    free(text);
    return cmaw_buf_err(json);
}
