/* The Query protocol of AWS: a request is a form, an answer is XML. STS speaks it. */
#ifndef CMAW_DEV_QUERY_H
#define CMAW_DEV_QUERY_H

#include <jansson.h>

#include "lib/base/bytes.h"

enum { CMAW_QUERY_BODY_MAX = 64 * 1024, CMAW_QUERY_FIELDS_MAX = 128 };

/* A form (application/x-www-form-urlencoded) as an object of strings. MALFORMED for what is no form of UTF-8 text without NUL, a
 * name that is empty or there twice, and more fields than CMAW_QUERY_FIELDS_MAX; TOO_LARGE. The body is hostile. */
enum cmaw_err cmaw_query_parse(struct cmaw_slice body, json_t **ret_fields);
/* Appends <name>…</name> for a string, or for an object whose members are such. */
void cmaw_query_put_xml(struct cmaw_buf *buf, const char *name, json_t *value);

#endif
