#include "host/launch/image.h"

#include "sys/file.h"
#include "sys/gzip.h"

void cmaw_launch_image_free(struct launch_image *image)
{
    cmaw_buf_free(&image->file);
    cmaw_buf_free(&image->archive);
}

static enum cmaw_err unpack_ramdisk(struct cmaw_slice ramdisk, struct cmaw_buf *archive)
{
    if (cmaw_gzip_is(ramdisk)) {
        return cmaw_gzip_read(ramdisk, archive);
    }
    cmaw_buf_put(archive, ramdisk);
    return cmaw_buf_err(archive);
}

/* A ramdisk whose unpacked size is no multiple of 4 would shift the headers of the next one (NITRO.md section 3). */
static enum cmaw_err join_ramdisks(struct launch_image *image)
{
    for (size_t i = 0; i < image->eif.ramdisk_count; i++) {
        CMAW_TRY(unpack_ramdisk(image->eif.ramdisks[i], &image->archive));
        static const uint8_t zeros[3];
        cmaw_buf_put(&image->archive, cmaw_slice_of(zeros, (4 - image->archive.size % 4) % 4));
    }
    return cmaw_buf_err(&image->archive);
}

enum cmaw_err cmaw_launch_image_load(const char *path, struct launch_image *image, struct cmaw_diag *diag)
{
    *image = (struct launch_image){.file = CMAW_BUF(LAUNCH_EIF_MAX), .archive = CMAW_BUF(LAUNCH_RAMDISK_MAX)};
    CMAW_TRY(cmaw_file_read(path, &image->file, diag));
    const char *field = NULL;
    enum cmaw_err err = cmaw_eif_parse(cmaw_buf_slice(&image->file), &image->eif, &field);
    if (err != CMAW_OK) {
        cmaw_diag_hint(diag, "build it with cmaw image build");
        return cmaw_diag_set(diag, err, "%s is not an enclave image: bad %s", path, field);
    }
    err = cmaw_eif_measure(&image->eif, &image->pcrs);
    if (err != CMAW_OK) {
        return cmaw_diag_set(diag, err, "%s cannot be measured: bad signature section", path);
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_launch_image_unpack(const char *path, struct launch_image *image, struct cmaw_diag *diag)
{
    const enum cmaw_err err = join_ramdisks(image);
    if (err != CMAW_OK) {
        return cmaw_diag_set(diag, err, "%s has a ramdisk that cannot be unpacked: %s", path, cmaw_err_text(err));
    }
    return CMAW_OK;
}

/* Offsets of the setup header in the Linux boot protocol (Documentation/arch/x86/boot.rst) and of arm64's Image header. */
enum { X86_BOOT_FLAG = 0x1fe, X86_MAGIC = 0x202, X86_VERSION = 0x206, X86_VERSION_MIN = 0x0206, ARM64_MAGIC = 0x38 };

static bool is_bzimage(struct cmaw_slice kernel)
{
    struct cmaw_reader version = cmaw_reader_of(cmaw_slice_sub(kernel, X86_VERSION, 2));
    const unsigned low = cmaw_read_u8(&version), high = cmaw_read_u8(&version);
    return version.err == CMAW_OK && (high << 8 | low) >= X86_VERSION_MIN &&
           cmaw_slice_eq(cmaw_slice_sub(kernel, X86_BOOT_FLAG, 2), CMAW_SLICE_LIT("\x55\xaa")) &&
           cmaw_slice_eq(cmaw_slice_sub(kernel, X86_MAGIC, 4), CMAW_SLICE_LIT("HdrS"));
}

static bool is_arm64_image(struct cmaw_slice kernel)
{
    return cmaw_slice_eq(cmaw_slice_sub(kernel, ARM64_MAGIC, 4), CMAW_SLICE_LIT("ARM\x64"));
}

enum cmaw_err cmaw_launch_image_boots(const char *path, const struct launch_image *image, bool aarch64_too, struct cmaw_diag *diag)
{
    if (image->eif.aarch64 && !aarch64_too) {
        return cmaw_diag_set(diag, CMAW_E_UNSUPPORTED, "%s is for aarch64, and the machine is x86_64", path);
    }
    if (image->eif.aarch64 ? is_arm64_image(image->eif.kernel) : is_bzimage(image->eif.kernel)) {
        return CMAW_OK;
    }
    cmaw_diag_hint(diag, "build it with a kernel: cmaw image build without --kernel none");
    return cmaw_diag_set(diag, CMAW_E_UNSUPPORTED, "%s has no kernel that boots: it is for the simulation only", path);
}
