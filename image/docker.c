#include <stdio.h>
#include <string.h>

#include "image/layers.h"

/* docker save: manifest.json is a list of {Config, RepoTags, Layers} (moby/moby image/spec/spec.md, "Combined Image JSON + Filesystem Changeset
 * Format"). The configuration's file is named by its own digest and has the digests of the layers' content. */
enum { IMAGES_MAX = 1024, NAMES_MAX = 300 };

static bool has_tag(const json_t *image, const char *reference)
{
    const json_t *tags = json_object_get(image, "RepoTags");
    for (size_t i = 0; i < json_array_size(tags); i++) {
        const char *tag = json_string_value(json_array_get(tags, i));
        if (tag != NULL && strcmp(tag, reference) == 0) {
            return true;
        }
    }
    return false;
}

static void put_names(struct cmaw_buf *names, const json_t *image)
{
    const json_t *tags = json_object_get(image, "RepoTags");
    const char *config = cmaw_image_json_text(image, "Config");
    for (size_t i = 0; i < json_array_size(tags); i++) {
        const char *tag = json_string_value(json_array_get(tags, i));
        cmaw_buf_printf(names, "%s%.100s", names->size == 0 ? "" : ", ", tag == NULL ? "?" : tag);
    }
    if (json_array_size(tags) == 0) {
        cmaw_buf_printf(names, "%s%.100s", names->size == 0 ? "" : ", ", config == NULL ? "?" : config);
    }
}

static enum cmaw_err choose(const struct image_rootfs_request *request, const json_t *list, const json_t **ret_image, struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(names, NAMES_MAX);
    size_t count = 0;
    if (!json_is_array(list) || json_array_size(list) > IMAGES_MAX) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "manifest.json is not a list of at most %d images", IMAGES_MAX);
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *image = json_array_get(list, i);
        put_names(&names, image);
        if (request->reference == NULL || has_tag(image, request->reference)) {
            *ret_image = image;
            count++;
        }
    }
    if (count == 1) {
        return CMAW_OK;
    }
    if (count > 1) {
        cmaw_diag_hint(diag, "agent.image says which one");
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "there are several images in it: %.*s", (int)names.size, (const char *)names.data);
    }
    cmaw_diag_hint(diag, "there are in it: %.*s", (int)names.size, (const char *)names.data);
    return cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "there is no image %s in it", request->reference == NULL ? "" : request->reference);
}

/* "HEX.json", "blobs/sha256/HEX" or "sha256:HEX". */
static enum cmaw_err digest_of(const char *path, struct image_digest *ret_digest, struct cmaw_diag *diag)
{
    char text[sizeof "sha256:" + 64];
    const char *slash = strrchr(path, '/'), *name = slash == NULL ? path : slash + 1;
    name += strncmp(name, "sha256:", 7) == 0 ? 7 : 0;
    const size_t size = strcspn(name, ".");
    if (name[size] != '\0' && strcmp(name + size, ".json") != 0) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "Config %.128s is not named by its digest", path);
    }
    (void)snprintf(text, sizeof text, "sha256:%.*s", size > 64 ? 64 : (int)size, name);
    if (size != 64 || cmaw_digest_parse(text, ret_digest, diag) != CMAW_OK) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "Config %.128s is not named by its digest", path);
    }
    return CMAW_OK;
}

static enum cmaw_err take_layers(const json_t *image, struct image_layers *layers, struct cmaw_diag *diag)
{
    const json_t *list = json_object_get(image, "Layers");
    if (!json_is_array(list) || json_array_size(list) > IMAGE_LAYERS_MAX) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "manifest.json has no list Layers of at most %d", IMAGE_LAYERS_MAX);
    }
    layers->count = json_array_size(list);
    for (size_t i = 0; i < layers->count; i++) {
        struct image_layer *layer = &layers->list[i];
        if (cmaw_slice_to_cstr(cmaw_slice_of_cstr(json_string_value(json_array_get(list, i))), layer->path, sizeof layer->path) != CMAW_OK ||
            layer->path[0] == '\0') {
            return cmaw_diag_set(diag, CMAW_E_MALFORMED, "manifest.json names layer %zu in no way that can be read", i + 1);
        }
        layer->has_packed = false;
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_image_docker_read(const struct image_rootfs_request *request, const struct image_store *store, uint64_t plain_max,
                                     struct image_rootfs *rootfs, struct cmaw_diag *diag)
{
    IMAGE_JSON_AUTO(list);
    IMAGE_JSON_AUTO(config);
    const json_t *image = NULL;
    struct image_digest digest;
    static struct image_layers layers; /* too large for a stack */
    CMAW_TRY(cmaw_store_read_json(store, "manifest.json", NULL, &list, diag));
    CMAW_TRY(choose(request, list, &image, diag));
    const char *path = cmaw_image_json_text(image, "Config");
    if (path == NULL) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "manifest.json names no Config");
    }
    CMAW_TRY(digest_of(path, &digest, diag));
    CMAW_TRY(take_layers(image, &layers, diag));
    CMAW_TRY(cmaw_store_read_json(store, path, &digest, &config, diag));
    CMAW_TRY(cmaw_image_config_parse(request, config, &layers, &rootfs->config, diag));
    return cmaw_image_layers_apply(store, &layers, plain_max, rootfs, diag);
}
