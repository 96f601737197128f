#include <elf.h>
#include <stdio.h>
#include <string.h>

#include "image/print.h"
#include "image/verbs.h"
#include "lib/attest/eif.h"
#include "sys/file.h"

enum { DER_MAX = 64 * 1024, INIT_MAX = 256 << 20, KERNEL_MAX = 256 << 20, METADATA_MAX = 64 * 1024 };
enum { DEFAULT_MEM = 1 << 30, DEFAULT_CPUS = 2 }; /* as AWS's builder writes them; nothing reads them but the sim backend */

static const char placeholder_kernel[] = "cmaw: no kernel; this image boots in the sim tier only\n";
static const char *const cmdlines[] = {
    "reboot=k panic=30 pci=off nomodules console=ttyS0 i8042.noaux i8042.nomux i8042.nopnp i8042.dumbkbd random.trust_cpu=on",
    "reboot=k panic=30 pci=off nomodules console=ttyS0 random.trust_cpu=on root=/dev/ram0",
};

/* Everything that goes into an image, owned. */
struct parts {
    struct cmaw_buf init, kernel, roots, root, conf, metadata, boot, files, eif;
};

static void free_parts(struct parts *parts)
{
    struct cmaw_buf *const all[] = {&parts->init, &parts->kernel, &parts->roots, &parts->root, &parts->conf,
                                    &parts->metadata, &parts->boot, &parts->files, &parts->eif};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        cmaw_buf_free(all[i]);
    }
}

/* Reads what an option names or, without one, the YAML file. */
static enum cmaw_err read_setting(const struct image_spec *spec, const char *option, const char *setting, const char *name,
                                  struct cmaw_buf *content, struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(path, CMAW_PATH_MAX);
    if (option != NULL) {
        return cmaw_image_source_read(option, content, diag);
    }
    if (setting == NULL) {
        cmaw_diag_hint(diag, "cmaw-image --help");
        return cmaw_diag_set(diag, CMAW_E_USAGE, "%s says no %s, and there is no option for it", spec->path, name);
    }
    CMAW_TRY(cmaw_image_source_path(spec, setting, &path));
    const enum cmaw_err err = cmaw_image_source_read((const char *)path.data, content, diag);
    if (err != CMAW_OK) {
        (void)cmaw_image_spec_fault(spec, diag, setting, "%s", diag->text);
    }
    return err;
}

static bool read_elf_header(struct cmaw_slice file, Elf64_Ehdr *header)
{
    if (file.size < sizeof *header) {
        return false;
    }
    memcpy(header, file.data, sizeof *header);
    return cmaw_slice_eq(cmaw_slice_of(header->e_ident, SELFMAG), CMAW_SLICE_LIT(ELFMAG)) && header->e_ident[EI_CLASS] == ELFCLASS64 &&
           (header->e_machine == EM_X86_64 || header->e_machine == EM_AARCH64) && header->e_phentsize == sizeof(Elf64_Phdr);
}

/* Whether the program asks for a loader, which the image does not have. */
static bool is_dynamic(struct cmaw_slice file, const Elf64_Ehdr *header)
{
    for (size_t i = 0; i < header->e_phnum; i++) {
        Elf64_Phdr part;
        const struct cmaw_slice parts = cmaw_slice_sub(file, header->e_phoff, header->e_phnum * sizeof part);
        if (parts.size == 0) {
            return true;
        }
        memcpy(&part, parts.data + i * sizeof part, sizeof part);
        if (part.p_type == PT_INTERP) {
            return true;
        }
    }
    return false;
}

/* /init has to run where nothing else is: a static program. *ret_aarch64 is what it was built for. */
static enum cmaw_err check_init(struct cmaw_slice init, bool *ret_aarch64, struct cmaw_diag *diag)
{
    Elf64_Ehdr header;
    if (!read_elf_header(init, &header)) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "init is not a program for x86-64 or aarch64");
    }
    if (is_dynamic(init, &header)) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "init is not a static program");
    }
    *ret_aarch64 = header.e_machine == EM_AARCH64;
    return CMAW_OK;
}

static enum cmaw_err check_settings(const struct parts *parts, struct cmaw_diag *diag)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----";
    if (parts->roots.size == 0 || memmem(parts->roots.data, parts->roots.size, begin, sizeof begin - 1) == NULL) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "the TLS roots of KMS hold no PEM certificate");
    }
    if (parts->root.size < 2 || parts->root.data[0] != 0x30) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "the attestation root is not a DER certificate");
    }
    return CMAW_OK;
}

