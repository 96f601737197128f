#include <string.h>

#include "image/layers.h"

/* OCI image specification: image-layout.md, image-index.md, manifest.md, annotations.md. Docker's own types are the same in other words. */
enum { INDEX_DEPTH_MAX = 4, DESCRIPTORS_MAX = 1024, NAMES_MAX = 300 };

static const char *const index_types[] = {"application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json", NULL};
static const char *const manifest_types[] = {"application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json", NULL};
static const char *const layer_types[] = {
    "application/vnd.oci.image.layer.v1.tar", "application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.oci.image.layer.v1.tar+zstd",
    "application/vnd.docker.image.rootfs.diff.tar", "application/vnd.docker.image.rootfs.diff.tar.gzip", "application/vnd.docker.image.rootfs.diff.tar.zstd",
    NULL};
static const char *const name_keys[] = {"io.containerd.image.name", "org.opencontainers.image.ref.name"};
enum { NAME_KEYS = sizeof name_keys / sizeof name_keys[0] };

/* What an index has that may be meant. */
struct choice {
    const json_t *found; /* borrowed from the index */
    size_t count;        /* of different digests */
    struct cmaw_buf names;
};

static bool is_one_of(const char *text, const char *const *list)
{
    for (size_t i = 0; text != NULL && list[i] != NULL; i++) {
        if (strcmp(text, list[i]) == 0) {
            return true;
        }
    }
    return false;
}

static const char *name_of(const json_t *descriptor)
{
    for (size_t i = 0; i < NAME_KEYS; i++) {
        const char *name = cmaw_image_json_text(json_object_get(descriptor, "annotations"), name_keys[i]);
        if (name != NULL) {
            return name;
        }
    }
    return cmaw_image_json_text(descriptor, "digest");
}

/* By any of its names, or by its digest. */
static bool is_named(const json_t *descriptor, const char *reference)
{
    const char *digest = cmaw_image_json_text(descriptor, "digest");
    bool named = digest != NULL && strcmp(digest, reference) == 0;
    for (size_t i = 0; i < NAME_KEYS; i++) {
        const char *name = cmaw_image_json_text(json_object_get(descriptor, "annotations"), name_keys[i]);
        named |= name != NULL && strcmp(name, reference) == 0;
    }
    return named;
}

/* One that says no platform may be for any: its configuration will tell. */
static bool is_for(const struct image_rootfs_request *request, const json_t *descriptor)
{
    const json_t *platform = json_object_get(descriptor, "platform");
    const char *os = cmaw_image_json_text(platform, "os"), *architecture = cmaw_image_json_text(platform, "architecture");
    return platform == NULL || (os != NULL && strcmp(os, "linux") == 0 && architecture != NULL &&
                                strcmp(architecture, request->aarch64 ? "arm64" : "amd64") == 0);
}

static void add(struct choice *choice, const json_t *descriptor)
{
    const char *digest = cmaw_image_json_text(descriptor, "digest"), *name = name_of(descriptor);
    const char *before = cmaw_image_json_text(choice->found, "digest");
    cmaw_buf_printf(&choice->names, "%s%.100s", choice->names.size == 0 ? "" : ", ", name == NULL ? "?" : name);
    if (before == NULL || digest == NULL || strcmp(before, digest) != 0) {
        choice->count++; /* several names of one image are one */
    }
    choice->found = choice->found == NULL ? descriptor : choice->found;
}

static enum cmaw_err judge(const struct image_rootfs_request *request, const struct choice *choice, const struct cmaw_buf *all, struct cmaw_diag *diag)
{
    if (choice->count == 1) {
        return CMAW_OK;
    }
    if (choice->count > 1) {
        cmaw_diag_hint(diag, "agent.image says which one");
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "there are several images in it: %.*s", (int)choice->names.size, (const char *)choice->names.data);
    }
    cmaw_diag_hint(diag, "there are in it: %.*s", (int)all->size, (const char *)all->data);
    return cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "there is no image %s%sfor linux/%s in it", request->reference == NULL ? "" : request->reference,
                         request->reference == NULL ? "" : " ", request->aarch64 ? "arm64" : "amd64");
}

