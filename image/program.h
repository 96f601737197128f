/* What the header of a program says. Hostile. */
#ifndef CMAW_IMAGE_PROGRAM_H
#define CMAW_IMAGE_PROGRAM_H

#include <elf.h>

#include "lib/base/bytes.h"

/* True for a program of x86-64 or aarch64. */
bool cmaw_program_read_header(struct cmaw_slice file, Elf64_Ehdr *ret_header);
/* The path of the loader that it asks for: empty for a static program. False if the headers are damaged or the path is too long. */
bool cmaw_program_read_loader(struct cmaw_slice file, const Elf64_Ehdr *header, char *ret_path, size_t capacity);

#endif
