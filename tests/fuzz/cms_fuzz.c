/* Any bytes as an envelope of KMS. */
#include <stdlib.h>

#include "lib/crypto/cms.h"
#include "lib/crypto/cms_form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool inside(struct cmaw_slice part, size_t part_size, struct cmaw_slice all)
{
    return part.size == part_size && part.data > all.data && part.data + part.size <= all.data + all.size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cmaw_cms_parts parts;
    const struct cmaw_slice all = cmaw_slice_of(data, size);
    CMAW_BUF_AUTO(content, CMAW_CMS_SIZE_MAX);
    CMAW_BUF_AUTO(again, CMAW_CMS_SIZE_MAX);
    if (cmaw_cms_parse(all, &parts, &content) != CMAW_OK) {
        return 0;
    }
    const bool whole_blocks = content.size > 0 && content.size % 16 == 0 && content.size < size;
    if (!whole_blocks || !inside(parts.id, CMAW_CMS_ID_SIZE, all) || !inside(parts.wrapped, CMAW_CMS_WRAPPED_SIZE, all) ||
        !inside(parts.iv, CMAW_CMS_IV_SIZE, all) || cmaw_cms_parse(cmaw_slice_of(data, size - 1), &parts, &again) == CMAW_OK) {
        abort();
    }
    return 0;
}
