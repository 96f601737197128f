/* Inside lib/cbor only: arrays and maps of either length. Only the platform's rules allow the indefinite one. */
#ifndef CMAW_CBOR_SPAN_H
#define CMAW_CBOR_SPAN_H

#include "lib/cbor/read.h"

/* type is CMAW_CBOR_ARRAY or CMAW_CBOR_MAP. */
struct cmaw_cbor_span cmaw_cbor_span_open(struct cmaw_cbor *cbor, enum cmaw_cbor_type type);
/* True while an element or entry follows; reads the break of an indefinite span. */
bool cmaw_cbor_span_next(struct cmaw_cbor *cbor, struct cmaw_cbor_span *span);
/* The argument n of a negative integer -1 - n, which int64_t may not hold. */
uint64_t cmaw_cbor_nint(struct cmaw_cbor *cbor);
/* Reads a tag's head, whatever the tag, or a simple value or float. */
void cmaw_cbor_skip_tag(struct cmaw_cbor *cbor);
void cmaw_cbor_skip_simple(struct cmaw_cbor *cbor);

#endif
