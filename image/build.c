#include <stdio.h>
#include <string.h>

#include "image/program.h"
#include "image/progress.h"
#include "image/print.h"
#include "image/sign.h"
#include "image/verbs.h"
#include "lib/attest/eif.h"
#include "sys/file.h"

enum { DER_MAX = 64 * 1024, INIT_MAX = 256 << 20, KERNEL_MAX = 256 << 20, METADATA_MAX = 64 * 1024 };
enum { DEFAULT_MEM = 1 << 30, DEFAULT_CPUS = 2 }; /* as AWS's builder writes them; nothing reads them but the sim backend */

/* Everything that goes into an image, owned. */
struct parts {
    struct cmaw_buf init, roots, root, conf, metadata, boot, files, signature, eif;
    struct image_kernel kernel;
    struct image_rootfs rootfs;
    struct image_runtime runtime;
    bool aarch64;
};

static void free_parts(struct parts *parts)
{
    struct cmaw_buf *const all[] = {&parts->init, &parts->roots, &parts->root, &parts->conf, &parts->metadata,
                                    &parts->boot, &parts->files, &parts->signature, &parts->eif, &parts->kernel.content};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        cmaw_buf_free(all[i]);
    }
    cmaw_image_rootfs_free(&parts->rootfs);
    cmaw_image_runtime_free(&parts->runtime);
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

