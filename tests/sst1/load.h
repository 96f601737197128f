/* Reading a file of test vectors. */
#ifndef CMAW_TESTS_SST1_LOAD_H
#define CMAW_TESTS_SST1_LOAD_H

#include <jansson.h>

/* The JSON of a file, at most 1 GiB of it; integers of more than 18 digits come as strings of their digits. NULL on failure, with the text of ret_error set. */
json_t *vec_load(const char *path, json_error_t *ret_error);

#endif
