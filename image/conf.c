#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/parts.h"
#include "lib/base/text.h"
#include "lib/crypto/hash.h"

enum { CONF_MAX = 16 * 1024, LINES_MAX = 256, KMS_DEADLINE_MAX_S = 25 }; /* CONF_MAX: what the enclave reads (enclave/conf.h) */

/* The bounds are the enclave's: an image that it would refuse at boot is refused here. */
static const struct limit {
    const char *name;
    size_t offset;
    uint32_t least, most, otherwise;
} limits[] = {
    {"memory_mib", offsetof(struct image_limits, memory_mib), 1, 1024 * 1024, 256},
    {"processes", offsetof(struct image_limits, processes), 1, 4096, 16},
    {"open_files", offsetof(struct image_limits, open_files), 8, 65536, 64},
    {"cpu_s", offsetof(struct image_limits, cpu_s), 1, 86400, 60},
    {"output_kib", offsetof(struct image_limits, output_kib), 1, 4096, 1792},
    {"tmp_kib", offsetof(struct image_limits, tmp_kib), 0, 16 * 1024 * 1024, 65536},
};

/* Lines that are collected first and sorted at the end. */
struct lines {
    char *list[LINES_MAX];
    size_t count;
    bool failed; /* out of memory */
};

static void free_lines(struct lines *lines)
{
    for (size_t i = 0; i < lines->count; i++) {
        free(lines->list[i]);
    }
}

[[gnu::format(printf, 2, 3)]] static void add(struct lines *lines, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    lines->failed |= lines->count == LINES_MAX || vasprintf(&lines->list[lines->count], format, args) < 0;
    lines->count += !lines->failed;
    va_end(args);
}

static int order(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum cmaw_err put_sorted(struct lines *lines, struct cmaw_buf *conf)
{
    CMAW_REQUIRE(!lines->failed, CMAW_E_NO_MEMORY);
    qsort(lines->list, lines->count, sizeof lines->list[0], order);
    for (size_t i = 0; i < lines->count; i++) {
        cmaw_buf_put_cstr(conf, lines->list[i]);
        cmaw_buf_put_u8(conf, '\n');
    }
    return cmaw_buf_err(conf);
}

static enum cmaw_err add_limits(const struct image_spec *spec, struct lines *lines, struct cmaw_diag *diag)
{
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        const uint32_t *given;
        memcpy(&given, (const char *)&spec->yaml->limits + limits[i].offset, sizeof given);
        const uint32_t value = given == NULL ? limits[i].otherwise : *given;
        if (value < limits[i].least || value > limits[i].most) {
            return cmaw_image_spec_fault(spec, diag, limits[i].name, "limit %s is %u, not %u to %u", limits[i].name, value, limits[i].least,
                                    limits[i].most);
        }
        add(lines, "agent.%s=%u", limits[i].name, value);
    }
    return CMAW_OK;
}

static void add_agent(const struct image_agent *agent, const struct image_runtime *runtime, struct lines *lines)
{
    for (unsigned i = 0; i < runtime->command.count; i++) {
        add(lines, "agent.arg.%u=%s", i, runtime->command.list[i]);
    }
    for (unsigned i = 0; i < runtime->env.count; i++) {
        add(lines, "agent.env.%u=%s", i, runtime->env.list[i]);
    }
    if (runtime->workdir != NULL) {
        add(lines, "agent.workdir=%s", runtime->workdir);
    }
    add(lines, "agent.io=%s", agent->io == IMAGE_IO_PROTO ? "proto" : "raw");
    add(lines, "agent.content_type=%s", agent->content_type == NULL ? "application/octet-stream" : agent->content_type);
}

/* One of kms.host and kms.fips. An option names the host of an emulator, whatever the file says of AWS's. */
static enum cmaw_err add_kms(const struct image_spec *spec, const char *override, struct lines *lines, struct cmaw_diag *diag)
{
    const struct image_kms *kms = &spec->yaml->kms;
    const char *host = override != NULL ? override : kms->host;
    if (kms->host != NULL && kms->fips) {
        return cmaw_image_spec_fault(spec, diag, "fips", "kms.fips chooses AWS's own endpoint, kms.host another: give one of them");
    }
    if (kms->deadline_s != NULL && (*kms->deadline_s < 1 || *kms->deadline_s > KMS_DEADLINE_MAX_S)) {
        return cmaw_image_spec_fault(spec, diag, "deadline_s", "kms.deadline_s is %u, not 1 to %d", *kms->deadline_s, KMS_DEADLINE_MAX_S);
    }
    if (kms->deadline_s != NULL) {
        add(lines, "kms.deadline_s=%u", *kms->deadline_s);
    }
    if (host == NULL) {
        add(lines, "kms.fips=%d", kms->fips);
        return CMAW_OK;
    }
    if (strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789.-") != strlen(host) || host[0] == '\0' || strlen(host) > 253) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "not a host name in lower case: %s", host);
    }
    add(lines, "kms.host=%s", host);
    return CMAW_OK;
}

static enum cmaw_err add_platform(struct cmaw_slice root, bool debug, struct lines *lines)
{
    uint8_t digest[CMAW_SHA256_SIZE];
    char hex[2 * CMAW_SHA256_SIZE + 1];
    cmaw_sha256(root, digest);
    CMAW_TRY(cmaw_hex_to_cstr(CMAW_SLICE_ARRAY(digest), hex, sizeof hex));
    add(lines, "attestation.root=%s", hex);
    add(lines, "debug=%d", debug);
    add(lines, "version=1");
    return CMAW_OK;
}

enum cmaw_err cmaw_image_conf_put(const struct image_spec *spec, const struct image_runtime *runtime, const struct image_overrides *overrides,
                             struct cmaw_slice attestation_root, struct cmaw_buf *conf, struct cmaw_diag *diag)
{
    [[gnu::cleanup(free_lines)]] struct lines lines = {0};
    add_agent(&spec->yaml->agent, runtime, &lines);
    CMAW_TRY(add_limits(spec, &lines, diag));
    CMAW_TRY(add_kms(spec, overrides->kms_host, &lines, diag));
    CMAW_TRY(add_platform(attestation_root, overrides->debug, &lines));
    CMAW_TRY(put_sorted(&lines, conf));
    if (conf->size > CONF_MAX) {
        return cmaw_image_spec_fault(spec, diag, "command", "command and env are %zu bytes as settings, more than %d", conf->size, CONF_MAX);
    }
    return CMAW_OK;
}
