#include "image/layers.h"

#include "image/progress.h"

static enum cmaw_err check_digests(const struct image_layer *layer, const struct image_blob *blob, const uint8_t packed[static CMAW_SHA256_SIZE],
                                   const uint8_t plain[static CMAW_SHA256_SIZE], struct cmaw_diag *diag)
{
    if (layer->has_packed && blob->size != layer->size) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "%s: %llu bytes, and the manifest says %llu", layer->path, (unsigned long long)blob->size,
                             (unsigned long long)layer->size);
    }
    if (layer->has_packed && !cmaw_slice_eq(cmaw_slice_of(packed, CMAW_SHA256_SIZE), CMAW_SLICE_ARRAY(layer->packed))) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "%s: its content has another digest", layer->path);
    }
    if (!cmaw_slice_eq(cmaw_slice_of(plain, CMAW_SHA256_SIZE), CMAW_SLICE_ARRAY(layer->plain))) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "%s: unpacked, it has another digest than the image's diff_ids", layer->path);
    }
    return CMAW_OK;
}

static enum cmaw_err apply(const struct image_store *store, const struct image_layer *layer, uint64_t *left, struct image_rootfs *rootfs,
                           struct cmaw_diag *diag)
{
    uint8_t packed[CMAW_SHA256_SIZE], plain[CMAW_SHA256_SIZE];
    [[gnu::cleanup(cmaw_store_close)]] struct image_blob blob = {.fd = -1};
    CMAW_TRY(cmaw_store_open(store, layer->path, *left, &blob, diag));
    CMAW_TRY(cmaw_tar_read(&blob.stream, true, &rootfs->tree, &rootfs->skipped, diag));
    CMAW_TRY(cmaw_stream_finish(&blob.stream, packed, plain, diag));
    *left -= blob.stream.plain_size;
    return check_digests(layer, &blob, packed, plain, diag);
}

enum cmaw_err cmaw_image_layers_apply(const struct image_store *store, const struct image_layers *layers, uint64_t plain_max,
                                      struct image_rootfs *rootfs, struct cmaw_diag *diag)
{
    uint64_t left = plain_max;
    for (size_t i = 0; i < layers->count; i++) {
        cmaw_image_progress("layer %zu of %zu", i + 1, layers->count);
        rootfs->tree.layer++;
        const enum cmaw_err err = apply(store, &layers->list[i], &left, rootfs, diag);
        if (err != CMAW_OK) {
            return cmaw_diag_wrap(diag, err, "layer %zu of %zu", i + 1, layers->count);
        }
    }
    return CMAW_OK;
}
