#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "client/agent/template.h"
#include "sys/file.h"

enum { NAME_MAX_SIZE = 40, FILE_MAX = 1 << 20 };

static const char placeholder[] = "@NAME@";

static bool is_lang(const char *lang)
{
    for (const struct cmaw_template_file *file = cmaw_template_files; file->lang != NULL; file++) {
        if (strcmp(file->lang, lang) == 0) {
            return strcmp(lang, "all") != 0;
        }
    }
    return false;
}

/* What a role, an image and a Go module may all be called. */
static bool is_name(const char *name)
{
    const size_t size = strlen(name);
    return size >= 1 && size <= NAME_MAX_SIZE && name[0] >= 'a' && name[0] <= 'z' && name[size - 1] != '-' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == size;
}

static enum cmaw_err fill_in(const struct cmaw_template_file *file, const char *name, struct cmaw_buf *content)
{
    struct cmaw_slice rest = cmaw_slice_of(file->data, file->size);
    for (const uint8_t *found; (found = memmem(rest.data, rest.size, placeholder, sizeof placeholder - 1)) != NULL;) {
        const size_t before = (size_t)(found - rest.data);
        cmaw_buf_put(content, cmaw_slice_sub(rest, 0, before));
        cmaw_buf_put_cstr(content, name);
        rest = cmaw_slice_sub(rest, before + sizeof placeholder - 1, rest.size - before - (sizeof placeholder - 1));
    }
    cmaw_buf_put(content, rest);
    return cmaw_buf_err(content);
}

static enum cmaw_err put_file(const struct cmaw_template_file *file, const char *name, struct cmaw_diag *diag)
{
    char path[CMAW_PATH_MAX];
    CMAW_BUF_AUTO(content, FILE_MAX);
    const char *slash = strrchr(file->path, '/');
    if (slash != NULL) {
        CMAW_TRY(cmaw_path(path, "%s/%.*s", name, (int)(slash - file->path), file->path));
        if (mkdir(path, 0755) != 0 && errno != EEXIST) {
            return cmaw_diag_set(diag, cmaw_err_of_errno(errno), "cannot make %s: %s", path, strerror(errno));
        }
    }
    CMAW_TRY(cmaw_path(path, "%s/%s", name, file->path));
    CMAW_TRY(fill_in(file, name, &content));
    return cmaw_file_write(path, cmaw_buf_slice(&content), file->mode, diag);
}

enum cmaw_err cmaw_agent_create(const char *name, const char *lang, struct cmaw_diag *diag)
{
    if (!is_lang(lang)) {
        cmaw_diag_hint(diag, "--lang c, python, go or sh");
        return cmaw_diag_set(diag, CMAW_E_USAGE, "there is no template for %.40s", lang);
    }
    if (!is_name(name)) {
        cmaw_diag_hint(diag, "1 to %d of a-z 0-9 -, from a letter on, without - at the end", NAME_MAX_SIZE);
        return cmaw_diag_set(diag, CMAW_E_USAGE, "an agent cannot be called %.60s", name);
    }
    if (mkdir(name, 0755) != 0) {
        const int errnum = errno;
        if (errnum == EEXIST) {
            cmaw_diag_hint(diag, "nothing is overwritten: choose another name, or move it away");
        }
        return cmaw_diag_set(diag, cmaw_err_of_errno(errnum), "cannot make the folder %s: %s", name, strerror(errnum));
    }
    for (const struct cmaw_template_file *file = cmaw_template_files; file->lang != NULL; file++) {
        if (strcmp(file->lang, "all") == 0 || strcmp(file->lang, lang) == 0) {
            CMAW_TRY(put_file(file, name, diag));
        }
    }
    return CMAW_OK;
}
