#include <string.h>

#include "host/launch/nitro_pool.h"

enum { MIB = 1 << 20, MEMORY_PER_IMAGE = 4, HUGEPAGE_MIB = 2 };

static const char restart[] = "then: sudo systemctl restart nitro-enclaves-allocator.service (it works only while no enclave runs)";

static uint64_t rounded(uint64_t value, uint64_t unit)
{
    return (value + unit - 1) / unit * unit;
}

/* What is wrong with the request itself. */
static enum cmaw_err check_request(const struct launch_nitro_need *need, uint32_t threads, struct cmaw_diag *diag)
{
    const uint64_t image_mib = (need->image_size * MEMORY_PER_IMAGE + MIB - 1) / MIB;
    const uint64_t least = image_mib > LAUNCH_NITRO_MEMORY_MIN_MIB ? image_mib : LAUNCH_NITRO_MEMORY_MIN_MIB;
    if (need->memory_mib < least) {
        cmaw_diag_hint(diag, "--memory %llu", (unsigned long long)rounded(least, HUGEPAGE_MIB));
        return cmaw_diag_set(diag, CMAW_E_USAGE, "%llu MiB are too little for an image of %llu bytes: nitro-cli wants four times its size, and at least %d MiB",
                             (unsigned long long)need->memory_mib, (unsigned long long)need->image_size, LAUNCH_NITRO_MEMORY_MIN_MIB);
    }
    if (need->cpu_count % threads != 0) {
        cmaw_diag_hint(diag, "--cpu-count %llu", (unsigned long long)rounded(need->cpu_count, threads));
        return cmaw_diag_set(diag, CMAW_E_USAGE, "an enclave gets whole cores of %u CPUs here, and %u is no multiple of that", threads, need->cpu_count);
    }
    return CMAW_OK;
}

static enum cmaw_err check_others(const struct launch_nitro_need *need, const struct launch_nitro_seen *seen, size_t count, struct cmaw_diag *diag)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(seen[i].name, need->name) == 0) {
            cmaw_diag_hint(diag, "nitro-cli terminate-enclave --enclave-id %s ends it; or give another --name", seen[i].enclave.id);
            return cmaw_diag_set(diag, CMAW_E_EXISTS, "an enclave %s runs already", need->name);
        }
        if (need->cid != 0 && seen[i].enclave.cid == need->cid) {
            cmaw_diag_hint(diag, "leave out --cid, or give another");
            return cmaw_diag_set(diag, CMAW_E_EXISTS, "the enclave %s has the address %u already", seen[i].name, need->cid);
        }
    }
    if (count >= LAUNCH_NITRO_ENCLAVES_MAX) {
        cmaw_diag_hint(diag, "end one: nitro-cli describe-enclaves lists them");
        return cmaw_diag_set(diag, CMAW_E_NO_SPACE, "%zu enclaves run, and a parent instance has room for %d", count, LAUNCH_NITRO_ENCLAVES_MAX);
    }
    return CMAW_OK;
}

static bool is_used(uint16_t cpu, const struct launch_nitro_seen *seen, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < seen[i].enclave.cpus_used; k++) {
            if (seen[i].enclave.cpus[k] == cpu) {
                return true;
            }
        }
    }
    return false;
}

static enum cmaw_err check_cpus(const struct launch_nitro_pool *pool, const struct launch_nitro_need *need, const struct launch_nitro_seen *seen,
                                size_t count, struct cmaw_diag *diag)
{
    size_t used = 0;
    for (size_t i = 0; i < pool->cpu_count; i++) {
        used += is_used(pool->cpus[i], seen, count);
    }
    if (need->cpu_count <= pool->cpu_count - used) {
        return CMAW_OK;
    }
    if (pool->config_read && pool->config_cpus >= used + need->cpu_count) {
        cmaw_diag_hint(diag, "%s sets aside enough: sudo systemctl restart nitro-enclaves-allocator.service (it works only while no enclave runs)", pool->config_path);
    } else {
        cmaw_diag_hint(diag, "in %s set %s %zu%s, %s", pool->config_path, pool->config_names_cpus ? "cpu_pool to a list of" : "cpu_count:",
                       used + need->cpu_count, pool->config_names_cpus ? " CPUs of one NUMA node" : "", restart);
    }
    return cmaw_diag_set(diag, CMAW_E_NO_SPACE, "the enclave is to have %u CPUs, and of the %zu set aside %zu are free", need->cpu_count, pool->cpu_count,
                         pool->cpu_count - used);
}

static enum cmaw_err check_memory(const struct launch_nitro_pool *pool, const struct launch_nitro_need *need, const struct launch_nitro_seen *seen,
                                  size_t count, struct cmaw_diag *diag)
{
    uint64_t used = 0;
    const uint64_t wanted = rounded(need->memory_mib, HUGEPAGE_MIB);
    for (size_t i = 0; i < count; i++) {
        used += seen[i].enclave.memory_mib;
    }
    if (wanted <= pool->free_mib) {
        return CMAW_OK;
    }
    if (pool->config_read && pool->config_memory_mib >= used + wanted) {
        cmaw_diag_hint(diag, "%s sets aside enough: sudo systemctl restart nitro-enclaves-allocator.service (it works only while no enclave runs)", pool->config_path);
    } else {
        cmaw_diag_hint(diag, "in %s set memory_mib: %llu, %s", pool->config_path, (unsigned long long)(used + wanted), restart);
    }
    return cmaw_diag_set(diag, CMAW_E_NO_SPACE, "the enclave is to have %llu MiB, and %llu MiB of hugepages are free on one NUMA node",
                         (unsigned long long)wanted, (unsigned long long)pool->free_mib);
}

enum cmaw_err cmaw_launch_nitro_pool_check(const struct launch_nitro_pool *pool, const struct launch_nitro_need *need,
                                           const struct launch_nitro_seen *seen, size_t seen_count, struct cmaw_diag *diag)
{
    if (!pool->driver) {
        cmaw_diag_hint(diag, "start the instance with enclaves enabled, then: sudo modprobe nitro_enclaves, sudo systemctl enable --now nitro-enclaves-allocator.service");
        return cmaw_diag_set(diag, CMAW_E_UNSUPPORTED, "the driver nitro_enclaves is not loaded");
    }
    CMAW_TRY(check_request(need, pool->threads_per_core, diag));
    CMAW_TRY(check_others(need, seen, seen_count, diag));
    CMAW_TRY(check_cpus(pool, need, seen, seen_count, diag));
    return check_memory(pool, need, seen, seen_count, diag);
}
