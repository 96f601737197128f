/* cpio archives in the "newc" format (magic 070701), as the kernel's initramfs reads them: what a ramdisk of an enclave
 * image holds. Reading is for hostile archives; writing is deterministic. No file is touched here. */
#ifndef CMAW_SYS_CPIO_H
#define CMAW_SYS_CPIO_H

#include "lib/base/bytes.h"

enum {
    CMAW_CPIO_NAME_MAX = 1024,    /* bytes of a path in an archive, without its NUL */
    CMAW_CPIO_ENTRIES_MAX = 65536 /* of all archives of one image */
};

struct cmaw_cpio_entry {
    char name[CMAW_CPIO_NAME_MAX + 1]; /* relative, clean: no empty, "." or ".." part, no leading or trailing slash */
    uint32_t mode;                     /* type and permissions as in stat(2) */
    uint32_t device_major, device_minor; /* of a device */
    struct cmaw_slice content;         /* of a file; of a symbolic link: where it points; borrowed from the archive */
};

struct cmaw_cpio {
    struct cmaw_reader reader;
    size_t start; /* size of what was there at the start: alignment counts from it */
};

/* Archives follow each other with zero bytes between them, as the kernel allows. */
static inline struct cmaw_cpio cmaw_cpio_of(struct cmaw_slice archives)
{
    return (struct cmaw_cpio){cmaw_reader_of(archives), archives.size};
}
/* The next entry; *ret_more is false at the end. The root folder itself ("." or "/") and trailers are passed over.
 * MALFORMED: a header, size or name that is not well-formed, a path that could leave the root, a file with several names
 * (hard links), content on what has none; TOO_LARGE: a name over CMAW_CPIO_NAME_MAX. After a failure, only failures. */
enum cmaw_err cmaw_cpio_next(struct cmaw_cpio *cpio, bool *ret_more, struct cmaw_cpio_entry *ret_entry);

/* Appends an entry to an archive that starts where buf does, with owner 0, group 0, time 0; inode is 1 for the first and grows by one: the caller counts. name as
 * read by cmaw_cpio_next, else MALFORMED. */
enum cmaw_err cmaw_cpio_put(struct cmaw_buf *buf, const struct cmaw_cpio_entry *entry, uint32_t inode);
/* Appends the trailer, and zeros up to a multiple of 512 bytes. */
enum cmaw_err cmaw_cpio_put_end(struct cmaw_buf *buf);
/* True for a path as described at cmaw_cpio_entry.name. */
bool cmaw_cpio_name_is_clean(struct cmaw_slice name);

#endif
