#include "enclave/conf.h"

#include <string.h>

#include "lib/base/text.h"

/* One row per key that holds a number: its bounds, and where it goes. */
struct number_key {
    const char *name;
    uint32_t min;
    uint32_t max;
    size_t offset;
    uint32_t otherwise; /* where it is absent; 0: it must not be */
};

static const struct number_key number_keys[] = {
    {"agent.memory_mib", 1, 1024 * 1024, offsetof(struct cmaw_conf, limits.memory_mib)},
    {"agent.processes", 1, 4096, offsetof(struct cmaw_conf, limits.processes)},
    {"agent.open_files", 8, 65536, offsetof(struct cmaw_conf, limits.open_files)},
    {"agent.cpu_s", 1, 86400, offsetof(struct cmaw_conf, limits.cpu_s)},
    {"agent.output_kib", 1, 4096, offsetof(struct cmaw_conf, limits.output_kib)},
    {"agent.tmp_kib", 0, 16 * 1024 * 1024, offsetof(struct cmaw_conf, limits.tmp_kib)},
    /* the worker waits for some seconds more */
    {"kms.deadline_s", 1, 25, offsetof(struct cmaw_conf, kms_deadline_s), CMAW_CONF_KMS_DEADLINE_S},
};
enum { NUMBER_KEYS = sizeof number_keys / sizeof number_keys[0] };

/* The other keys, as bits of the set of those seen. */
enum { SEEN_IO = 1u << NUMBER_KEYS, SEEN_TYPE = SEEN_IO << 1, SEEN_ROOT = SEEN_IO << 2, SEEN_HOST = SEEN_IO << 3,
       SEEN_FIPS = SEEN_IO << 4, SEEN_DEBUG = SEEN_IO << 5, SEEN_VERSION = SEEN_IO << 6, SEEN_WORKDIR = SEEN_IO << 7, SEEN_ALL = (SEEN_IO << 8) - 1 };

static enum cmaw_err once(unsigned *seen, unsigned bit)
{
    CMAW_REQUIRE((*seen & bit) == 0, CMAW_E_MALFORMED);
    *seen |= bit;
    return CMAW_OK;
}

/* agent.arg.N and agent.env.N come in any order of lines (10 sorts before 2); what counts is that N = 0..n-1 are there. */
static enum cmaw_err set_word(char *words[], const char *index_text, char *value)
{
    uint64_t index = 0;
    CMAW_TRY(cmaw_parse_u64(index_text, CMAW_CONF_WORDS_MAX - 1, &index));
    CMAW_REQUIRE(words[index] == NULL, CMAW_E_MALFORMED);
    words[index] = value;
    return CMAW_OK;
}

static enum cmaw_err set_flag(const char *value, bool *ret_flag)
{
    CMAW_REQUIRE(strcmp(value, "0") == 0 || strcmp(value, "1") == 0, CMAW_E_MALFORMED);
    *ret_flag = value[0] == '1';
    return CMAW_OK;
}

static enum cmaw_err set_io(const char *value, bool *ret_proto)
{
    CMAW_REQUIRE(strcmp(value, "raw") == 0 || strcmp(value, "proto") == 0, CMAW_E_MALFORMED);
    *ret_proto = strcmp(value, "proto") == 0;
    return CMAW_OK;
}

static void store_number(struct cmaw_conf *conf, const struct number_key *key, uint32_t number)
{
    memcpy((char *)conf + key->offset, &number, sizeof number);
}

static enum cmaw_err set_number(struct cmaw_conf *conf, const struct number_key *key, const char *value)
{
    uint64_t number = 0;
    CMAW_TRY(cmaw_parse_u64(value, key->max, &number));
    CMAW_REQUIRE(number >= key->min, CMAW_E_MALFORMED);
    store_number(conf, key, (uint32_t)number);
    return CMAW_OK;
}

static bool host_valid(const char *host)
{
    const size_t length = strlen(host);
    return length >= 1 && length <= 253 && strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789.-") == length;
}

