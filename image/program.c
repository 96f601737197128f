#include "image/program.h"

#include <string.h>

bool cmaw_program_read_header(struct cmaw_slice file, Elf64_Ehdr *ret_header)
{
    if (file.size < sizeof *ret_header) {
        return false;
    }
    memcpy(ret_header, file.data, sizeof *ret_header);
    return cmaw_slice_eq(cmaw_slice_of(ret_header->e_ident, SELFMAG), CMAW_SLICE_LIT(ELFMAG)) && ret_header->e_ident[EI_CLASS] == ELFCLASS64 &&
           (ret_header->e_machine == EM_X86_64 || ret_header->e_machine == EM_AARCH64) && ret_header->e_phentsize == sizeof(Elf64_Phdr);
}

bool cmaw_program_read_loader(struct cmaw_slice file, const Elf64_Ehdr *header, char *ret_path, size_t capacity)
{
    const struct cmaw_slice parts = cmaw_slice_sub(file, header->e_phoff, header->e_phnum * sizeof(Elf64_Phdr));
    for (size_t i = 0; i < header->e_phnum; i++) {
        Elf64_Phdr part;
        if (parts.size == 0) {
            return false;
        }
        memcpy(&part, parts.data + i * sizeof part, sizeof part);
        if (part.p_type == PT_INTERP) {
            const struct cmaw_slice path = cmaw_slice_sub(file, part.p_offset, part.p_filesz);
            return path.size > 1 && path.data[path.size - 1] == '\0' &&
                   cmaw_slice_to_cstr(cmaw_slice_sub(path, 0, path.size - 1), ret_path, capacity) == CMAW_OK;
        }
    }
    ret_path[0] = '\0';
    return true;
}
