#include "dev/kms.h"
#include "lib/base/text.h"

enum { ANSWER_BYTES_MAX = 2 * CMAW_KMS_BLOB_MAX };

enum cmaw_err cmaw_kms_answer(struct cmaw_kms_call *call, const char *member, json_t *value)
{
    return json_object_set_new(call->response, member, value) == 0 ? CMAW_OK : CMAW_E_NO_MEMORY;
}

enum cmaw_err cmaw_kms_answer_bytes(struct cmaw_kms_call *call, const char *member, struct cmaw_slice bytes)
{
    CMAW_BUF_AUTO(text, ANSWER_BYTES_MAX);
    cmaw_buf_put_base64(&text, bytes);
    CMAW_TRY(cmaw_buf_err(&text));
    return cmaw_kms_answer(call, member, json_stringn((const char *)text.data, text.size));
}

json_t *cmaw_kms_seconds(int64_t ms)
{
    return json_real((double)ms / 1000);
}
