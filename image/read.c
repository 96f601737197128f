#include "image/read.h"

#include "image/print.h"
#include "sys/file.h"

enum cmaw_err cmaw_image_read(const char *path, struct cmaw_buf *file, struct cmaw_eif *ret_eif, struct cmaw_diag *diag)
{
    const char *field = NULL;
    CMAW_TRY(cmaw_file_read(path, file, diag));
    enum cmaw_err err = cmaw_eif_parse(cmaw_buf_slice(file), ret_eif, &field);
    json_t *metadata = err == CMAW_OK ? cmaw_image_metadata_read(ret_eif->metadata) : NULL;
    if (err == CMAW_OK && metadata == NULL) {
        err = CMAW_E_MALFORMED;
        field = "metadata";
    }
    json_decref(metadata);
    if (err != CMAW_OK) {
        cmaw_diag_hint(diag, "cmaw-image build makes one");
        return cmaw_diag_set(diag, err, "%s is not an enclave image: bad %s", path, field);
    }
    return CMAW_OK;
}
