#include "image/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "image/certificate.h"
#include "lib/attest/eif_sign.h"
#include "lib/crypto/pem.h"
#include "sys/file.h"

enum { FILE_MAX = 64 * 1024 };

static enum cmaw_err read_key(const char *path, struct cmaw_ec_key **ret_key, struct cmaw_diag *diag)
{
    CMAW_FD_AUTO(fd);
    CMAW_BUF_AUTO(pem, FILE_MAX); /* wiped when it is left */
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return cmaw_diag_set(diag, cmaw_err_of_errno(errno), "cannot open %s: %s", path, strerror(errno));
    }
    CMAW_TRY(cmaw_file_check_private(fd, path, "the signing key", "make another", diag));
    CMAW_TRY(cmaw_file_read_fd(fd, path, &pem, diag));
    const enum cmaw_err err = cmaw_ec_from_private_pem(CMAW_EC_P384, cmaw_buf_slice(&pem), ret_key);
    if (err != CMAW_OK) {
        cmaw_diag_hint(diag, "openssl ecparam -name secp384r1 -genkey makes one; a key with a passphrase is not taken");
        return cmaw_diag_set(diag, err, "%s is not a private P-384 key in PEM", path);
    }
    return CMAW_OK;
}

static enum cmaw_err check_dates(const char *path, const struct cmaw_x509_facts *facts, struct cmaw_diag *diag)
{
    const int64_t now = time(NULL);
    if (cmaw_image_certificate_is_current(facts, now)) {
        return CMAW_OK;
    }
    cmaw_diag_hint(diag, "nitro-cli would not start the image: sign with another certificate, or correct this machine's clock");
    if (now < facts->not_before_s) {
        return cmaw_diag_set(diag, CMAW_E_EXPIRED, "the certificate in %s is not valid before %s", path, facts->not_before);
    }
    return cmaw_diag_set(diag, CMAW_E_EXPIRED, "the certificate in %s expired on %s", path, facts->not_after);
}

static enum cmaw_err read_certificate(const char *path, struct cmaw_buf *der, struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(pem, FILE_MAX);
    struct cmaw_x509_facts facts;
    CMAW_TRY(cmaw_file_read(path, &pem, diag));
    enum cmaw_err err = cmaw_pem_read(cmaw_buf_slice(&pem), "CERTIFICATE", der);
    err = err == CMAW_OK ? cmaw_x509_facts_read(cmaw_buf_slice(der), &facts) : err;
    if (err != CMAW_OK) {
        cmaw_diag_hint(diag, "one block from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----, and nothing else");
        return cmaw_diag_set(diag, err, "%s is not one certificate in PEM", path);
    }
    return check_dates(path, &facts, diag);
}

static enum cmaw_err sign(const struct cmaw_eif *eif, const char *key_path, const char *certificate_path, struct cmaw_buf *section,
                          struct cmaw_diag *diag)
{
    struct cmaw_eif_pcrs pcrs;
    CMAW_EC_KEY_AUTO(key);
    CMAW_BUF_AUTO(certificate, FILE_MAX);
    CMAW_TRY(read_certificate(certificate_path, &certificate, diag));
    CMAW_TRY(read_key(key_path, &key, diag));
    CMAW_TRY(cmaw_eif_measure(eif, &pcrs));
    const enum cmaw_err err = cmaw_eif_sign(key, cmaw_buf_slice(&certificate), pcrs.pcr0, section);
    switch (err) {
    case CMAW_OK: return CMAW_OK;
    case CMAW_E_AUTH: return cmaw_diag_set(diag, err, "the key in %s is not the one of the certificate in %s", key_path, certificate_path);
    case CMAW_E_UNSUPPORTED: return cmaw_diag_set(diag, err, "the certificate in %s is not of a P-384 key", certificate_path);
    case CMAW_E_TOO_LARGE: return cmaw_diag_set(diag, err, "the certificate in %s is too large for an image", certificate_path);
    default: return cmaw_diag_wrap(diag, err, "cannot sign");
    }
}

/* The path that an option gives as it is or, without one, the YAML file; empty: neither. */
static enum cmaw_err find(const struct image_spec *spec, const char *option, const char *setting, struct cmaw_buf *path)
{
    if (option == NULL && setting != NULL) {
        return cmaw_image_source_path(spec, setting, path);
    }
    cmaw_buf_put_cstr(path, option == NULL ? "" : option);
    cmaw_buf_put_u8(path, 0);
    return cmaw_buf_err(path);
}

enum cmaw_err cmaw_image_sign(const struct image_spec *spec, const struct image_overrides *overrides, const struct cmaw_eif *eif,
                              struct cmaw_buf *section, struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(key, CMAW_PATH_MAX);
    CMAW_BUF_AUTO(certificate, CMAW_PATH_MAX);
    CMAW_TRY(find(spec, overrides->sign_key, spec->yaml->sign.key, &key));
    CMAW_TRY(find(spec, overrides->sign_certificate, spec->yaml->sign.certificate, &certificate));
    const bool has_key = key.size > 1, has_certificate = certificate.size > 1;
    if (has_key != has_certificate) {
        cmaw_diag_hint(diag, "--sign-key and --sign-certificate, or sign: {key, certificate} in %s", spec->path);
        return cmaw_diag_set(diag, CMAW_E_USAGE, "to sign takes a key and its certificate: there is no %s", has_key ? "certificate" : "key");
    }
    return has_key ? sign(eif, (const char *)key.data, (const char *)certificate.data, section, diag) : CMAW_OK;
}
