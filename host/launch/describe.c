#include <sched.h>
#include <unistd.h>

#include "host/launch/record.h"
#include "lib/base/text.h"

static const char hash_algorithm[] = "Sha384 { ... }";

static void set_pcr(json_t *measurements, const char *name, const uint8_t pcr[static CMAW_EIF_PCR_SIZE])
{
    char text[2 * CMAW_EIF_PCR_SIZE + 1];
    if (cmaw_hex_to_cstr(cmaw_slice_of(pcr, CMAW_EIF_PCR_SIZE), text, sizeof text) == CMAW_OK) {
        (void)json_object_set_new(measurements, name, json_string(text));
    }
}

/* Of the file, as nitro-cli does: in debug mode documents show zeros instead. */
static json_t *measurements_of(const struct cmaw_eif_pcrs *pcrs)
{
    json_t *measurements = json_pack("{s:s}", "HashAlgorithm", hash_algorithm);
    set_pcr(measurements, "PCR0", pcrs->pcr0);
    set_pcr(measurements, "PCR1", pcrs->pcr1);
    set_pcr(measurements, "PCR2", pcrs->pcr2);
    if (pcrs->is_signed) {
        set_pcr(measurements, "PCR8", pcrs->pcr8);
    }
    return measurements;
}

/* A simulation shares all processors that its launcher may use. */
static json_t *processors(void)
{
    json_t *ids = json_array();
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        for (int i = 0; i < CPU_SETSIZE; i++) {
            if (CPU_ISSET((size_t)i, &set)) {
                (void)json_array_append_new(ids, json_integer(i));
            }
        }
    }
    return ids;
}

json_t *cmaw_launch_describe(const struct launch_options *options, const struct launch_image *image, const struct launch_module *module)
{
    json_t *ids = processors();
    const json_int_t count = (json_int_t)json_array_size(ids);
    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:o, s:I, s:s, s:s, s:s, s:s, s:o}", "EnclaveName", options->name, "EnclaveID", module->id,
                     "ProcessID", (json_int_t)getpid(), "EnclaveCID", (json_int_t)0, "NumberOfCPUs", count, "CPUIDs", ids, "MemoryMiB",
                     (json_int_t)(image->eif.default_mem >> 20), "State", "RUNNING", "Flags", options->debug_mode ? "DEBUG_MODE" : "NONE",
                     "Backend", options->backend, "Socket", options->socket, "Measurements", measurements_of(&image->pcrs));
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
