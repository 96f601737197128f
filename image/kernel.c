#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/parts.h"
#include "lib/base/text.h"
#include "lib/crypto/hash.h"
#include "sys/file.h"

/* image/kernel/pinned, as meson has read it */
#ifndef CMAW_KERNEL_SHA384
#define CMAW_KERNEL_VERSION ""
#define CMAW_KERNEL_SHA384 ""
#endif

static const char placeholder[] = "cmaw: no kernel; this image boots in the sim tier only\n";

/* As nitro-cli has them, but: a release image's console says nothing, since its lines are the host's to read; a dead enclave is gone at once
 * (panic=-1); and the ramdisk unpacks into a file system that may take all of a small enclave's memory (rootfstype=ramfs). */
#define X86 "reboot=k panic=-1 pci=off nomodules rootfstype=ramfs i8042.noaux i8042.nomux i8042.nopnp i8042.dumbkbd random.trust_cpu=on"
#define ARM "reboot=k panic=-1 pci=off nomodules rootfstype=ramfs random.trust_cpu=on root=/dev/ram0"
static const char *const cmdlines[2][2] = {{X86 " console=null quiet loglevel=0", X86 " console=ttyS0"}, {ARM " console=null quiet loglevel=0", ARM " console=ttyS0"}};

/* Linux takes 2047 bytes and drops the rest without a word: last come the devices that the hypervisor adds, and vsock is one of them. */
enum { CMDLINE_MAX = 1536 };

static bool has_magic(struct cmaw_slice file, size_t at, const char *magic)
{
    return cmaw_slice_eq_cstr(cmaw_slice_sub(file, at, 4), magic);
}

/* Documentation/arch/x86/boot.rst and arm64/booting.rst of Linux */
static enum cmaw_err check_kernel(struct cmaw_slice file, const char *name, bool aarch64, struct cmaw_diag *diag)
{
    if (aarch64 ? has_magic(file, 0x38, "ARM\x64") : has_magic(file, 0x202, "HdrS")) {
        return CMAW_OK;
    }
    return cmaw_diag_set(diag, CMAW_E_MALFORMED, "%s is not a Linux kernel for %s", name, aarch64 ? "aarch64 (Image)" : "x86-64 (bzImage)");
}

struct hex {
    char text[2 * CMAW_SHA384_SIZE + 1];
};

static bool is_pinned(struct cmaw_slice file, struct hex *hex)
{
    uint8_t digest[CMAW_SHA384_SIZE];
    cmaw_sha384(file, digest);
    return cmaw_hex_to_cstr(CMAW_SLICE_ARRAY(digest), hex->text, sizeof hex->text) == CMAW_OK && strcmp(hex->text, CMAW_KERNEL_SHA384) == 0;
}

static enum cmaw_err check_pinned(struct cmaw_slice file, const char *path, struct cmaw_diag *diag)
{
    struct hex hex;
    if (is_pinned(file, &hex)) {
        return CMAW_OK;
    }
    cmaw_diag_hint(diag, "make vm builds the pinned one; --kernel %s takes this one as it is", path);
    return cmaw_diag_set(diag, CMAW_E_DENIED, "%s is not the pinned kernel %s: its SHA-384 is %s, not %s", path, CMAW_KERNEL_VERSION, hex.text,
                         CMAW_KERNEL_SHA384);
}

static enum cmaw_err no_default(struct cmaw_diag *diag, const char *why)
{
    cmaw_diag_hint(diag, "make vm builds it; --kernel FILE takes another, --kernel none makes an image for the sim tier only");
    return cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "the pinned kernel %s %s", CMAW_KERNEL_VERSION, why);
}

