#include "host/launch/nitro_pool.h"

#include <ctype.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "sys/file.h"
#include "sys/yaml.h"

enum { SMALL_FILE_MAX = 8192, CPU_DIGITS_MAX = 5 };

/* A number at the reader's start; MALFORMED latches. */
static unsigned read_cpu(struct cmaw_reader *reader)
{
    unsigned value = 0, digits = 0;
    while (reader->rest.size > 0 && isdigit(reader->rest.data[0])) {
        value = value * 10 + (unsigned)(cmaw_read_u8(reader) - '0');
        if (++digits > CPU_DIGITS_MAX) {
            break;
        }
    }
    if (digits == 0 || digits > CPU_DIGITS_MAX || value > UINT16_MAX) {
        cmaw_reader_fail(reader, CMAW_E_MALFORMED);
    }
    return value;
}

static bool take(struct cmaw_reader *reader, char byte)
{
    if (reader->err != CMAW_OK || reader->rest.size == 0 || reader->rest.data[0] != (uint8_t)byte) {
        return false;
    }
    (void)cmaw_read_u8(reader);
    return true;
}

static struct cmaw_slice trim(struct cmaw_slice text)
{
    while (text.size > 0 && isspace(text.data[0])) {
        text = cmaw_slice_of(text.data + 1, text.size - 1);
    }
    while (text.size > 0 && isspace(text.data[text.size - 1])) {
        text.size--;
    }
    return text;
}

enum cmaw_err cmaw_launch_cpu_list_read(struct cmaw_slice text, uint16_t cpus[static LAUNCH_CPUS_MAX], size_t *ret_count)
{
    struct cmaw_reader reader = cmaw_reader_of(trim(text));
    size_t count = 0;
    while (reader.rest.size > 0) {
        const unsigned first = read_cpu(&reader);
        const unsigned last = take(&reader, '-') ? read_cpu(&reader) : first;
        CMAW_TRY(reader.err);
        CMAW_REQUIRE(first <= last, CMAW_E_MALFORMED);
        for (unsigned cpu = first; cpu <= last; cpu++) {
            CMAW_REQUIRE(count < LAUNCH_CPUS_MAX, CMAW_E_TOO_LARGE);
            cpus[count++] = (uint16_t)cpu;
        }
        CMAW_REQUIRE(reader.rest.size == 0 || (take(&reader, ',') && reader.rest.size > 0), CMAW_E_MALFORMED);
    }
    *ret_count = count;
    return CMAW_OK;
}

struct entry {
    uint64_t memory_mib;
    uint64_t cpu_count;
    char *cpu_pool;
};

static const cyaml_schema_field_t entry_fields[] = {
    CYAML_FIELD_UINT("memory_mib", CYAML_FLAG_DEFAULT, struct entry, memory_mib),
    CYAML_FIELD_UINT("cpu_count", CYAML_FLAG_OPTIONAL, struct entry, cpu_count),
    CYAML_FIELD_STRING_PTR("cpu_pool", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct entry, cpu_pool, 0, SMALL_FILE_MAX),
    CYAML_FIELD_END};
static const cyaml_schema_value_t schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct entry, entry_fields)};

static void keep_entry(const struct entry *entry, struct launch_nitro_pool *pool)
{
    uint16_t cpus[LAUNCH_CPUS_MAX];
    size_t count = 0;
    pool->config_read = true;
    pool->config_memory_mib = entry->memory_mib;
    pool->config_cpus = entry->cpu_count;
    if (entry->cpu_pool != NULL && cmaw_launch_cpu_list_read(cmaw_slice_of_cstr(entry->cpu_pool), cpus, &count) == CMAW_OK) {
        pool->config_names_cpus = true;
        pool->config_cpus = count;
    }
}

/* Newer allocators take a list of entries: its first line that says something starts with a dash. */
static bool is_list(struct cmaw_slice text)
{
    while (text.size > 0) {
        const uint8_t *end = memchr(text.data, '\n', text.size);
        const size_t size = end == NULL ? text.size : (size_t)(end - text.data);
        const struct cmaw_slice said = trim(cmaw_slice_sub(text, 0, size));
        if (said.size > 0 && said.data[0] != '#' && !cmaw_slice_eq_cstr(said, "---")) {
            return said.data[0] == '-';
        }
        text = cmaw_slice_sub(text, size + 1, text.size - size - (end != NULL));
    }
    return false;
}

