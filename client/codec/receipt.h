/* What an enclave signed about one step, for people. */
#ifndef CMAW_CLIENT_CODEC_RECEIPT_H
#define CMAW_CLIENT_CODEC_RECEIPT_H

#include "client/codec/run.h"

/* Parses a receipt and checks that an enclave of its step's role, attested by ak_doc under the run's manifest, signed it for this run. AUTH and
 * MALFORMED. *ret_receipt points into bytes. */
enum cmaw_err cmaw_codec_receipt_check(const struct cmaw_codec_run *run, struct cmaw_slice bytes, struct cmaw_slice ak_doc,
                                       struct cmaw_signed_receipt *ret_receipt);
/* {"role", "attempt", "pcr0", "started", "finished", "attested"} of values that were verified; "unsigned" too where nobody signed the document. */
struct cmaw_codec_receipt {
    struct cmaw_slice role;
    uint32_t attempt;
    uint64_t started_ms;
    uint64_t finished_ms;
    struct cmaw_slice ak_doc;
};
enum cmaw_err cmaw_codec_receipt_set(json_t *object, const struct cmaw_codec_receipt *receipt);

#endif
