/* Any bytes as an envelope of KMS. */
#include <stdlib.h>

#include "lib/crypto/cms.h"
#include "lib/crypto/cms_form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cmaw_cms_parts parts;
    CMAW_BUF_AUTO(content, CMAW_CMS_SIZE_MAX);
    if (cmaw_cms_parse(cmaw_slice_of(data, size), &parts, &content) == CMAW_OK) {
        const bool whole_blocks = content.size > 0 && content.size % 16 == 0;
        if (!whole_blocks || parts.id.data != data + 33 || parts.wrapped.data != data + 131 || parts.iv.data != data + 415) {
            abort();
        }
    }
    return 0;
}
