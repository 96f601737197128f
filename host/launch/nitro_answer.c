#include "host/launch/nitro_answer.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/base/text.h"

enum { CID_MIN = 4, CPU_MAX = UINT16_MAX };

/* "i-HEX-encHEX": it is given back as an argument, and shown. */
static bool id_is_good(const char *id)
{
    static const char hex[] = "0123456789abcdef";
    if (id == NULL || strlen(id) >= LAUNCH_ID_MAX || strncmp(id, "i-", 2) != 0) {
        return false;
    }
    const size_t first = strspn(id + 2, hex);
    const char *rest = id + 2 + first;
    return first > 0 && strncmp(rest, "-enc", 4) == 0 && rest[4] != '\0' && rest[4 + strspn(rest + 4, hex)] == '\0';
}

static enum cmaw_err number_of(const json_t *object, const char *key, uint64_t min, uint64_t max, uint64_t *ret_value)
{
    const json_t *value = json_object_get(object, key);
    CMAW_REQUIRE(json_is_integer(value) && json_integer_value(value) >= 0, CMAW_E_PEER);
    const uint64_t number = (uint64_t)json_integer_value(value);
    CMAW_REQUIRE(number >= min && number <= max, CMAW_E_PEER);
    *ret_value = number;
    return CMAW_OK;
}

static enum cmaw_err read_cpus(const json_t *object, struct launch_enclave *enclave)
{
    const json_t *ids = json_object_get(object, "CPUIDs");
    CMAW_REQUIRE(json_is_array(ids) && json_array_size(ids) <= LAUNCH_CPUS_MAX, CMAW_E_PEER);
    for (size_t i = 0; i < json_array_size(ids); i++) {
        const json_t *id = json_array_get(ids, i);
        CMAW_REQUIRE(json_is_integer(id) && json_integer_value(id) >= 0 && json_integer_value(id) <= CPU_MAX, CMAW_E_PEER);
        enclave->cpus[enclave->cpus_used++] = (uint16_t)json_integer_value(id);
    }
    return CMAW_OK;
}

/* nitro-cli's own spelling and the user guide's differ in case and length. */
static bool starts(const json_t *value, const char *word)
{
    const char *text = json_string_value(value);
    return text != NULL && strncasecmp(text, word, strlen(word)) == 0;
}

static bool read_pcrs(const json_t *object, struct launch_nitro_seen *seen)
{
    static const char *const names[] = {"PCR0", "PCR1", "PCR2"};
    const json_t *measurements = json_object_get(object, "Measurements");
    for (size_t i = 0; i < 3; i++) {
        const struct cmaw_slice text = cmaw_slice_of_cstr(json_string_value(json_object_get(measurements, names[i])));
        if (cmaw_hex_decode_exact(text, seen->pcrs[i], CMAW_EIF_PCR_SIZE) != CMAW_OK) {
            return false;
        }
    }
    return true;
}

/* Cut, and printable ASCII only: others name their enclaves as they like, and messages show it. */
static void set_name(struct launch_nitro_seen *seen, const char *name)
{
    (void)snprintf(seen->name, sizeof seen->name, "%s", name);
    for (char *at = seen->name; *at != '\0'; at++) {
        *at = *at >= 0x20 && *at < 0x7f ? *at : '?';
    }
}

static enum cmaw_err read_enclave(const json_t *object, struct launch_nitro_seen *seen)
{
    uint64_t process = 0, cid = 0, cpus = 0, memory = 0;
    const char *id = json_string_value(json_object_get(object, "EnclaveID"));
    CMAW_REQUIRE(json_is_object(object) && id_is_good(id), CMAW_E_PEER);
    CMAW_TRY(number_of(object, "ProcessID", 2, INT32_MAX, &process));
    CMAW_TRY(number_of(object, "EnclaveCID", CID_MIN, UINT32_MAX - 1, &cid));
    CMAW_TRY(number_of(object, "NumberOfCPUs", 1, LAUNCH_CPUS_MAX, &cpus));
    CMAW_TRY(number_of(object, "MemoryMiB", 1, UINT32_MAX, &memory));
    const char *name = json_string_value(json_object_get(object, "EnclaveName"));
    const json_t *state = json_object_get(object, "State");
    *seen = (struct launch_nitro_seen){.enclave = {.process = (pid_t)process, .cid = (uint32_t)cid, .cpu_count = (uint32_t)cpus, .memory_mib = memory},
                                       .running = state == NULL || starts(state, "running"),
                                       .debug = starts(json_object_get(object, "Flags"), "debug")};
    (void)snprintf(seen->enclave.id, sizeof seen->enclave.id, "%s", id);
    set_name(seen, name == NULL ? "" : name);
    seen->measured = read_pcrs(object, seen);
    return read_cpus(object, &seen->enclave);
}

static json_t *load(struct cmaw_slice text)
{
    return text.size > LAUNCH_NITRO_ANSWER_MAX ? NULL : json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
}

enum cmaw_err cmaw_launch_nitro_read_run(struct cmaw_slice text, struct launch_nitro_seen *ret_seen)
{
    struct launch_nitro_seen seen;
    json_t *object = load(text);
    const enum cmaw_err err = object == NULL ? CMAW_E_PEER : read_enclave(object, &seen);
    json_decref(object);
    CMAW_TRY(err);
    *ret_seen = seen;
    return CMAW_OK;
}

static enum cmaw_err read_array(const json_t *array, struct launch_nitro_seen *seen)
{
    CMAW_REQUIRE(json_is_array(array) && json_array_size(array) <= LAUNCH_NITRO_SEEN_MAX, CMAW_E_PEER);
    for (size_t i = 0; i < json_array_size(array); i++) {
        CMAW_TRY(read_enclave(json_array_get(array, i), &seen[i]));
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_launch_nitro_read_all(struct cmaw_slice text, struct launch_nitro_seen seen[static LAUNCH_NITRO_SEEN_MAX], size_t *ret_count)
{
    json_t *array = load(text);
    const enum cmaw_err err = array == NULL ? CMAW_E_PEER : read_array(array, seen);
    const size_t count = json_array_size(array);
    json_decref(array);
    CMAW_TRY(err);
    *ret_count = count;
    return CMAW_OK;
}

bool cmaw_launch_nitro_read_terminated(struct cmaw_slice text)
{
    json_t *object = load(text);
    const bool terminated = json_is_true(json_object_get(object, "Terminated"));
    json_decref(object);
    return terminated;
}

size_t cmaw_launch_nitro_codes(struct cmaw_slice text, uint8_t ret_codes[static LAUNCH_NITRO_CODES])
{
    enum { FORM_SIZE = 7 }; /* "[ E36 ]" */
    bool seen[LAUNCH_NITRO_CODES] = {false};
    size_t count = 0;
    for (size_t i = 0; i + FORM_SIZE <= text.size; i++) {
        const uint8_t *at = text.data + i;
        if (at[0] == '[' && at[1] == ' ' && at[2] == 'E' && isdigit(at[3]) && isdigit(at[4]) && at[5] == ' ' && at[6] == ']') {
            const uint8_t code = (uint8_t)((at[3] - '0') * 10 + (at[4] - '0'));
            if (!seen[code]) {
                seen[code] = true;
                ret_codes[count++] = code;
            }
        }
    }
    return count;
}
