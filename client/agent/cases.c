#include "client/agent/cases.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"

static const char ending[] = ".in";

static int order(const void *a, const void *b)
{
    return strcmp(((const struct cmaw_case *)a)->name, ((const struct cmaw_case *)b)->name);
}

static enum cmaw_err add(struct cmaw_cases *cases, const char *file, struct cmaw_diag *diag)
{
    const size_t size = strlen(file), rest = sizeof ending - 1;
    if (size <= rest || strcmp(file + size - rest, ending) != 0) {
        return CMAW_OK;
    }
    if (size - rest > CMAW_CASE_NAME_MAX || cases->count == CMAW_CASES_MAX || !cmaw_text_is_tame(cmaw_slice_of_cstr(file))) {
        return cmaw_diag_set(diag, CMAW_E_TOO_LARGE, "%s holds more than %d cases, or one with an odd name", cases->folder, CMAW_CASES_MAX);
    }
    return cmaw_slice_to_cstr(cmaw_slice_of(file, size - rest), cases->list[cases->count++].name, CMAW_CASE_NAME_MAX + 1);
}

enum cmaw_err cmaw_cases_load(const char *agent_folder, struct cmaw_cases *cases, struct cmaw_diag *diag)
{
    CMAW_TRY(cmaw_path(cases->folder, "%s/tests", agent_folder));
    cases->list = calloc(CMAW_CASES_MAX, sizeof *cases->list);
    CMAW_REQUIRE(cases->list != NULL, CMAW_E_NO_MEMORY);
    DIR *folder = opendir(cases->folder);
    if (folder == NULL && errno != ENOENT) {
        return cmaw_diag_set(diag, cmaw_err_of_errno(errno), "cannot open %s: %s", cases->folder, strerror(errno));
    }
    enum cmaw_err err = CMAW_OK;
    for (const struct dirent *entry; folder != NULL && err == CMAW_OK && (entry = readdir(folder)) != NULL;) {
        err = add(cases, entry->d_name, diag);
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    CMAW_TRY(err);
    if (cases->count == 0) {
        cmaw_diag_hint(diag, "put an input into %s/NAME.in, and what must come of it into NAME.out", cases->folder);
        return cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "%s holds no case", cases->folder);
    }
    qsort(cases->list, cases->count, sizeof *cases->list, order);
    return CMAW_OK;
}

void cmaw_cases_free(struct cmaw_cases *cases)
{
    free(cases->list);
    cases->list = NULL;
}

enum cmaw_err cmaw_case_path(const struct cmaw_cases *cases, const char *name, const char *extension, char ret_path[static CMAW_PATH_MAX])
{
    return cmaw_path(ret_path, "%s/%s.%s", cases->folder, name, extension);
}
