/* What the parent instance has set aside for enclaves, and whether it is enough (NITRO.md 5.3). */
#ifndef CMAW_LAUNCH_NITRO_POOL_H
#define CMAW_LAUNCH_NITRO_POOL_H

#include "host/launch/nitro_answer.h"

enum { LAUNCH_NITRO_ENCLAVES_MAX = 4, LAUNCH_NITRO_MEMORY_MIN_MIB = 64 };

struct launch_nitro_pool {
    char config_path[512];    /* of allocator.yaml, for messages */
    bool config_read;
    uint64_t config_memory_mib;
    uint64_t config_cpus;     /* cpu_count, or the number of cpu_pool */
    bool config_names_cpus;   /* cpu_pool */
    bool driver;              /* the module is loaded */
    uint16_t cpus[LAUNCH_CPUS_MAX];
    size_t cpu_count;
    uint32_t threads_per_core;
    uint64_t free_mib;        /* hugepages of the node that has most */
};

struct launch_nitro_need {
    const char *name;
    uint64_t image_size;      /* bytes of the file */
    uint64_t memory_mib;
    uint32_t cpu_count;
    uint32_t cid;             /* 0: any */
};

/* "1,3,5-7": the driver's and the allocator's way to write CPUs; white space around it is passed over. MALFORMED. */
enum cmaw_err cmaw_launch_cpu_list_read(struct cmaw_slice text, uint16_t cpus[static LAUNCH_CPUS_MAX], size_t *ret_count);
/* Reads etc/nitro_enclaves/allocator.yaml, sys/module/nitro_enclaves and the hugepages under root ("": the real ones). What is not there is not
 * an error: the check says so. MALFORMED, with file and line, for an allocator.yaml that is no such thing. */
enum cmaw_err cmaw_launch_nitro_pool_read(const char *root, struct launch_nitro_pool *ret_pool, struct cmaw_diag *diag);
/* Refuses what nitro-cli or the driver would refuse, with a hint that names the file, the key and the number, or the option: NO_SPACE,
 * EXISTS, USAGE (the option's value), UNSUPPORTED. seen is what runs already. */
enum cmaw_err cmaw_launch_nitro_pool_check(const struct launch_nitro_pool *pool, const struct launch_nitro_need *need,
                                           const struct launch_nitro_seen *seen, size_t seen_count, struct cmaw_diag *diag);

#endif
