/* Files, for the programs outside the enclave. Nothing here is linked into the enclave. */
#ifndef CMAW_SYS_FILE_H
#define CMAW_SYS_FILE_H

#include "lib/base/bytes.h"
#include "lib/base/diag.h"

enum { CMAW_PATH_MAX = 4096 };

/* Appends the whole content of a regular file, pipe or terminal. TOO_LARGE if it exceeds what buf may hold. */
enum cmaw_err cmaw_file_read(const char *path, struct cmaw_buf *buf, struct cmaw_diag *diag);
/* As above, from an open descriptor up to its end; name is for messages. */
enum cmaw_err cmaw_file_read_fd(int fd, const char *name, struct cmaw_buf *buf, struct cmaw_diag *diag);
/* DENIED for a regular file of somebody else, or that others can read or write; a pipe is its maker's business. secret ("the passphrase") and remedy
 * (what to do if somebody has read it) are for the message. */
enum cmaw_err cmaw_file_check_private(int fd, const char *path, const char *secret, const char *remedy, struct cmaw_diag *diag);
/* Writes a file so that path holds either its old content or all of the new one (temporary file, fsync, rename). A device, terminal, pipe or socket
 * is written to as it is. */
enum cmaw_err cmaw_file_write(const char *path, struct cmaw_slice content, unsigned mode, struct cmaw_diag *diag);
/* Makes path and its missing parents with mode 0700. */
enum cmaw_err cmaw_dir_make(const char *path, struct cmaw_diag *diag);
/* Joins with printf; TOO_LARGE if the result does not fit into CMAW_PATH_MAX. */
[[gnu::format(printf, 2, 3)]] enum cmaw_err cmaw_path(char ret_path[static CMAW_PATH_MAX], const char *format, ...);
/* Writes all of bytes. */
enum cmaw_err cmaw_fd_write(int fd, struct cmaw_slice bytes);
void cmaw_fd_close(int *fd);
#define CMAW_FD_AUTO(name) [[gnu::cleanup(cmaw_fd_close)]] int name = -1

#endif
