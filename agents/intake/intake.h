/* Intake: a notice of loss in free text becomes a structured claim. See agents/README.md for the fields. */
#ifndef CMAW_AGENTS_INTAKE_INTAKE_H
#define CMAW_AGENTS_INTAKE_INTAKE_H

#include "lib/base/bytes.h"

/* Appends the claim as JSON with a final newline. letter is hostile. MALFORMED if it is not text (not UTF-8, or with a
 * U+0000); a text that is no notice of loss gives a claim that misses everything, which adjudicate refers to a person. */
enum cmaw_err cmaw_intake(struct cmaw_slice letter, struct cmaw_buf *claim);

#endif
