/* jansson, with errors and clean-up in our conventions. */
#ifndef CMAW_CLIENT_JSON_H
#define CMAW_CLIENT_JSON_H

#include <jansson.h>

#include "lib/base/bytes.h"
#include "lib/base/diag.h"

void cmaw_json_release(json_t **json);
#define CMAW_JSON_AUTO(name) [[gnu::cleanup(cmaw_json_release)]] json_t *name = NULL

enum { CMAW_JSON_FILE_MAX = 4 * 1024 * 1024 }; /* bytes */

/* An object or array from text; name is for messages. MALFORMED. The caller owns it. */
enum cmaw_err cmaw_json_parse(const char *name, struct cmaw_slice text, json_t **ret_json, struct cmaw_diag *diag);
enum cmaw_err cmaw_json_read(const char *path, json_t **ret_json, struct cmaw_diag *diag);
/* Indented, with a line feed at the end, written as cmaw_file_write does. */
enum cmaw_err cmaw_json_write(const char *path, const json_t *json, unsigned mode, struct cmaw_diag *diag);
/* Appends the compact form. */
enum cmaw_err cmaw_json_put(struct cmaw_buf *buf, const json_t *json);
/* Indented, on standard output. */
enum cmaw_err cmaw_json_print(const json_t *json);

/* Copies the text at key; MALFORMED if it is missing, no text, or does not fit. */
enum cmaw_err cmaw_json_text(const json_t *object, const char *key, char *dst, size_t capacity);
/* The number at key, 0..max; MALFORMED. */
enum cmaw_err cmaw_json_u64(const json_t *object, const char *key, uint64_t max, uint64_t *ret_value);
/* Adds a text; NO_MEMORY. */
enum cmaw_err cmaw_json_set_text(json_t *object, const char *key, const char *text);
enum cmaw_err cmaw_json_set_u64(json_t *object, const char *key, uint64_t value);
enum cmaw_err cmaw_json_set_hex(json_t *object, const char *key, struct cmaw_slice bytes);
/* Adds value and takes it over, also on failure. */
enum cmaw_err cmaw_json_set(json_t *object, const char *key, json_t *value);
enum cmaw_err cmaw_json_append(json_t *array, json_t *value);

#endif