/* /init has to run where nothing else is: a static program. *ret_aarch64 is what it was built for. */
static enum cmaw_err check_init(struct cmaw_slice init, bool *ret_aarch64, struct cmaw_diag *diag)
{
    Elf64_Ehdr header;
    char loader[CMAW_PATH_MAX];
    if (!cmaw_program_read_header(init, &header)) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "init is not a program for x86-64 or aarch64");
    }
    if (!cmaw_program_read_loader(init, &header, loader, sizeof loader) || loader[0] != '\0') {
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

/* What a reader of the archive might miss in the image. */
static void tell_left_out(const struct image_rootfs *rootfs)
{
    if (rootfs->skipped.count > 0) {
        (void)fprintf(stderr, "cmaw-image: devices, pipes and sockets are left out: %zu, %s first\n", rootfs->skipped.count, rootfs->skipped.first);
    }
    if (rootfs->config.user != NULL) {
        (void)fprintf(stderr, "cmaw-image: the image's user %s is not used: an agent always has a user of its own\n", rootfs->config.user);
    }
}

static enum cmaw_err read_rootfs(const struct image_spec *spec, struct parts *parts, struct cmaw_diag *diag)
{
    const struct image_agent *agent = &spec->yaml->agent;
    CMAW_BUF_AUTO(path, CMAW_PATH_MAX);
    if (agent->rootfs == NULL) {
        return CMAW_OK;
    }
    cmaw_image_progress("reading %s", agent->rootfs);
    CMAW_TRY(cmaw_image_source_path(spec, agent->rootfs, &path));
    const struct image_rootfs_request request = {(const char *)path.data, agent->image, parts->aarch64};
    const enum cmaw_err err = cmaw_image_rootfs_read(&request, &parts->rootfs, diag);
    if (err != CMAW_OK) {
        (void)cmaw_image_spec_fault(spec, diag, "rootfs:", "%s", diag->text);
        return err;
    }
    tell_left_out(&parts->rootfs);
    return CMAW_OK;
}

static enum cmaw_err read_parts(const struct image_spec *spec, const struct image_overrides *overrides, struct parts *parts, struct cmaw_diag *diag)
{
    const struct image_yaml *yaml = spec->yaml;
    CMAW_TRY(read_setting(spec, overrides->init, yaml->init, "init", &parts->init, diag));
    CMAW_TRY(check_init(cmaw_buf_slice(&parts->init), &parts->aarch64, diag));
    CMAW_TRY(read_setting(spec, overrides->kms_roots, yaml->kms.roots, "kms.roots", &parts->roots, diag));
    CMAW_TRY(read_setting(spec, overrides->attestation_root, yaml->attestation.root, "attestation.root", &parts->root, diag));
    CMAW_TRY(check_settings(parts, diag));
    CMAW_TRY(cmaw_image_kernel_read(spec, overrides, parts->aarch64, &parts->kernel, diag));
    CMAW_TRY(read_rootfs(spec, parts, diag));
    CMAW_TRY(cmaw_image_agent_files(spec, &parts->rootfs, diag));
    return cmaw_image_agent_runtime(spec, &parts->rootfs, &parts->runtime, diag);
}

static enum cmaw_err make_parts(const struct image_spec *spec, const struct image_overrides *overrides, struct parts *parts, struct cmaw_diag *diag)
{
    CMAW_TRY(cmaw_image_conf_put(spec, &parts->runtime, overrides, cmaw_buf_slice(&parts->root), &parts->conf, diag));
    CMAW_TRY(cmaw_image_metadata_put(spec->yaml->name, parts->kernel.version, &parts->metadata));
    CMAW_TRY(cmaw_image_boot_ramdisk(cmaw_buf_slice(&parts->init), &parts->boot));
    return cmaw_image_root_ramdisk(&parts->rootfs.tree, cmaw_buf_slice(&parts->conf), cmaw_buf_slice(&parts->roots), &parts->files, diag);
}

static enum cmaw_err assemble(const struct image_spec *spec, const struct image_overrides *overrides, struct parts *parts, struct cmaw_eif *ret_eif,
                              struct cmaw_diag *diag)
{
    *ret_eif = (struct cmaw_eif){
        .aarch64 = parts->aarch64, .default_mem = DEFAULT_MEM, .default_cpus = DEFAULT_CPUS, .kernel = cmaw_buf_slice(&parts->kernel.content),
        .cmdline = parts->kernel.cmdline, .metadata = cmaw_buf_slice(&parts->metadata), .ramdisk_count = 2,
        .ramdisks = {cmaw_buf_slice(&parts->boot), cmaw_buf_slice(&parts->files)}};
    CMAW_TRY(cmaw_image_sign(spec, overrides, ret_eif, &parts->signature, diag));
    ret_eif->signature = cmaw_buf_slice(&parts->signature);
    return cmaw_eif_write(ret_eif, &parts->eif);
}

static enum cmaw_err build(const struct image_options *options, struct image_spec *spec, struct cmaw_diag *diag)
{
    [[gnu::cleanup(free_parts)]] struct parts parts = {
        .init = CMAW_BUF(INIT_MAX), .kernel.content = CMAW_BUF(KERNEL_MAX), .roots = CMAW_BUF(IMAGE_PEM_MAX), .root = CMAW_BUF(DER_MAX),
        .conf = CMAW_BUF(METADATA_MAX), .metadata = CMAW_BUF(METADATA_MAX), .boot = CMAW_BUF(IMAGE_RAMDISK_MAX),
        .files = CMAW_BUF(IMAGE_RAMDISK_MAX), .signature = CMAW_BUF(CMAW_EIF_SIGNATURE_MAX), .eif = CMAW_BUF(IMAGE_EIF_MAX)};
    struct cmaw_eif eif;
    cmaw_image_rootfs_init(&parts.rootfs, IMAGE_TREE_BYTES_MAX);
    CMAW_TRY(cmaw_image_spec_load(options->input, spec, diag));
    CMAW_TRY(read_parts(spec, &options->overrides, &parts, diag));
    cmaw_image_progress("making ramdisks of %zu entries, %zu MiB", parts.rootfs.tree.entries, parts.rootfs.tree.bytes >> 20);
    CMAW_TRY(make_parts(spec, &options->overrides, &parts, diag));
    cmaw_image_progress("writing and measuring %s", options->output);
    CMAW_TRY(assemble(spec, &options->overrides, &parts, &eif, diag));
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
