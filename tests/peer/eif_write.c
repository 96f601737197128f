/* Writes an enclave image of given sections: eif-write FILE KERNEL CMDLINE METADATA CERTIFICATE|- KEY|- RAMDISK…, where CMDLINE is text and all
 * others are files. Prints nothing. For test_eif_crate.py. */
#include <stdio.h>
#include <string.h>

#include "lib/attest/eif_sign.h"
#include "lib/crypto/pem.h"
#include "sys/file.h"

enum { FIRST_RAMDISK = 7, FILE_MAX = 1 << 30, FILES = 40 };

static struct cmaw_buf files[FILES]; /* ended with the program */

static struct cmaw_slice content(size_t i, const char *path, struct cmaw_diag *diag, enum cmaw_err *err)
{
    files[i] = CMAW_BUF(FILE_MAX);
    *err = *err == CMAW_OK ? cmaw_file_read(path, &files[i], diag) : *err;
    return cmaw_buf_slice(&files[i]);
}

static enum cmaw_err sign(const char *certificate_path, const char *key_path, struct cmaw_eif *eif, struct cmaw_buf *section, struct cmaw_diag *diag)
{
    struct cmaw_eif_pcrs pcrs;
    CMAW_BUF_AUTO(certificate, FILE_MAX);
    CMAW_BUF_AUTO(der, FILE_MAX);
    CMAW_BUF_AUTO(pem, FILE_MAX);
    CMAW_EC_KEY_AUTO(key);
    CMAW_TRY(cmaw_file_read(certificate_path, &certificate, diag));
    CMAW_TRY(cmaw_file_read(key_path, &pem, diag));
    CMAW_TRY(cmaw_pem_read(cmaw_buf_slice(&certificate), "CERTIFICATE", &der));
    CMAW_TRY(cmaw_ec_from_private_pem(CMAW_EC_P384, cmaw_buf_slice(&pem), &key));
    CMAW_TRY(cmaw_eif_measure(eif, &pcrs));
    CMAW_TRY(cmaw_eif_sign(key, cmaw_buf_slice(&der), pcrs.pcr0, section));
    eif->signature = cmaw_buf_slice(section);
    return CMAW_OK;
}

static enum cmaw_err run(int argc, char **argv, struct cmaw_diag *diag)
{
    enum cmaw_err err = argc > FIRST_RAMDISK && argc <= FIRST_RAMDISK + CMAW_EIF_RAMDISKS_MAX ? CMAW_OK : CMAW_E_USAGE;
    CMAW_TRY(err);
    CMAW_BUF_AUTO(section, CMAW_EIF_SIGNATURE_MAX);
    CMAW_BUF_AUTO(file, FILE_MAX);
    struct cmaw_eif eif = {.default_mem = 1 << 30, .default_cpus = 2, .kernel = content(0, argv[2], diag, &err),
                           .cmdline = cmaw_slice_of_cstr(argv[3]), .metadata = content(1, argv[4], diag, &err)};
    for (int i = FIRST_RAMDISK; i < argc; i++) {
        eif.ramdisks[eif.ramdisk_count] = content(2 + eif.ramdisk_count, argv[i], diag, &err);
        eif.ramdisk_count++;
    }
    CMAW_TRY(err);
    if (strcmp(argv[5], "-") != 0) {
        CMAW_TRY(sign(argv[5], argv[6], &eif, &section, diag));
    }
    CMAW_TRY(cmaw_eif_write(&eif, &file));
    return cmaw_file_write(argv[1], cmaw_buf_slice(&file), 0600, diag);
}

int main(int argc, char **argv)
{
    struct cmaw_diag diag = {0};
    const enum cmaw_err err = run(argc, argv, &diag);
    if (err != CMAW_OK) {
        cmaw_diag_print(&diag, "eif-write", err);
    }
    for (size_t i = 0; i < FILES; i++) {
        cmaw_buf_free(&files[i]);
    }
    return cmaw_exit_code(err);
}
