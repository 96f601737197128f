/* Runs cmaw-image for tests. */
#ifndef CMAW_TESTS_IMAGE_RUN_H
#define CMAW_TESTS_IMAGE_RUN_H

#include "lib/base/bytes.h"

/* In folder, or where the test is; arguments end with NULL. What it prints on both channels is appended. Returns the exit code. */
int image_run(const char *folder, const char *const *arguments, struct cmaw_buf *printed);
bool image_printed(const struct cmaw_buf *printed, const char *part);

#endif
