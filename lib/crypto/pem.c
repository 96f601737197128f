#include "lib/crypto/pem.h"

#include "lib/base/text.h"

void cmaw_pem_put(struct cmaw_buf *buf, const char *label, struct cmaw_slice der)
{
    enum { BYTES_PER_LINE = 48 };
    cmaw_buf_printf(buf, "-----BEGIN %s-----\n", label);
    for (size_t at = 0; at < der.size; at += BYTES_PER_LINE) {
        const size_t left = der.size - at;
        cmaw_buf_put_base64(buf, cmaw_slice_sub(der, at, left < BYTES_PER_LINE ? left : BYTES_PER_LINE));
        cmaw_buf_put_u8(buf, '\n');
    }
    cmaw_buf_printf(buf, "-----END %s-----\n", label);
}
