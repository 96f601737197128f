#include "client/agent/image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/stack/tools.h"
#include "lib/attest/eif.h"
#include "sys/folder.h"
#include "sys/proc.h"
#include "sys/ramdisk.h"

enum { EIF_MAX = 1024 * (1 << 20), OUTPUT_MAX = 64 * 1024 };

/* The builder wants roots of trust. Nothing that is built with these is ever booted. */
static const char no_pem[] = "-----BEGIN CERTIFICATE-----\nof cmaw agent test: no certificate\n-----END CERTIFICATE-----\n";
static const char no_der[] = "\x30\x22of cmaw agent test: no certificate";

static enum cmaw_err make_folder(struct cmaw_agent_image *image, struct cmaw_diag *diag)
{
    const char *tmp = getenv("TMPDIR");
    CMAW_TRY(cmaw_path(image->folder, "%s/cmaw-agent-XXXXXX", tmp == NULL || tmp[0] == '\0' ? "/tmp" : tmp));
    if (mkdtemp(image->folder) == NULL) {
        const enum cmaw_err err = cmaw_diag_set(diag, cmaw_err_of_errno(errno), "cannot make %s: %s", image->folder, strerror(errno));
        image->folder[0] = '\0';
        return err;
    }
    /* the agent has another number than who runs this */
    return chmod(image->folder, 0755) == 0 ? CMAW_OK : cmaw_diag_set(diag, cmaw_err_of_errno(errno), "cannot open up %s", image->folder);
}

static enum cmaw_err build(const char *yaml, const struct cmaw_agent_image *image, const char *eif, struct cmaw_diag *diag)
{
    char pem[CMAW_PATH_MAX];
    char der[CMAW_PATH_MAX];
    char init[CMAW_PATH_MAX];
    CMAW_BUF_AUTO(out, OUTPUT_MAX);
    CMAW_TRY(cmaw_path(pem, "%s/none.pem", image->folder));
    CMAW_TRY(cmaw_path(der, "%s/none.der", image->folder));
    CMAW_TRY(cmaw_file_write(pem, CMAW_SLICE_LIT(no_pem), 0600, diag));
    CMAW_TRY(cmaw_file_write(der, CMAW_SLICE_LIT(no_der), 0600, diag));
    CMAW_TRY(cmaw_proc_find("init-sim", init, diag));
    const char *const words[] = {"build", yaml, "-o", eif, "--init", init, "--kernel", "none", "--kms-host", "none.invalid", "--kms-roots", pem,
                                 "--attestation-root", der, NULL};
    return cmaw_tool_run("cmaw-image", words, &out, diag);
}

static enum cmaw_err unpack(const char *eif_path, struct cmaw_agent_image *image, struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(file, EIF_MAX);
    struct cmaw_eif eif;
    const char *field = NULL;
    char folder[CMAW_PATH_MAX];
    CMAW_TRY(cmaw_file_read(eif_path, &file, diag));
    if (cmaw_eif_parse(cmaw_buf_slice(&file), &eif, &field) != CMAW_OK || eif.ramdisk_count != 2) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "%s is no image with two ramdisks", eif_path);
    }
    image->bytes = eif.ramdisks[1].size;
    CMAW_TRY(cmaw_path(folder, "%s/image", image->folder));
    if (mkdir(folder, 0755) != 0) {
        return cmaw_diag_set(diag, cmaw_err_of_errno(errno), "cannot make %s: %s", folder, strerror(errno));
    }
    CMAW_TRY(cmaw_path(image->root, "%s/agent", folder));
    CMAW_TRY(cmaw_path(image->conf, "%s/etc/cmaw/enclave.conf", folder));
    return cmaw_ramdisk_unpack(folder, eif.ramdisks[1], diag);
}

enum cmaw_err cmaw_agent_image_make(const char *yaml, struct cmaw_agent_image *image, struct cmaw_diag *diag)
{
    char eif[CMAW_PATH_MAX];
    CMAW_TRY(make_folder(image, diag));
    CMAW_TRY(cmaw_path(eif, "%s/image.eif", image->folder));
    CMAW_TRY(build(yaml, image, eif, diag));
    return unpack(eif, image, diag);
}

void cmaw_agent_image_free(struct cmaw_agent_image *image)
{
    struct cmaw_diag ignored = {.text = ""};
    if (image->folder[0] != '\0') {
        CMAW_IGNORE(cmaw_folder_remove(image->folder, &ignored)); /* in /tmp, and nothing in it is secret */
        image->folder[0] = '\0';
    }
}
