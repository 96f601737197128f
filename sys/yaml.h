/* YAML files by a libcyaml schema. Unknown keys, keys given twice, wrong types and aliases are refused with the line. */
#ifndef CMAW_SYS_YAML_H
#define CMAW_SYS_YAML_H

#include <cyaml/cyaml.h>

#include "lib/base/bytes.h"
#include "lib/base/diag.h"

enum { CMAW_YAML_MAX = 1024 * 1024 }; /* bytes of a file */

/* Reads path; the diag says "FILE:LINE: what" on a fault. The caller frees the data with cmaw_yaml_free. */
enum cmaw_err cmaw_yaml_load(const char *path, const struct cyaml_schema_value *schema, void **ret_data, struct cmaw_diag *diag);
/* The same for text that is at hand; name is for messages. */
enum cmaw_err cmaw_yaml_parse(const char *name, struct cmaw_slice text, const struct cyaml_schema_value *schema,
                              void **ret_data, struct cmaw_diag *diag);
void cmaw_yaml_free(const struct cyaml_schema_value *schema, void *data);
/* The number of the first line from first on (1 is the top line) that starts with key and a colon, behind white space, a dash
 * or a brace; first if there is none. For messages about values that the schema cannot judge. */
unsigned cmaw_yaml_line_of(struct cmaw_slice text, const char *key, unsigned first);

#endif