static enum cmaw_err read_config(struct launch_nitro_pool *pool, struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(text, SMALL_FILE_MAX);
    void *entry = NULL;
    if (access(pool->config_path, F_OK) != 0) {
        return CMAW_OK;
    }
    CMAW_TRY(cmaw_file_read(pool->config_path, &text, diag));
    if (is_list(cmaw_buf_slice(&text))) {
        return CMAW_OK; /* what is set aside is seen in /sys; the file is for the hints only */
    }
    CMAW_TRY(cmaw_yaml_parse(pool->config_path, cmaw_buf_slice(&text), &schema, &entry, diag));
    keep_entry(entry, pool);
    cmaw_yaml_free(&schema, entry);
    return CMAW_OK;
}

/* A small file of /sys, or empty. */
static struct cmaw_slice read_small(const char *path, struct cmaw_buf *buf)
{
    struct cmaw_diag unused = {0};
    cmaw_buf_reset(buf);
    return cmaw_file_read(path, buf, &unused) == CMAW_OK ? trim(cmaw_buf_slice(buf)) : CMAW_SLICE_EMPTY;
}

static enum cmaw_err read_number(const char *path, uint64_t *ret_value)
{
    CMAW_BUF_AUTO(buf, SMALL_FILE_MAX);
    char text[32];
    CMAW_TRY(cmaw_slice_to_cstr(read_small(path, &buf), text, sizeof text));
    return cmaw_parse_u64(text, UINT32_MAX, ret_value);
}

/* The KiB of "…/hugepages-2048kB/free_hugepages". */
static uint64_t page_kib(const char *path)
{
    const char *at = strstr(path, "/hugepages-");
    return at == NULL ? 0 : strtoull(at + sizeof "/hugepages-" - 1, NULL, 10);
}

/* What the glob's files say in all, in MiB. */
static uint64_t free_pages_mib(const char *pattern)
{
    glob_t found = {0};
    uint64_t kib = 0;
    if (glob(pattern, GLOB_NOSORT, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            uint64_t pages = 0;
            if (read_number(found.gl_pathv[i], &pages) == CMAW_OK) {
                kib += pages * (page_kib(found.gl_pathv[i]) & UINT32_MAX);
            }
        }
    }
    globfree(&found);
    return kib >> 10;
}

/* An enclave's memory is of one node. */
static enum cmaw_err read_memory(const char *root, struct launch_nitro_pool *pool)
{
    enum { NODES_MAX = 64 };
    for (unsigned node = 0; node < NODES_MAX; node++) {
        char pattern[CMAW_PATH_MAX];
        CMAW_TRY(cmaw_path(pattern, "%s/sys/devices/system/node/node%u/hugepages/hugepages-*kB/free_hugepages", root, node));
        const uint64_t mib = free_pages_mib(pattern);
        pool->free_mib = mib > pool->free_mib ? mib : pool->free_mib;
    }
    return CMAW_OK;
}

static enum cmaw_err read_cpus(const char *root, struct launch_nitro_pool *pool)
{
    char path[CMAW_PATH_MAX];
    CMAW_BUF_AUTO(text, SMALL_FILE_MAX);
    uint16_t siblings[LAUNCH_CPUS_MAX];
    size_t threads = 0;
    CMAW_TRY(cmaw_path(path, "%s/sys/module/nitro_enclaves/parameters/ne_cpus", root));
    pool->driver = access(path, F_OK) == 0;
    CMAW_TRY(cmaw_launch_cpu_list_read(read_small(path, &text), pool->cpus, &pool->cpu_count));
    CMAW_TRY(cmaw_path(path, "%s/sys/devices/system/cpu/cpu0/topology/thread_siblings_list", root));
    CMAW_TRY(cmaw_launch_cpu_list_read(read_small(path, &text), siblings, &threads));
    pool->threads_per_core = threads == 0 ? 1 : (uint32_t)threads;
    return CMAW_OK;
}

enum cmaw_err cmaw_launch_nitro_pool_read(const char *root, struct launch_nitro_pool *ret_pool, struct cmaw_diag *diag)
{
    struct launch_nitro_pool pool = {0};
    const int size = snprintf(pool.config_path, sizeof pool.config_path, "%s/etc/nitro_enclaves/allocator.yaml", root);
    if (size < 0 || (size_t)size >= sizeof pool.config_path) {
        return cmaw_diag_set(diag, CMAW_E_TOO_LARGE, "path is too long: %s", root);
    }
    CMAW_TRY(read_config(&pool, diag));
    if (read_cpus(root, &pool) != CMAW_OK || read_memory(root, &pool) != CMAW_OK) {
        return cmaw_diag_set(diag, CMAW_E_PEER, "cannot read the pool of CPUs of the driver nitro_enclaves under %s/sys", root);
    }
    *ret_pool = pool;
    return CMAW_OK;
}
