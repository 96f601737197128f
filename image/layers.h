/* The layers of an image, put over each other, and the configuration that comes with them. */
#ifndef CMAW_IMAGE_LAYERS_H
#define CMAW_IMAGE_LAYERS_H

#include "image/rootfs.h"
#include "image/store.h"

enum { IMAGE_LAYERS_MAX = 128 }; /* of one image, as in Docker with room */

struct image_layer {
    char path[IMAGE_TEXT_MAX];  /* in the store */
    bool has_packed;            /* an OCI layout says what is in the blob; docker save only what comes out of it */
    uint8_t packed[CMAW_SHA256_SIZE];
    uint64_t size;              /* bytes, with has_packed */
    uint8_t plain[CMAW_SHA256_SIZE];
};

struct image_layers {
    struct image_layer list[IMAGE_LAYERS_MAX];
    size_t count;
};

/* config.c: what an image says of itself (OCI image specification, config.md): its platform has to be that of the request, and layers->count is that of
 * rootfs.diff_ids, which become the layers' plain digests. The diag says what is wrong. */
enum cmaw_err cmaw_image_config_parse(const struct image_rootfs_request *request, const json_t *json, struct image_layers *layers,
                                      struct image_config *config, struct cmaw_diag *diag);

/* Puts every layer into rootfs->tree, the first at the bottom. plain_max bounds them all together. The diag begins with the layer's number. */
enum cmaw_err cmaw_image_layers_apply(const struct image_store *store, const struct image_layers *layers, uint64_t plain_max,
                                      struct image_rootfs *rootfs, struct cmaw_diag *diag);

/* layout.c: an OCI layout, from its index.json. docker.c: what docker save writes, from its manifest.json. */
enum cmaw_err cmaw_image_layout_read(const struct image_rootfs_request *request, const struct image_store *store, uint64_t plain_max,
                                     struct image_rootfs *rootfs, struct cmaw_diag *diag);
enum cmaw_err cmaw_image_docker_read(const struct image_rootfs_request *request, const struct image_store *store, uint64_t plain_max,
                                     struct image_rootfs *rootfs, struct cmaw_diag *diag);

/* The value of a key, if it is a string, else NULL. */
static inline const char *cmaw_image_json_text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}
static inline void cmaw_image_json_free(json_t **json)
{
    json_decref(*json);
}
#define IMAGE_JSON_AUTO(name) [[gnu::cleanup(cmaw_image_json_free)]] json_t *name = NULL

#endif
