/* Small files: of the measured image, and those by which the kernel is told and asked things. */
#ifndef CMAW_ENCLAVE_SMALL_FILE_H
#define CMAW_ENCLAVE_SMALL_FILE_H

#include "lib/base/bytes.h"

/* Appends the content. NOT_FOUND where it cannot be opened, IO, or the error of buf where it does not fit. */
enum cmaw_err cmaw_small_file_read(const char *path, struct cmaw_buf *buf);
/* Writes text in one write. IO with errno set. A file that is not there is made where the file system lets one. */
enum cmaw_err cmaw_small_file_write(const char *path, const char *text);
/* The number behind "name" and spaces, at the start of a line of text ("oom_kill 3", "MemAvailable:   10 kB"). */
bool cmaw_small_file_number(struct cmaw_slice text, const char *name, uint64_t *ret_number);

#endif