/* The one descriptor of an index that is meant; names count at the top only. */
static enum cmaw_err choose(const struct image_rootfs_request *request, const json_t *index, bool by_name, const json_t **ret_descriptor,
                            struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(all, NAMES_MAX);
    const json_t *list = json_object_get(index, "manifests");
    if (!json_is_array(list) || json_array_size(list) > DESCRIPTORS_MAX) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "an index has no list manifests of at most %d", DESCRIPTORS_MAX);
    }
    struct choice choice = {.names = CMAW_BUF(NAMES_MAX)};
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *descriptor = json_array_get(list, i);
        const char *name = name_of(descriptor);
        cmaw_buf_printf(&all, "%s%.100s", all.size == 0 ? "" : ", ", name == NULL ? "?" : name);
        if (is_for(request, descriptor) && (!by_name || request->reference == NULL || is_named(descriptor, request->reference))) {
            add(&choice, descriptor);
        }
    }
    const enum cmaw_err err = judge(request, &choice, &all, diag);
    cmaw_buf_free(&choice.names);
    *ret_descriptor = choice.found;
    return err;
}

static enum cmaw_err take_layer(const json_t *descriptor, struct image_layer *layer, struct cmaw_diag *diag)
{
    struct image_digest digest;
    const char *type = cmaw_image_json_text(descriptor, "mediaType");
    const json_t *size = json_object_get(descriptor, "size");
    if (!is_one_of(type, layer_types)) {
        return cmaw_diag_set(diag, CMAW_E_UNSUPPORTED, "a layer is of type %.100s", type == NULL ? "(none)" : type);
    }
    if (!json_is_integer(size) || json_integer_value(size) < 0) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "a layer has no size");
    }
    CMAW_TRY(cmaw_digest_parse(cmaw_image_json_text(descriptor, "digest"), &digest, diag));
    memcpy(layer->path, digest.path, sizeof digest.path);
    memcpy(layer->packed, digest.bytes, sizeof digest.bytes);
    layer->size = (uint64_t)json_integer_value(size);
    layer->has_packed = true;
    return CMAW_OK;
}

static enum cmaw_err take_layers(const json_t *manifest, struct image_layers *layers, struct cmaw_diag *diag)
{
    const json_t *list = json_object_get(manifest, "layers");
    if (!json_is_array(list) || json_array_size(list) > IMAGE_LAYERS_MAX) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "the manifest has no list layers of at most %d", IMAGE_LAYERS_MAX);
    }
    layers->count = json_array_size(list);
    for (size_t i = 0; i < layers->count; i++) {
        CMAW_TRY(take_layer(json_array_get(list, i), &layers->list[i], diag));
    }
    return CMAW_OK;
}

static enum cmaw_err read_manifest(const struct image_rootfs_request *request, const struct image_store *store, const struct image_digest *digest,
                                   uint64_t plain_max, struct image_rootfs *rootfs, struct cmaw_diag *diag)
{
    IMAGE_JSON_AUTO(manifest);
    IMAGE_JSON_AUTO(config);
    struct image_digest config_digest;
    static struct image_layers layers; /* too large for a stack */
    CMAW_TRY(cmaw_store_read_json(store, digest->path, digest, &manifest, diag));
    CMAW_TRY(take_layers(manifest, &layers, diag));
    CMAW_TRY(cmaw_digest_parse(cmaw_image_json_text(json_object_get(manifest, "config"), "digest"), &config_digest, diag));
    CMAW_TRY(cmaw_store_read_json(store, config_digest.path, &config_digest, &config, diag));
    CMAW_TRY(cmaw_image_config_parse(request, config, &layers, &rootfs->config, diag));
    return cmaw_image_layers_apply(store, &layers, plain_max, rootfs, diag);
}

enum cmaw_err cmaw_image_layout_read(const struct image_rootfs_request *request, const struct image_store *store, uint64_t plain_max,
                                     struct image_rootfs *rootfs, struct cmaw_diag *diag)
{
    IMAGE_JSON_AUTO(index);
    CMAW_TRY(cmaw_store_read_json(store, "index.json", NULL, &index, diag));
    for (size_t depth = 0; depth < INDEX_DEPTH_MAX; depth++) {
        const json_t *descriptor = NULL;
        struct image_digest digest;
        CMAW_TRY(choose(request, index, depth == 0, &descriptor, diag));
        CMAW_TRY(cmaw_digest_parse(cmaw_image_json_text(descriptor, "digest"), &digest, diag));
        const char *type = cmaw_image_json_text(descriptor, "mediaType");
        if (is_one_of(type, manifest_types)) {
            return read_manifest(request, store, &digest, plain_max, rootfs, diag);
        }
        if (!is_one_of(type, index_types)) {
            return cmaw_diag_set(diag, CMAW_E_UNSUPPORTED, "what is chosen is a %.100s, not an image", type == NULL ? "(nothing)" : type);
        }
        json_t *below = NULL;
        CMAW_TRY(cmaw_store_read_json(store, digest.path, &digest, &below, diag));
        json_decref(index);
        index = below;
    }
    return cmaw_diag_set(diag, CMAW_E_MALFORMED, "more than %d indexes in each other", INDEX_DEPTH_MAX);
}
