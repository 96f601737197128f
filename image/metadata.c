#include <jansson.h>
#include <stdlib.h>

#include "image/parts.h"

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
