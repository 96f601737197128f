#include "dev/qemu_doc.h"

#include "lib/attest/doc_payload.h"

enum { ZERO_SIZE = 64 };

/* {1: -1} */
#define PROTECTED_HEADER CMAW_SLICE_LIT("\xa1\x01\x20")

static bool is_zero(struct cmaw_slice bytes)
{
    return bytes.size == ZERO_SIZE && cmaw_slice_is_zero(bytes);
}

enum cmaw_err cmaw_qemu_doc_parse(struct cmaw_slice bytes, struct cmaw_doc *ret_doc)
{
    struct cmaw_doc doc = {0};
    CMAW_REQUIRE(bytes.size <= CMAW_DOC_SIZE_MAX, CMAW_E_TOO_LARGE);
    CMAW_TRY(cmaw_cose_sign1_parse(bytes, CMAW_CBOR_PLATFORM, &doc.sign1));
    CMAW_REQUIRE(cmaw_slice_eq(doc.sign1.protected_header, PROTECTED_HEADER), CMAW_E_MALFORMED);
    CMAW_REQUIRE(is_zero(doc.sign1.signature), CMAW_E_MALFORMED);
    CMAW_TRY(cmaw_doc_parse_payload(doc.sign1.payload, &doc));
    CMAW_REQUIRE(is_zero(doc.certificate) && doc.cabundle_count == 1 && is_zero(doc.cabundle[0]), CMAW_E_MALFORMED);
    *ret_doc = doc;
    return CMAW_OK;
}
