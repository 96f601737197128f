/* IMAGE.yaml: what an enclave image is made of. */
#ifndef CMAW_IMAGE_SPEC_H
#define CMAW_IMAGE_SPEC_H

#include <stdbool.h>

#include "lib/base/bytes.h"
#include "image/words.h"
#include "lib/base/diag.h"

enum { IMAGE_FILES_MAX = 4096 };

/* One file of the agent. */
struct image_file {
    char *source; /* relative to the YAML file */
    char *target; /* absolute, inside the agent's root */
    char *mode;   /* octal, "0755"; NULL: 0644 */
};

enum image_io { IMAGE_IO_RAW, IMAGE_IO_PROTO };

struct image_agent {
    char *rootfs;     /* folder, tar, OCI layout or docker save archive, relative to the YAML file; NULL: files only */
    char *image;      /* which one of rootfs; NULL: the only one */
    char **command;   /* none: what the configuration of rootfs says */
    unsigned command_count;
    char *workdir;    /* absolute; NULL: what the configuration of rootfs says, or the root */
    enum image_io io;
    char *content_type; /* NULL: application/octet-stream */
    struct image_file *files;
    unsigned files_count;
    char **env;
    unsigned env_count;
};

/* NULL: the default of the table in conf.c. */
struct image_limits {
    uint32_t *memory_mib, *processes, *open_files, *cpu_s, *output_kib, *tmp_kib;
};

/* host NULL: the regional endpoint of the role's key, or with fips its FIPS endpoint. deadline_s NULL: the enclave's own. */
struct image_kms { char *host, *roots; bool fips; uint32_t *deadline_s; };
struct image_attestation { char *root; };
struct image_sign { char *key, *certificate; }; /* NULL: not signed */

struct image_yaml {
    unsigned version;
    char *name;
    struct image_agent agent;
    struct image_limits limits;
    struct image_kms kms;
    struct image_attestation attestation;
    struct image_sign sign;
    char *init, *kernel, *cmdline;
};

/* A loaded file, and what is needed to say where in it something is wrong. */
struct image_spec {
    struct image_yaml *yaml;
    const char *path;     /* of the file; borrowed */
    struct cmaw_buf text; /* its content */
};

/* MALFORMED with "FILE:LINE: what" in the diag. Checks form only: names, words, modes, targets; opens no source. The caller
 * frees with cmaw_image_spec_free, also after a failure. */
enum cmaw_err cmaw_image_spec_load(const char *path, struct image_spec *spec, struct cmaw_diag *diag);
void cmaw_image_spec_free(struct image_spec *spec);
/* "FILE:LINE: <formatted>", with the last line that holds value. */
[[gnu::format(printf, 4, 5)]] enum cmaw_err cmaw_image_spec_fault(const struct image_spec *spec, struct cmaw_diag *diag, const char *value,
                                                            const char *format, ...);
/* The mode of a file that cmaw_image_spec_load accepted. */
unsigned cmaw_image_file_mode(const struct image_file *file);

/* The folders of an agent that the runtime mounts its own over, or none: "/dev" and so on, up to NULL. */
extern const char *const cmaw_image_mounts[];
/* Whether an absolute path is one of them or in one. */
bool cmaw_image_is_mount(const char *path);

#endif
