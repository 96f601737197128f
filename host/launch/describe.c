#include "host/launch/backend.h"
#include "sys/measurements.h"

static json_t *processors(const struct launch_enclave *enclave)
{
    json_t *ids = json_array();
    for (size_t i = 0; i < enclave->cpus_used; i++) {
        (void)json_array_append_new(ids, json_integer(enclave->cpus[i]));
    }
    return ids;
}

json_t *cmaw_launch_describe(const struct launch_run *run)
{
    const struct launch_enclave *enclave = &run->enclave;
    json_t *description = json_pack("{s:s, s:s, s:I, s:I, s:I, s:o, s:I, s:s, s:s, s:s, s:o}", "EnclaveName", run->options->name,
        "EnclaveID", enclave->id, "ProcessID", (json_int_t)enclave->process, "EnclaveCID", (json_int_t)enclave->cid,
        "NumberOfCPUs", (json_int_t)enclave->cpu_count, "CPUIDs", processors(enclave), "MemoryMiB", (json_int_t)enclave->memory_mib,
        "State", "RUNNING", "Flags", run->options->debug_mode ? "DEBUG_MODE" : "NONE", "Backend", run->options->backend,
        /* of the file, as nitro-cli does: in debug mode documents show zeros instead */
        "Measurements", cmaw_measurements_json(&run->image.pcrs));
    if (run->options->socket != NULL) {
        (void)json_object_set_new(description, "Socket", json_string(run->options->socket));
    }
    return description;
}

json_t *cmaw_launch_summary(const json_t *description)
{
    static const char *const keys[] = {"EnclaveName", "EnclaveID", "ProcessID", "EnclaveCID", "NumberOfCPUs", "CPUIDs", "MemoryMiB"};
    json_t *summary = json_object();
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        (void)json_object_set(summary, keys[i], json_object_get(description, keys[i]));
    }
    return summary;
}
