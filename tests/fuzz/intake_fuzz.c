/* A letter: any bytes. What is taken for text gives JSON that adjudicate can read. */
#include <stdlib.h>

#include <jansson.h>

#include "agents/adjudicate/claim.h"
#include "agents/intake/intake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CMAW_BUF_AUTO(out, 1 << 20);
    if (cmaw_intake(cmaw_slice_of(data, size), &out) != CMAW_OK) {
        return 0;
    }
    json_t *json = json_loadb((const char *)out.data, out.size, JSON_REJECT_DUPLICATES, NULL);
    struct cmaw_claim claim;
    const char *field = "";
    if (json == NULL || cmaw_claim_read(json, &claim, &field) != CMAW_OK) {
        abort();
    }
    json_decref(json);
    return 0;
}
