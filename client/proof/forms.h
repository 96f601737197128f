/* Forms of a term that forms.c adds to a matcher beside its own; tag is what their hits have. The texts are at most CMAW_FORBIDDEN_MAX bytes. */
#ifndef CMAW_CLIENT_PROOF_FORMS_H
#define CMAW_CLIENT_PROOF_FORMS_H

#include "client/proof/terms.h"

/* RFC 4648 section 6, at each of the five alignments, in upper and lower case. */
enum cmaw_err cmaw_forms_add_base32(struct cmaw_matcher *matcher, struct cmaw_slice text, uint32_t tag);
/* Every form of RFC 3986 section 2.1 that differs from the text itself (terms.h says which). */
enum cmaw_err cmaw_forms_add_url(struct cmaw_matcher *matcher, struct cmaw_slice text, uint32_t tag);

#endif
