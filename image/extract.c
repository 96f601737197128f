#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/print.h"
#include "image/read.h"
#include "image/verbs.h"
#include "lib/attest/eif_sign.h"
#include "sys/file.h"

enum { FILES_MAX = CMAW_EIF_SECTIONS_MAX + 2, OUT_NAME_SIZE = 32 }; /* signed with all ramdisks, and the certificate */

/* Names are ours: nothing of the image decides where a byte is written. */
struct out_file {
    char name[OUT_NAME_SIZE];
    bool has_content; /* else the image has none, and the folder must not have another's */
    struct cmaw_slice content;
};

struct out_files {
    struct out_file list[FILES_MAX];
    size_t count;
};

static void add(struct out_files *files, const char *name, bool has_content, struct cmaw_slice content)
{
    struct out_file *file = &files->list[files->count++];
    (void)snprintf(file->name, sizeof file->name, "%s", name);
    file->has_content = has_content;
    file->content = content;
}

/* Every name that an image can have. */
static void list_files(const struct cmaw_eif *eif, const struct cmaw_eif_signature *signature, struct out_files *files)
{
    const bool is_signed = eif->signature.size > 0;
    add(files, "kernel", true, eif->kernel);
    add(files, "cmdline", true, eif->cmdline);
    add(files, "metadata.json", true, eif->metadata);
    for (size_t i = 0; i < CMAW_EIF_RAMDISKS_MAX; i++) {
        char name[OUT_NAME_SIZE];
        (void)snprintf(name, sizeof name, "ramdisk-%zu", i);
        add(files, name, i < eif->ramdisk_count, eif->ramdisks[i]);
    }
    add(files, "signature.cbor", is_signed, eif->signature);
    add(files, "certificate.pem", is_signed, cmaw_buf_slice(&signature->pem));
}

/* Before the first is written, so that a folder is not half of one image and half of another. */
static enum cmaw_err check_free(const char *folder, const struct out_files *files, struct cmaw_diag *diag)
{
    for (size_t i = 0; i < files->count; i++) {
        char path[CMAW_PATH_MAX];
        struct stat info;
        CMAW_TRY(cmaw_path(path, "%s/%s", folder, files->list[i].name));
        if (lstat(path, &info) == 0) {
            cmaw_diag_hint(diag, "choose another folder, or --force to replace what is in it");
            return cmaw_diag_set(diag, CMAW_E_EXISTS, "%s is there already", path);
        }
    }
    return CMAW_OK;
}

static enum cmaw_err write_file(const char *path, const struct out_file *file, struct cmaw_diag *diag)
{
    if (file->has_content) {
        return cmaw_file_write(path, file->content, 0644, diag);
    }
    return unlink(path) == 0 || errno == ENOENT ? CMAW_OK : cmaw_diag_set(diag, cmaw_err_of_errno(errno), "cannot remove %s: %s", path, strerror(errno));
}

static enum cmaw_err write_files(const char *folder, const struct out_files *files, struct cmaw_diag *diag)
{
    if (mkdir(folder, 0755) != 0 && errno != EEXIST) {
        return cmaw_diag_set(diag, cmaw_err_of_errno(errno), "cannot make %s: %s", folder, strerror(errno));
    }
    for (size_t i = 0; i < files->count; i++) {
        char path[CMAW_PATH_MAX];
        CMAW_TRY(cmaw_path(path, "%s/%s", folder, files->list[i].name));
        CMAW_TRY(write_file(path, &files->list[i], diag));
    }
    return CMAW_OK;
}

static json_t *names_of(const struct out_files *files)
{
    json_t *names = json_array();
    for (size_t i = 0; i < files->count; i++) {
        if (files->list[i].has_content) {
            (void)json_array_append_new(names, json_string(files->list[i].name));
        }
    }
    return names;
}

enum cmaw_err cmaw_image_extract(const struct image_options *options, struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(file, IMAGE_EIF_MAX);
    CMAW_EIF_SIGNATURE_AUTO(signature);
    struct cmaw_eif eif;
    struct out_files files = {0};
    const char *field = NULL;
    CMAW_TRY(cmaw_image_read(options->input, &file, &eif, diag));
    if (eif.signature.size > 0) {
        CMAW_TRY(cmaw_eif_signature_read(eif.signature, &signature, &field));
    }
    list_files(&eif, &signature, &files);
    if (!options->force) {
        CMAW_TRY(check_free(options->output, &files, diag));
    }
    CMAW_TRY(write_files(options->output, &files, diag));
    return cmaw_image_print_description(&eif, names_of(&files), diag);
}
