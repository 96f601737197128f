#include "client/attest/document.h"

#include "lib/base/text.h"

enum { COSE_ARRAY = 0x84, COSE_TAG = 0xd2 }; /* how a document begins; neither is a character of base64 */

enum cmaw_err cmaw_document_bytes(struct cmaw_slice file, struct cmaw_buf *bytes)
{
    CMAW_REQUIRE(file.size > 0, CMAW_E_MALFORMED);
    if (file.data[0] == COSE_ARRAY || file.data[0] == COSE_TAG) {
        cmaw_buf_put(bytes, file);
        return bytes->err;
    }
    CMAW_BUF_AUTO(text, CMAW_DOCUMENT_FILE_MAX);
    for (size_t i = 0; i < file.size; i++) {
        const uint8_t c = file.data[i];
        if (c != ' ' && c != '\n' && c != '\r' && c != '\t') {
            cmaw_buf_put_u8(&text, c);
        }
    }
    CMAW_TRY(text.err);
    return cmaw_base64_decode(cmaw_buf_slice(&text), bytes);
}
