#include "lib/base/text.h"
#include "lib/crypto/cert.h"
#include "lib/crypto/der.h"
#include "lib/crypto/x509.h"

enum { DER_SET = 0x31 };

/* RFC 4514 section 3, and where the last octet of the OID 2.5.4.x tells them apart. */
static const struct {
    struct cmaw_slice oid;
    const char *name;
} attributes[] = {
    {CMAW_SLICE_LIT("\x55\x04\x03"), "CN"}, {CMAW_SLICE_LIT("\x55\x04\x06"), "C"},  {CMAW_SLICE_LIT("\x55\x04\x07"), "L"},
    {CMAW_SLICE_LIT("\x55\x04\x08"), "ST"}, {CMAW_SLICE_LIT("\x55\x04\x0a"), "O"}, {CMAW_SLICE_LIT("\x55\x04\x0b"), "OU"},
};

static void put_type(struct cmaw_slice oid, struct cmaw_buf *buf)
{
    for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++) {
        if (cmaw_slice_eq(oid, attributes[i].oid)) {
            cmaw_buf_put_cstr(buf, attributes[i].name);
            return;
        }
    }
    cmaw_buf_put_cstr(buf, "oid:");
    cmaw_buf_put_hex(buf, oid);
}

/* One attribute: SEQUENCE { OID, some string }. */
static enum cmaw_err put_attribute(struct cmaw_reader *set, struct cmaw_buf *buf)
{
    struct cmaw_reader pair = cmaw_der_enter(set, CMAW_DER_SEQUENCE);
    const struct cmaw_slice oid = cmaw_der_take(&pair, CMAW_DER_OID);
    CMAW_REQUIRE(pair.err == CMAW_OK && pair.rest.size > 0, CMAW_E_MALFORMED);
    const struct cmaw_slice value = cmaw_der_take(&pair, pair.rest.data[0]);
    CMAW_REQUIRE(cmaw_der_end(&pair) == CMAW_OK, CMAW_E_MALFORMED);
    cmaw_buf_put_cstr(buf, buf->size > 0 ? ", " : "");
    put_type(oid, buf);
    cmaw_buf_put_u8(buf, '=');
    cmaw_buf_put_json_escaped(buf, value);
    return buf->err;
}

enum cmaw_err cmaw_x509_subject(struct cmaw_slice der, struct cmaw_buf *buf)
{
    struct cmaw_cert cert;
    CMAW_REQUIRE(cmaw_cert_parse(der, &cert) == CMAW_OK && buf->size == 0, CMAW_E_MALFORMED);
    struct cmaw_reader whole = cmaw_reader_of(cert.subject);
    struct cmaw_reader name = cmaw_der_enter(&whole, CMAW_DER_SEQUENCE);
    while (name.err == CMAW_OK && name.rest.size > 0) {
        struct cmaw_reader set = cmaw_der_enter(&name, DER_SET);
        while (set.err == CMAW_OK && set.rest.size > 0) {
            CMAW_TRY(put_attribute(&set, buf));
        }
        CMAW_REQUIRE(set.err == CMAW_OK, CMAW_E_MALFORMED);
    }
    CMAW_REQUIRE(cmaw_der_end(&name) == CMAW_OK, CMAW_E_MALFORMED);
    return buf->err;
}
