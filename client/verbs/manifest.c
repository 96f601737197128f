#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/deploy/manifest_file.h"
#include "client/settings.h"
#include "client/verbs.h"
#include "lib/base/text.h"

static enum cmaw_err new_manifest(const char *yaml, const char *output, struct cmaw_diag *diag)
{
    if (output == NULL) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "manifest new: missing --output FILE");
    }
    CMAW_BUF_AUTO(bytes, CMAW_MANIFEST_MAX);
    CMAW_TRY(cmaw_manifest_from_yaml(yaml, &bytes, diag));
    struct cmaw_manifest *manifest = calloc(1, sizeof *manifest);
    CMAW_REQUIRE(manifest != NULL, CMAW_E_NO_MEMORY);
    enum cmaw_err err = cmaw_manifest_parse(cmaw_buf_slice(&bytes), manifest);
    err = err != CMAW_OK ? err : cmaw_file_write(output, cmaw_buf_slice(&bytes), 0644, diag);
    char hash[2 * CMAW_HASH_SIZE + 1];
    err = err != CMAW_OK ? err : cmaw_hex_to_cstr(cmaw_bytes32_slice(&manifest->mh), hash, sizeof hash);
    if (err == CMAW_OK) {
        (void)printf("%s\n", hash);
    }
    free(manifest);
    return err;
}

static enum cmaw_err show_manifest(const char *path, struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(bytes, CMAW_BUNDLE_MAX);
    CMAW_TRY(cmaw_file_read(path, &bytes, diag));
    struct cmaw_manifest *manifest = calloc(1, sizeof *manifest);
    CMAW_REQUIRE(manifest != NULL, CMAW_E_NO_MEMORY);
    CMAW_JSON_AUTO(json);
    enum cmaw_err err = cmaw_manifest_parse(cmaw_buf_slice(&bytes), manifest);
    if (err != CMAW_OK) {
        cmaw_diag_hint(diag, "cmaw manifest new makes one from YAML");
        err = cmaw_diag_set(diag, err, "%s is not a manifest", path);
    } else {
        err = cmaw_manifest_json(manifest, &json);
    }
    free(manifest);
    return err == CMAW_OK ? cmaw_json_print(json) : err;
}

enum cmaw_err cmaw_command_manifest(int argc, char **argv, struct cmaw_diag *diag)
{
    const char *output = NULL;
    const struct cmaw_option options[] = {{"output", "FILE", "where to write the manifest (new)", &output, NULL, NULL, 'o'}, CMAW_OPTION_END};
    const struct cmaw_usage usage = {
        .verb = "manifest", .words = "new MANIFEST.yaml | show FILE", .min_words = 2, .max_words = 2, .options = options,
        .example = "cmaw manifest new prod.yaml --output prod.manifest",
        .summary = "A manifest says which measured images may act in which role, with which key, and for how long.\n"
                   "new makes one from YAML, with PCRs from images, and prints its hash; show prints one as JSON."};
    struct cmaw_words words;
    bool help;
    CMAW_TRY(cmaw_options_parse(&usage, argc, argv, &words, &help, diag));
    CMAW_REQUIRE(!help, CMAW_OK);
    if (strcmp(words.items[0], "new") == 0) {
        return new_manifest(words.items[1], output, diag);
    }
    if (strcmp(words.items[0], "show") == 0) {
        return show_manifest(words.items[1], diag);
    }
    cmaw_diag_hint(diag, "cmaw manifest --help");
    return cmaw_diag_set(diag, CMAW_E_USAGE, "manifest: new or show, not %.40s", words.items[0]);
}
