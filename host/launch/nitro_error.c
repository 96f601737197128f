#include <string.h>

#include "host/launch/nitro_answer.h"

/* Nitro Enclaves User Guide, "Nitro Enclaves CLI error codes", and where each was met (nitro-cli's issues). Those that only say that the
 * enclave's process did not answer come beside the code of what happened to it. */
static const char again[] = "start it again; its own log is in /var/log/nitro_enclaves";
static const char arguments[] = "nitro-cli --version: 1.2 or newer is needed";
static const char resources[] = "free memory or file descriptors of this instance, then start it again; its own log is in /var/log/nitro_enclaves";
static const char rights[] = "is this user in the group ne (sudo usermod -aG ne USER, then log in again), and does /run/nitro_enclaves exist?";
static const char pool[] = "raise cpu_count (or cpu_pool) in /etc/nitro_enclaves/allocator.yaml, then: sudo systemctl restart nitro-enclaves-allocator";
static const char memory[] = "raise memory_mib in /etc/nitro_enclaves/allocator.yaml, then: sudo systemctl restart nitro-enclaves-allocator";
static const char driver[] = "sudo dmesg has the driver's reason; whole cores and memory of one NUMA node are needed. Right after another enclave has ended, "
                             "start it again";
static const char device[] = "was the instance started with enclaves enabled, is the module nitro_enclaves loaded, and is this user in the group ne?";
static const char log_rights[] = "who may write to /var/log/nitro_enclaves?";

static const struct {
    uint8_t code;
    bool consequence;
    const char *text, *hint;
} errors[] = {
    {1, false, "it misses an argument", arguments},
    {2, false, "it takes two arguments for opposites", arguments},
    {3, false, "it does not take an argument", arguments},
    {4, false, "it could not make a socket", resources},
    {5, false, "it could not start the enclave's process", resources},
    {6, false, "the enclave's process could not go into the background", resources},
    {7, false, "it could not read the folder of its sockets", rights},
    {8, true, "the connection to the enclave's process is not usable", again},
    {9, true, "a socket could not be closed", again},
    {10, false, "a socket could not be prepared", resources},
    {11, true, "a socket failed", again},
    {12, false, "it could not wait for events", resources},
    {13, false, "it could not watch its socket", resources},
    {14, false, "it does not know the command", arguments},
    {15, false, "a thread of it failed", again},
    {16, false, "a thread of it failed", again},
    {17, false, "its processes did not understand each other", "nitro-cli of two versions? End all enclaves, and start it again"},
    {18, false, "it may not change a file's permissions", log_rights},
    {19, false, "it could not open or read a file: the image, or the device", device},
    {20, false, "a CPU was named twice", arguments},
    {21, false, "a CPU that was named is not in the pool", pool},
    {22, false, "the pool has not enough CPUs", pool},
    {23, false, "it could not read the list of CPUs", "lscpu shows it"},
    {24, false, "it could not read the list of CPUs", "lscpu shows it"},
    {25, false, "the hugepages have a size that it does not know", memory},
    {26, false, "the memory is less than four times the image", "give more as --memory"},
    {27, false, "the reserved memory is not enough", memory},
    {28, false, "the driver made no enclave", device},
    {29, false, "the driver refused", driver},
    {30, false, "the driver did not say where the image goes", driver},
    {31, false, "the driver did not take the memory", driver},
    {32, false, "the driver did not take a CPU", driver},
    {33, false, "the driver did not start the enclave", driver},
    {34, false, "the image does not fit into the address space", "a smaller image"},
    {35, false, "it could not read the image, or put it into the memory", "cmaw image describe shows what is in the image; is memory_mib enough?"},
    {36, false, "the enclave did not boot: no heartbeat came", "--debug-mode shows its console; more --memory may help"},
    {37, false, "it could not wait for the enclave", again},
    {38, true, "a process of an enclave did not do what it was told", again},
    {39, true, "a process of an enclave cannot be reached", again},
    {40, false, "it could not name the enclave's socket", rights},
    {41, true, "the enclave's process could not answer", again},
    {42, false, "memory could not be mapped", memory},
    {43, false, "memory could not be unmapped", again},
    {44, false, "the console cannot be reached", "it is there in debug mode only, and for one reader"},
    {45, false, "the console cannot be read", again},
    {46, false, "the console's text cannot be written", again},
    {47, false, "the enclave's address is no number", arguments},
    {53, false, "the clock went backwards", again},
    {54, false, "it could not block signals", again},
    {55, false, "it could not unblock signals", again},
    {56, false, "it cannot write its log", log_rights},
    {57, false, "the image could not be measured", "cmaw image describe shows what is in the image"},
    {58, false, "it does not take the enclave's name", "nitro-cli describe-enclaves lists the names in use"},
    {59, false, "the image's signature is not valid", "cmaw image describe says why; sign it again"},
};

static size_t find(uint8_t code)
{
    size_t i = 0;
    while (i < sizeof errors / sizeof errors[0] && errors[i].code != code) {
        i++;
    }
    return i;
}

static bool is_consequence(uint8_t code)
{
    const size_t i = find(code);
    return i < sizeof errors / sizeof errors[0] && errors[i].consequence;
}

static bool has(const uint8_t *codes, size_t count, uint8_t code)
{
    return memchr(codes, code, count) != NULL;
}

static enum cmaw_err say(const char *what, uint8_t code, struct cmaw_diag *diag)
{
    const size_t i = find(code);
    if (i == sizeof errors / sizeof errors[0]) {
        cmaw_diag_hint(diag, "nitro-cli explain --error-code E%02u", code);
        return cmaw_diag_set(diag, CMAW_E_DENIED, "nitro-cli %s failed with E%02u", what, code);
    }
    cmaw_diag_hint(diag, "%s", errors[i].hint);
    return cmaw_diag_set(diag, CMAW_E_DENIED, "nitro-cli %s: %s (E%02u)", what, errors[i].text, code);
}

enum cmaw_err cmaw_launch_nitro_explain(const char *what, const struct launch_nitro_failure *failure, struct cmaw_diag *diag)
{
    uint8_t codes[LAUNCH_NITRO_CODES];
    size_t count = cmaw_launch_nitro_codes(failure->text, codes);
    if (count == 0 && failure->status > 1 && failure->status < LAUNCH_NITRO_CODES) {
        codes[count++] = (uint8_t)failure->status; /* 1 is what any program ends with */
    }
    if (count == 0) {
        cmaw_diag_hint(diag, "%s", again);
        return cmaw_diag_set(diag, CMAW_E_DENIED, "nitro-cli %s ended with status %d and named no error", what, failure->status);
    }
    /* nitro-cli looks at the certificate's dates when the enclave is up already (its issue 243) */
    if (failure->image_signed && has(codes, count, 36) && has(codes, count, 11)) {
        cmaw_diag_hint(diag, "has its signing certificate expired? Sign it with one that is valid: cmaw image describe shows the dates");
    }
    size_t cause = 0;
    while (cause + 1 < count && is_consequence(codes[cause])) {
        cause++;
    }
    return say(what, is_consequence(codes[cause]) ? codes[0] : codes[cause], diag);
}