static enum cmaw_err set_key(struct cmaw_conf *conf, const char *key, char *value, unsigned *seen)
{
    for (unsigned i = 0; i < NUMBER_KEYS; i++) {
        if (strcmp(key, number_keys[i].name) == 0) {
            CMAW_TRY(once(seen, 1u << i));
            return set_number(conf, &number_keys[i], value);
        }
    }
    if (strncmp(key, "agent.arg.", 10) == 0) {
        return set_word(conf->agent_args, key + 10, value);
    }
    if (strncmp(key, "agent.env.", 10) == 0) {
        return set_word(conf->agent_env, key + 10, value);
    }
    if (strcmp(key, "agent.io") == 0) {
        CMAW_TRY(once(seen, SEEN_IO));
        return set_io(value, &conf->agent_proto);
    }
    if (strcmp(key, "agent.workdir") == 0) {
        conf->agent_workdir = value;
        return value[0] == '/' ? once(seen, SEEN_WORKDIR) : CMAW_E_MALFORMED;
    }
    if (strcmp(key, "agent.content_type") == 0) {
        conf->content_type = value;
        return strlen(value) <= 128 ? once(seen, SEEN_TYPE) : CMAW_E_MALFORMED;
    }
    if (strcmp(key, "attestation.root") == 0) {
        CMAW_TRY(once(seen, SEEN_ROOT));
        return cmaw_hex_decode_exact(cmaw_slice_of_cstr(value), conf->attestation_root, sizeof conf->attestation_root);
    }
    if (strcmp(key, "kms.host") == 0) {
        conf->kms_host = value;
        return host_valid(value) ? once(seen, SEEN_HOST) : CMAW_E_MALFORMED;
    }
    if (strcmp(key, "kms.fips") == 0) {
        CMAW_TRY(once(seen, SEEN_FIPS));
        return set_flag(value, &conf->kms_fips);
    }
    if (strcmp(key, "debug") == 0) {
        CMAW_TRY(once(seen, SEEN_DEBUG));
        return set_flag(value, &conf->debug);
    }
    if (strcmp(key, "version") == 0) {
        return strcmp(value, "1") == 0 ? once(seen, SEEN_VERSION) : CMAW_E_MALFORMED;
    }
    return CMAW_E_MALFORMED;
}

static enum cmaw_err words_dense(char *const words[], size_t min)
{
    size_t count = 0;
    while (words[count] != NULL) {
        count++;
    }
    for (size_t i = count; i < CMAW_CONF_WORDS_MAX; i++) {
        CMAW_REQUIRE(words[i] == NULL, CMAW_E_MALFORMED);
    }
    return count >= min ? CMAW_OK : CMAW_E_MALFORMED;
}

/* The runtime's own variables are its contract with agents (agents/agent.h): an image cannot preset them. */
static enum cmaw_err env_valid(char *const env[])
{
    for (size_t i = 0; env[i] != NULL; i++) {
        const char *equals = strchr(env[i], '=');
        CMAW_REQUIRE(equals != NULL && equals != env[i] && strncmp(env[i], "CMAW_", 5) != 0, CMAW_E_MALFORMED);
    }
    return CMAW_OK;
}

static enum cmaw_err parse_line(struct cmaw_conf *conf, char *line, unsigned *seen)
{
    for (const char *c = line; *c != '\0'; c++) {
        CMAW_REQUIRE(*c >= 0x20 && *c < 0x7f, CMAW_E_MALFORMED);
    }
    char *equals = strchr(line, '=');
    CMAW_REQUIRE(equals != NULL, CMAW_E_MALFORMED);
    *equals = '\0';
    return set_key(conf, line, equals + 1, seen);
}

/* Fills in what may be absent; MALFORMED where something else is. */
static enum cmaw_err complete(struct cmaw_conf *conf, unsigned seen)
{
    for (unsigned i = 0; i < NUMBER_KEYS; i++) {
        if (number_keys[i].otherwise != 0 && (seen & 1u << i) == 0) {
            store_number(conf, &number_keys[i], number_keys[i].otherwise);
            seen |= 1u << i;
        }
    }
    const unsigned where = seen & (SEEN_HOST | SEEN_FIPS);
    CMAW_REQUIRE(where == SEEN_HOST || where == SEEN_FIPS, CMAW_E_MALFORMED);
    if (conf->agent_workdir == NULL) {
        conf->agent_workdir = "/";
    }
    return (seen | SEEN_HOST | SEEN_FIPS | SEEN_WORKDIR) == SEEN_ALL ? CMAW_OK : CMAW_E_MALFORMED;
}

enum cmaw_err cmaw_conf_parse(struct cmaw_slice text, struct cmaw_conf *ret_conf)
{
    *ret_conf = (struct cmaw_conf){0};
    CMAW_REQUIRE(text.size <= CMAW_CONF_MAX, CMAW_E_TOO_LARGE);
    CMAW_REQUIRE(text.size > 0 && text.data[text.size - 1] == '\n', CMAW_E_MALFORMED);
    CMAW_TRY(cmaw_slice_to_cstr(text, ret_conf->text, sizeof ret_conf->text));
    unsigned seen = 0;
    for (char *line = ret_conf->text; *line != '\0';) {
        char *newline = strchr(line, '\n');
        *newline = '\0';
        CMAW_TRY(parse_line(ret_conf, line, &seen));
        line = newline + 1;
    }
    CMAW_TRY(complete(ret_conf, seen));
    CMAW_TRY(words_dense(ret_conf->agent_args, 1));
    CMAW_TRY(words_dense(ret_conf->agent_env, 0));
    CMAW_REQUIRE(ret_conf->agent_args[0][0] == '/', CMAW_E_MALFORMED);
    return env_valid(ret_conf->agent_env);
}
