/* Any bytes as an attestation document: parsed, and then verified under its own root, so that all of the chain is read. */
#include <stdlib.h>

#include "lib/attest/doc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(const uint8_t *data, size_t size, struct cmaw_slice part)
{
    if (part.size > 0 && (part.data < data || part.size > size || part.data + part.size > data + size)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cmaw_doc doc;
    uint8_t own_root[CMAW_SHA256_SIZE];
    if (cmaw_doc_parse(cmaw_slice_of(data, size), &doc) != CMAW_OK) {
        return 0;
    }
    for (uint32_t i = 0; i < CMAW_PCR_COUNT; i++) {
        check_inside(data, size, cmaw_doc_pcr(&doc, i));
    }
    check_inside(data, size, doc.certificate);
    check_inside(data, size, doc.public_key.bytes);
    cmaw_sha256(doc.cabundle[0], own_root);
    CMAW_IGNORE(cmaw_doc_verify_at(&doc, own_root, doc.timestamp_ms, NULL)); /* either answer: only its way there is tested */
    return 0;
}
