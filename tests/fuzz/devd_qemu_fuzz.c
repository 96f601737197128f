/* Any bytes as one of QEMU's attestation documents. Whatever is taken for one lies inside the input and is unsigned. */
#include <stdlib.h>

#include "dev/qemu_doc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(const uint8_t *data, size_t size, struct cmaw_slice part)
{
    if (part.size > 0 && (part.data < data || part.size > size || part.data + part.size > data + size)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cmaw_doc doc, real;
    if (cmaw_qemu_doc_parse(cmaw_slice_of(data, size), &doc) != CMAW_OK) {
        return 0;
    }
    for (uint32_t i = 0; i < CMAW_PCR_COUNT; i++) {
        check_inside(data, size, cmaw_doc_pcr(&doc, i));
    }
    check_inside(data, size, doc.public_key.bytes);
    check_inside(data, size, doc.module_id);
    if (!cmaw_slice_is_zero(doc.sign1.signature) || cmaw_doc_parse(cmaw_slice_of(data, size), &real) == CMAW_OK) {
        abort();
    }
    return 0;
}
