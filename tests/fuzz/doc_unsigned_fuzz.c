/* Any bytes as an attestation document for whoever takes QEMU's unsigned ones too. Whatever is taken lies inside the input; an
 * unsigned one has nothing of a signature, is none for anybody else, and never verifies. */
#include <stdlib.h>

#include "lib/attest/doc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_inside(const uint8_t *data, size_t size, struct cmaw_slice part)
{
    must(part.size == 0 || (part.data >= data && part.size <= size && part.data + part.size <= data + size));
}

static void check_unsigned(const struct cmaw_doc *doc)
{
    uint8_t own_root[CMAW_SHA256_SIZE];
    must(doc->cabundle_count == 1 && doc->timestamp_ms % 1000 == 0);
    must(cmaw_slice_is_zero(doc->sign1.signature) && cmaw_slice_is_zero(doc->certificate) && cmaw_slice_is_zero(doc->cabundle[0]));
    cmaw_sha256(doc->cabundle[0], own_root);
    must(cmaw_doc_verify_at(doc, own_root, doc->timestamp_ms, NULL) == CMAW_E_AUTH);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cmaw_doc doc, strict;
    const struct cmaw_slice bytes = cmaw_slice_of(data, size);
    const enum cmaw_err err = cmaw_doc_parse(bytes, &strict);
    if (cmaw_doc_parse_trusting(bytes, CMAW_DOC_UNSIGNED_QEMU_TOO, &doc) != CMAW_OK) {
        must(err != CMAW_OK);
        return 0;
    }
    for (uint32_t i = 0; i < CMAW_PCR_COUNT; i++) {
        check_inside(data, size, cmaw_doc_pcr(&doc, i));
    }
    check_inside(data, size, doc.public_key.bytes);
    check_inside(data, size, doc.module_id);
    must(doc.is_unsigned == (err != CMAW_OK));
    if (doc.is_unsigned) {
        check_unsigned(&doc);
    }
    return 0;
}
