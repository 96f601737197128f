/* gzip for tests: other tools compress ramdisks, we do not. */
#ifndef CMAW_TESTS_GZIP_MAKE_H
#define CMAW_TESTS_GZIP_MAKE_H

#include "lib/base/bytes.h"

/* Appends one member; fails the test if it cannot. */
void gzip_make(struct cmaw_buf *buf, struct cmaw_slice bytes);

#endif
