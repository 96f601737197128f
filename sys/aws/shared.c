/* The shared files, as far as they hold static keys and a region. */
#include <stdlib.h>
#include <string.h>

#include "sys/aws/profile.h"
#include "sys/aws/sources.h"
#include "sys/file.h"

static const struct {
    const char *variable;
    const char *path; /* in the home folder */
} places[] = {
    [CMAW_AWS_FILE_CREDENTIALS] = {"AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"},
    [CMAW_AWS_FILE_CONFIG] = {"AWS_CONFIG_FILE", ".aws/config"},
};

struct shared {
    const char *name; /* of the profile */
    char path[CMAW_PATH_MAX];
    struct cmaw_buf text;
    struct cmaw_aws_profile profile;
};

/* What one file says; a file that is not there says nothing. */
static enum cmaw_err read_file(struct shared *shared, enum cmaw_aws_file file, struct cmaw_diag *diag)
{
    const char *path = cmaw_aws_variable(places[file].variable), *home = cmaw_aws_variable("HOME");
    unsigned line = 0;

    cmaw_buf_reset(&shared->text);
    shared->profile = (struct cmaw_aws_profile){0};
    if (path == NULL && home == NULL) {
        return CMAW_OK;
    }
    CMAW_TRY(path != NULL ? cmaw_path(shared->path, "%s", path) : cmaw_path(shared->path, "%s/%s", home, places[file].path));
    struct cmaw_diag reading = {0};
    enum cmaw_err err = cmaw_file_read(shared->path, &shared->text, &reading);
    if (err == CMAW_E_NOT_FOUND) {
        return CMAW_OK;
    }
    if (err != CMAW_OK) {
        return cmaw_diag_set(diag, err, "profile: %s", reading.text);
    }
    err = cmaw_aws_profile_read(cmaw_buf_slice(&shared->text), file, shared->name, &shared->profile, &line);
    return err == CMAW_OK ? CMAW_OK : cmaw_diag_set(diag, err, "profile: %s:%u: neither [section] nor name = value", shared->path, line);
}

static enum cmaw_err take_keys(const struct shared *shared, struct cmaw_aws_keys *ret_keys, struct cmaw_diag *diag)
{
    const struct cmaw_aws_credentials texts = {shared->profile.access_key_id, shared->profile.secret_access_key,
                                               shared->profile.session_token};
    const enum cmaw_err err = cmaw_aws_keys_set(ret_keys, &texts);
    if (err != CMAW_OK) {
        return cmaw_diag_set(diag, err, "profile: the keys of %s in %s are not complete or not of their form", shared->name, shared->path);
    }
    ret_keys->source = CMAW_AWS_PROFILE;
    return CMAW_OK;
}

static const char *profile_name(const char *name)
{
    const char *chosen = name != NULL ? name : cmaw_aws_variable("AWS_PROFILE");
    return chosen != NULL ? chosen : "default";
}

static enum cmaw_err none(const char *name, bool found, const char *unsupported, struct cmaw_diag *diag)
{
    if (unsupported != NULL) {
        cmaw_diag_hint(diag, "put keys into the environment, for instance with: eval \"$(aws configure export-credentials --profile %s --format env)\"", name);
        return cmaw_diag_set(diag, CMAW_E_UNSUPPORTED, "profile: %s of profile %s is not supported, only static keys are", unsupported, name);
    }
    if (found) {
        return cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "profile: profile %s has no keys", name);
    }
    cmaw_diag_hint(diag, "it is looked for in ~/.aws/credentials and ~/.aws/config, or AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE");
    return cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "profile: there is no profile %s", name);
}

static enum cmaw_err find_keys(struct shared *shared, struct cmaw_aws_keys *ret_keys, struct cmaw_diag *diag)
{
    const char *unsupported = NULL;
    bool found = false;

    for (enum cmaw_aws_file file = CMAW_AWS_FILE_CREDENTIALS; file <= CMAW_AWS_FILE_CONFIG; file++) {
        CMAW_TRY(read_file(shared, file, diag));
        if (shared->profile.access_key_id.size > 0 || shared->profile.secret_access_key.size > 0) {
            return take_keys(shared, ret_keys, diag);
        }
        found = found || shared->profile.found;
        unsupported = shared->profile.unsupported != NULL ? shared->profile.unsupported : unsupported;
    }
    return none(shared->name, found, unsupported, diag);
}

enum cmaw_err cmaw_aws_shared_keys(const char *name, struct cmaw_aws_keys *ret_keys, struct cmaw_diag *diag)
{
    struct shared *shared = calloc(1, sizeof *shared);

    CMAW_REQUIRE(shared != NULL, CMAW_E_NO_MEMORY);
    shared->name = profile_name(name);
    shared->text = CMAW_BUF(CMAW_AWS_FILE_MAX);
    const enum cmaw_err err = find_keys(shared, ret_keys, diag);
    cmaw_buf_free(&shared->text);
    free(shared);
    return err;
}

static enum cmaw_err find_region(struct shared *shared, char ret_region[static CMAW_AWS_REGION_MAX + 1], struct cmaw_diag *diag)
{
    for (int file = CMAW_AWS_FILE_CONFIG; file >= CMAW_AWS_FILE_CREDENTIALS; file--) {
        CMAW_TRY(read_file(shared, (enum cmaw_aws_file)file, diag));
        if (shared->profile.region.size > 0) {
            const enum cmaw_err err = cmaw_aws_region_set(shared->profile.region, ret_region);
            return err == CMAW_OK ? CMAW_OK : cmaw_diag_set(diag, err, "profile: the region of %s in %s is none", shared->name, shared->path);
        }
    }
    return cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "profile: profile %s has no region", shared->name);
}

enum cmaw_err cmaw_aws_shared_region(const char *name, char ret_region[static CMAW_AWS_REGION_MAX + 1], struct cmaw_diag *diag)
{
    struct shared *shared = calloc(1, sizeof *shared);

    CMAW_REQUIRE(shared != NULL, CMAW_E_NO_MEMORY);
    shared->name = profile_name(name);
    shared->text = CMAW_BUF(CMAW_AWS_FILE_MAX);
    const enum cmaw_err err = find_region(shared, ret_region, diag);
    cmaw_buf_free(&shared->text);
    free(shared);
    return err;
}
