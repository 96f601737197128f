/* Enclave image format, version 4 (facts: aws-nitro-enclaves-image-format; nitro-cli's eif_utils; QEMU's eif.c).
 * AWS's reader walks the sections one after the other, the hypervisor and QEMU follow the offsets of the header. We
 * accept only files that all of them read alike, so that what is measured is what boots. */
#ifndef CMAW_ATTEST_EIF_H
#define CMAW_ATTEST_EIF_H

#include "lib/base/bytes.h"

enum {
    CMAW_EIF_VERSION = 4,
    CMAW_EIF_HEADER_SIZE = 548,        /* bytes */
    CMAW_EIF_SECTION_HEADER_SIZE = 12, /* bytes, before each payload */
    CMAW_EIF_SECTIONS_MAX = 32,        /* sections of a file */
    CMAW_EIF_SIGNATURE_MAX = 32768,    /* bytes */
    CMAW_EIF_RAMDISKS_MAX = CMAW_EIF_SECTIONS_MAX - 3, /* what kernel, command line and metadata leave */
    CMAW_EIF_PCR_SIZE = 48,            /* SHA-384 */
};

/* The content of an image. Every slice is borrowed: after parsing, from the file; for writing, from the caller. */
struct cmaw_eif {
    bool aarch64;
    uint64_t default_mem;  /* bytes; no platform uses it */
    uint64_t default_cpus; /* count; no platform uses it */
    struct cmaw_slice kernel;
    struct cmaw_slice cmdline; /* may be empty, and is not NULL then */
    struct cmaw_slice metadata; /* JSON; not parsed and not measured */
    struct cmaw_slice ramdisks[CMAW_EIF_RAMDISKS_MAX];
    size_t ramdisk_count;
    struct cmaw_slice signature; /* empty: not signed */
    uint32_t crc;                /* CRC-32 of the file; ignored when writing */
};

/* Reads a whole file, which is hostile. Refused: any other version; reserved or unused fields that are not zero; a gap,
 * an overlap or bytes after the last section; a size that the header and the section give differently; unknown or
 * repeated sections, or empty ones but the command line; a NUL in the command line, behind which QEMU does not measure; anything but kernel,
 * command line, ramdisks in this order, at least one ramdisk, one metadata section; a signature over CMAW_EIF_SIGNATURE_MAX, or not in
 * the form of lib/attest/eif_sign.h; another CRC. MALFORMED, or UNSUPPORTED for another version. On failure
 * *field names what was wrong in a constant text ("section 2 size" reads "section size"); it is NULL on success. */
enum cmaw_err cmaw_eif_parse(struct cmaw_slice file, struct cmaw_eif *ret_eif, const char **field);

/* Appends the file: kernel, command line, metadata, ramdisks, signature, as AWS's builder orders them. The same content
 * gives the same bytes. BUG where cmaw_eif_parse would refuse the result; TOO_LARGE, NO_MEMORY as of the buffer. */
enum cmaw_err cmaw_eif_write(const struct cmaw_eif *eif, struct cmaw_buf *buf);

/* The registers that a platform shows for an image (NITRO.md 3.4): SHA-384(48 zero bytes ‖ SHA-384(payloads)). */
struct cmaw_eif_pcrs {
    uint8_t pcr0[CMAW_EIF_PCR_SIZE]; /* kernel, command line, all ramdisks */
    uint8_t pcr1[CMAW_EIF_PCR_SIZE]; /* kernel, command line, first ramdisk */
    uint8_t pcr2[CMAW_EIF_PCR_SIZE]; /* the other ramdisks */
    uint8_t pcr8[CMAW_EIF_PCR_SIZE]; /* signing certificate; zero where is_signed is false */
    bool is_signed;
};

/* MALFORMED if the signature section is not one certificate and one signature in the form that nitro-cli writes (never for an image that
 * cmaw_eif_parse took); the signature itself is not checked. */
enum cmaw_err cmaw_eif_measure(const struct cmaw_eif *eif, struct cmaw_eif_pcrs *ret_pcrs);

/* SHA-384(48 zero bytes ‖ text): PCR3 of a role ARN, PCR4 of an instance id. */
enum cmaw_err cmaw_eif_pcr_of_text(struct cmaw_slice text, uint8_t ret_pcr[static CMAW_EIF_PCR_SIZE]);

#endif