static enum cmaw_err read_default(const struct image_overrides *overrides, bool aarch64, struct image_kernel *kernel, struct cmaw_diag *diag)
{
    char path[CMAW_PATH_MAX];
    const char *folder = overrides->vm != NULL ? overrides->vm : getenv("CMAW_VM");
    if (aarch64) {
        return no_default(diag, "is for x86-64, and init for aarch64");
    }
    if (folder == NULL || folder[0] == '\0') {
        return no_default(diag, "is not at hand: neither --vm nor CMAW_VM says where");
    }
    CMAW_TRY(cmaw_path(path, "%s/bzImage", folder));
    const enum cmaw_err err = cmaw_file_read(path, &kernel->content, diag);
    if (err != CMAW_OK) {
        cmaw_diag_hint(diag, "make vm builds it; --kernel FILE takes another, --kernel none makes an image for the sim tier only");
        return err;
    }
    CMAW_TRY(check_pinned(cmaw_buf_slice(&kernel->content), path, diag));
    kernel->version = CMAW_KERNEL_VERSION;
    return check_kernel(cmaw_buf_slice(&kernel->content), path, aarch64, diag);
}

static enum cmaw_err read_none(struct image_kernel *kernel)
{
    (void)fputs("cmaw-image: no kernel: this image runs in the sim tier only\n", stderr);
    cmaw_buf_put_cstr(&kernel->content, placeholder);
    kernel->version = "none";
    return kernel->content.err;
}

/* The same bytes make the same image, whichever way they came; others have measurements that no page of ours knows. */
static const char *version_of_given(struct cmaw_slice file, const char *path, bool aarch64)
{
    struct hex hex;
    if (aarch64) {
        return "unknown"; /* none is pinned */
    }
    if (is_pinned(file, &hex)) {
        return CMAW_KERNEL_VERSION;
    }
    (void)fprintf(stderr, "cmaw-image: %s is not the pinned kernel %s: PCR0 and PCR1 are those of this one, SHA-384 %s\n", path, CMAW_KERNEL_VERSION,
                  hex.text);
    return "unknown";
}

static enum cmaw_err read_given(const struct image_spec *spec, const struct image_overrides *overrides, bool aarch64, struct image_kernel *kernel,
                                struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(path, CMAW_PATH_MAX);
    const char *setting = spec->yaml->kernel;
    if (overrides->kernel != NULL) {
        cmaw_buf_put(&path, cmaw_slice_of(overrides->kernel, strlen(overrides->kernel) + 1));
    } else {
        CMAW_TRY(cmaw_image_source_path(spec, setting, &path));
    }
    CMAW_TRY(path.err);
    const char *name = (const char *)path.data;
    enum cmaw_err err = cmaw_image_source_read(name, &kernel->content, diag);
    if (err == CMAW_OK) {
        err = check_kernel(cmaw_buf_slice(&kernel->content), name, aarch64, diag);
    }
    if (err != CMAW_OK) {
        return overrides->kernel != NULL ? err : cmaw_image_spec_fault(spec, diag, setting, "%s", diag->text);
    }
    kernel->version = version_of_given(cmaw_buf_slice(&kernel->content), name, aarch64);
    return CMAW_OK;
}

static enum cmaw_err choose_cmdline(const struct image_spec *spec, const struct image_overrides *overrides, bool aarch64, struct cmaw_slice *ret_cmdline,
                                    struct cmaw_diag *diag)
{
    const char *given = overrides->cmdline != NULL ? overrides->cmdline : spec->yaml->cmdline;
    const struct cmaw_slice cmdline = cmaw_slice_of_cstr(given == NULL ? cmdlines[aarch64][overrides->debug] : given);
    if (!cmaw_image_is_printable(cmdline)) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "the kernel's command line is not printable ASCII on one line");
    }
    if (cmdline.size > CMDLINE_MAX) {
        return cmaw_diag_set(diag, CMAW_E_TOO_LARGE, "the kernel's command line has %zu bytes, more than %d", cmdline.size, CMDLINE_MAX);
    }
    *ret_cmdline = cmdline;
    return CMAW_OK;
}

enum cmaw_err cmaw_image_kernel_read(const struct image_spec *spec, const struct image_overrides *overrides, bool aarch64, struct image_kernel *kernel,
                                struct cmaw_diag *diag)
{
    const char *which = overrides->kernel != NULL ? overrides->kernel : spec->yaml->kernel;
    CMAW_TRY(choose_cmdline(spec, overrides, aarch64, &kernel->cmdline, diag));
    if (which == NULL || strcmp(which, "default") == 0) {
        return read_default(overrides, aarch64, kernel, diag);
    }
    return strcmp(which, "none") == 0 ? read_none(kernel) : read_given(spec, overrides, aarch64, kernel, diag);
}
