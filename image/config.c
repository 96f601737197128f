#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/layers.h"
#include "sys/cpio.h"

static enum cmaw_err check_platform(const struct image_rootfs_request *request, const json_t *json, struct cmaw_diag *diag)
{
    const char *os = cmaw_image_json_text(json, "os"), *architecture = cmaw_image_json_text(json, "architecture");
    const char *wanted = request->aarch64 ? "arm64" : "amd64";
    if (os == NULL || architecture == NULL) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "the image's configuration says no os and architecture");
    }
    if (strcmp(os, "linux") != 0 || strcmp(architecture, wanted) != 0) {
        return cmaw_diag_set(diag, CMAW_E_UNSUPPORTED, "the image is for %.32s/%.32s, and init for linux/%s", os, architecture, wanted);
    }
    return CMAW_OK;
}

static enum cmaw_err take_diff_ids(const json_t *json, struct image_layers *layers, struct cmaw_diag *diag)
{
    const json_t *ids = json_object_get(json_object_get(json, "rootfs"), "diff_ids");
    if (!json_is_array(ids) || json_array_size(ids) != layers->count) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "the image's configuration has %zu diff_ids for %zu layers", json_array_size(ids), layers->count);
    }
    for (size_t i = 0; i < layers->count; i++) {
        struct image_digest digest;
        CMAW_TRY(cmaw_digest_parse(json_string_value(json_array_get(ids, i)), &digest, diag));
        memcpy(layers->list[i].plain, digest.bytes, sizeof digest.bytes);
    }
    return CMAW_OK;
}

/* A list of words that may be absent or null. */
static enum cmaw_err take_words(const json_t *config, const char *key, enum cmaw_err (*add)(struct image_words *, struct cmaw_slice),
                                struct image_words *words, struct cmaw_diag *diag)
{
    const json_t *list = json_object_get(config, key);
    if (list == NULL || json_is_null(list)) {
        return CMAW_OK;
    }
    if (!json_is_array(list)) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "the image's %s is not a list", key);
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *word = json_array_get(list, i);
        const enum cmaw_err err = json_is_string(word) ? add(words, cmaw_slice_of(json_string_value(word), json_string_length(word))) : CMAW_E_MALFORMED;
        if (err == CMAW_E_TOO_LARGE) {
            return cmaw_diag_set(diag, err, "the image's %s has more than %d words, or one of more than %d bytes", key, IMAGE_WORDS_MAX, IMAGE_TEXT_MAX);
        }
        if (err != CMAW_OK) {
            return cmaw_diag_set(diag, err, "word %zu of the image's %s is not fit: printable ASCII%s", i + 1, key,
                                 strcmp(key, "Env") == 0 ? ", NAME=VALUE" : "");
        }
    }
    return CMAW_OK;
}

static enum cmaw_err check_env(const struct image_words *env, struct cmaw_diag *diag)
{
    for (unsigned i = 0; i < env->count; i++) {
        if (strncmp(env->list[i], "CMAW_", 5) == 0) {
            return cmaw_diag_set(diag, CMAW_E_MALFORMED, "the image's Env has %.64s: names that start with CMAW_ are the runtime's", env->list[i]);
        }
    }
    return CMAW_OK;
}

static enum cmaw_err take_workdir(const json_t *config, char **ret_workdir, struct cmaw_diag *diag)
{
    const char *text = cmaw_image_json_text(config, "WorkingDir");
    if (text == NULL || text[0] == '\0') {
        return CMAW_OK;
    }
    struct cmaw_slice path = cmaw_slice_of_cstr(text);
    while (path.size > 1 && path.data[path.size - 1] == '/') {
        path.size--;
    }
    if (path.size > IMAGE_TREE_PATH_MAX || path.data[0] != '/' || !cmaw_image_is_printable(path) ||
        (path.size > 1 && !cmaw_cpio_name_is_clean(cmaw_slice_sub(path, 1, path.size - 1)))) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "the image's WorkingDir %.128s is not a plain absolute path", text);
    }
    char *copy = NULL;
    CMAW_REQUIRE(asprintf(&copy, "%.*s", (int)path.size, (const char *)path.data) >= 0, CMAW_E_NO_MEMORY);
    free(*ret_workdir);
    *ret_workdir = copy;
    return CMAW_OK;
}

static enum cmaw_err take_user(const json_t *config, char **ret_user)
{
    const char *text = cmaw_image_json_text(config, "User");
    char *copy = NULL;
    if (text == NULL || text[0] == '\0') {
        return CMAW_OK;
    }
    CMAW_REQUIRE(asprintf(&copy, "%.64s", text) >= 0, CMAW_E_NO_MEMORY);
    free(*ret_user);
    *ret_user = copy;
    return CMAW_OK;
}

enum cmaw_err cmaw_image_config_parse(const struct image_rootfs_request *request, const json_t *json, struct image_layers *layers,
                                      struct image_config *config, struct cmaw_diag *diag)
{
    const json_t *settings = json_object_get(json, "config");
    CMAW_TRY(check_platform(request, json, diag));
    CMAW_TRY(take_diff_ids(json, layers, diag));
    CMAW_TRY(take_words(settings, "Entrypoint", cmaw_image_words_add, &config->command, diag));
    CMAW_TRY(take_words(settings, "Cmd", cmaw_image_words_add, &config->command, diag));
    CMAW_TRY(take_words(settings, "Env", cmaw_image_words_set, &config->env, diag));
    CMAW_TRY(check_env(&config->env, diag));
    CMAW_TRY(take_workdir(settings, &config->workdir, diag));
    return take_user(settings, &config->user);
}