static enum cmaw_err read_parts(const struct image_spec *spec, const struct image_overrides *overrides, struct parts *parts, struct cmaw_diag *diag)
{
    const struct image_yaml *yaml = spec->yaml;
    CMAW_TRY(read_setting(spec, overrides->init, yaml->init, "init", &parts->init, diag));
    CMAW_TRY(read_setting(spec, overrides->kms_roots, yaml->kms.roots, "kms.roots", &parts->roots, diag));
    CMAW_TRY(read_setting(spec, overrides->attestation_root, yaml->attestation.root, "attestation.root", &parts->root, diag));
    if (yaml->kernel != NULL) {
        return read_setting(spec, NULL, yaml->kernel, "kernel", &parts->kernel, diag);
    }
    (void)fputs("cmaw-image: no kernel: this image runs in the sim tier only\n", stderr);
    cmaw_buf_put_cstr(&parts->kernel, placeholder_kernel);
    return cmaw_buf_err(&parts->kernel);
}

static enum cmaw_err make_parts(const struct image_spec *spec, const struct image_overrides *overrides, struct parts *parts, struct cmaw_diag *diag)
{
    CMAW_TRY(cmaw_image_conf_put(spec, overrides->kms_host, cmaw_buf_slice(&parts->root), overrides->debug, &parts->conf, diag));
    CMAW_TRY(cmaw_image_metadata_put(spec->yaml->name, spec->yaml->kernel != NULL, &parts->metadata));
    CMAW_TRY(cmaw_image_boot_ramdisk(cmaw_buf_slice(&parts->init), &parts->boot));
    return cmaw_image_root_ramdisk(spec, cmaw_buf_slice(&parts->conf), cmaw_buf_slice(&parts->roots), &parts->files, diag);
}

static enum cmaw_err assemble(struct parts *parts, struct cmaw_eif *ret_eif, struct cmaw_diag *diag)
{
    bool aarch64 = false;
    CMAW_TRY(check_init(cmaw_buf_slice(&parts->init), &aarch64, diag));
    CMAW_TRY(check_settings(parts, diag));
    *ret_eif = (struct cmaw_eif){
        .aarch64 = aarch64, .default_mem = DEFAULT_MEM, .default_cpus = DEFAULT_CPUS, .kernel = cmaw_buf_slice(&parts->kernel),
        .cmdline = cmaw_slice_of_cstr(cmdlines[aarch64]), .metadata = cmaw_buf_slice(&parts->metadata), .ramdisk_count = 2,
        .ramdisks = {cmaw_buf_slice(&parts->boot), cmaw_buf_slice(&parts->files)}};
    return cmaw_eif_write(ret_eif, &parts->eif);
}

static enum cmaw_err build(const struct image_options *options, struct image_spec *spec, struct cmaw_diag *diag)
{
    [[gnu::cleanup(free_parts)]] struct parts parts = {
        .init = CMAW_BUF(INIT_MAX), .kernel = CMAW_BUF(KERNEL_MAX), .roots = CMAW_BUF(IMAGE_PEM_MAX), .root = CMAW_BUF(DER_MAX),
        .conf = CMAW_BUF(METADATA_MAX), .metadata = CMAW_BUF(METADATA_MAX), .boot = CMAW_BUF(IMAGE_RAMDISK_MAX),
        .files = CMAW_BUF(IMAGE_RAMDISK_MAX), .eif = CMAW_BUF(IMAGE_EIF_MAX)};
    struct cmaw_eif eif;
    CMAW_TRY(cmaw_image_spec_load(options->input, spec, diag));
    CMAW_TRY(read_parts(spec, &options->overrides, &parts, diag));
    CMAW_TRY(make_parts(spec, &options->overrides, &parts, diag));
    CMAW_TRY(assemble(&parts, &eif, diag));
    CMAW_TRY(cmaw_file_write(options->output, cmaw_buf_slice(&parts.eif), 0644, diag));
    return cmaw_image_print_measurements(&eif, diag);
}

enum cmaw_err cmaw_image_build(const struct image_options *options, struct cmaw_diag *diag)
{
    struct image_spec spec = {0};
    const enum cmaw_err err = build(options, &spec, diag);
    cmaw_image_spec_free(&spec);
    return err;
}
