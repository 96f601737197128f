/* JSON in tests is written with single quotes for double ones. */
#ifndef CMAW_TESTS_DEVD_QUOTED_H
#define CMAW_TESTS_DEVD_QUOTED_H

/* A copy with double quotes, good until the fourth next call. */
const char *quoted(const char *text);

#endif
