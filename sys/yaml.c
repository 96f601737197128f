#include "sys/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sys/file.h"

/* What libcyaml says of the first error: its text, and the place of the last thing it had read without one. */
struct fault {
    char text[256];
    unsigned line;
    bool seen;
};

[[gnu::format(printf, 3, 0)]] static void keep_fault(cyaml_log_t level, void *context, const char *format, va_list args)
{
    struct fault *fault = context;
    if (level < CYAML_LOG_ERROR) {
        return;
    }
    char text[256];
    (void)vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\n")] = '\0';
    if (!fault->seen) {
        static const char prefix[] = "Load: ";
        const char *start = strncmp(text, prefix, sizeof prefix - 1) == 0 ? text + sizeof prefix - 1 : text;
        (void)snprintf(fault->text, sizeof fault->text, "%s", start);
        fault->seen = true;
    }
    const char *line = fault->line == 0 ? strstr(text, "(line: ") : NULL;
    if (line != NULL) {
        fault->line = (unsigned)strtoul(line + sizeof "(line: " - 1, NULL, 10);
    }
}

static cyaml_config_t config_of(struct fault *fault)
{
    return (cyaml_config_t){.log_fn = keep_fault, .log_ctx = fault, .mem_fn = cyaml_mem, .log_level = CYAML_LOG_ERROR,
                            .flags = CYAML_CFG_NO_ALIAS};
}

static bool line_has_key(const char *at, size_t size, const char *key)
{
    const size_t skip = strspn(at, " \t-{\"'");
    const size_t length = strlen(key);
    return skip + length < size && strncmp(at + skip, key, length) == 0 && strchr(" :\"'", at[skip + length]) != NULL;
}

unsigned cmaw_yaml_line_of(struct cmaw_slice text, const char *key, unsigned first)
{
    CMAW_BUF_AUTO(copy, CMAW_YAML_MAX + 1);
    cmaw_buf_put(&copy, text);
    cmaw_buf_put_u8(&copy, 0);
    if (copy.err != CMAW_OK) {
        return first;
    }
    unsigned number = 1;
    for (const char *at = (const char *)copy.data; *at != '\0'; number++) {
        const size_t size = strcspn(at, "\n");
        if (number >= first && line_has_key(at, size, key)) {
            return number;
        }
        at += size + (at[size] == '\n');
    }
    return first;
}

/* libcyaml gives the place of the entry before an unexpected key. */
static unsigned line_of(const struct fault *fault, struct cmaw_slice text)
{
    static const char unexpected[] = "Unexpected key: ";
    const unsigned line = fault->line == 0 ? 1 : fault->line;
    if (strncmp(fault->text, unexpected, sizeof unexpected - 1) != 0) {
        return line;
    }
    return cmaw_yaml_line_of(text, fault->text + sizeof unexpected - 1, line);
}

enum cmaw_err cmaw_yaml_parse(const char *name, struct cmaw_slice text, const struct cyaml_schema_value *schema,
                              void **ret_data, struct cmaw_diag *diag)
{
    struct fault fault = {0};
    const cyaml_config_t config = config_of(&fault);
    cyaml_data_t *data = NULL;
    const cyaml_err_t result = cyaml_load_data(text.data == NULL ? (const uint8_t *)"" : text.data, text.size, &config, schema, &data, NULL);
    if (result == CYAML_OK && data != NULL) {
        *ret_data = data;
        return CMAW_OK;
    }
    if (result == CYAML_ERR_OOM) {
        return cmaw_diag_set(diag, CMAW_E_NO_MEMORY, "%s: out of memory", name);
    }
    if (result == CYAML_OK) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "%s:1: the file is empty", name);
    }
    const unsigned line = line_of(&fault, text);
    cmaw_diag_hint(diag, "look at line %u of %s", line, name);
    return cmaw_diag_set(diag, CMAW_E_MALFORMED, "%s:%u: %s", name, line, fault.seen ? fault.text : cyaml_strerror(result));
}

enum cmaw_err cmaw_yaml_load(const char *path, const struct cyaml_schema_value *schema, void **ret_data, struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(text, CMAW_YAML_MAX);
    CMAW_TRY(cmaw_file_read(path, &text, diag));
    return cmaw_yaml_parse(path, cmaw_buf_slice(&text), schema, ret_data, diag);
}

void cmaw_yaml_free(const struct cyaml_schema_value *schema, void *data)
{
    struct fault fault = {0};
    const cyaml_config_t config = config_of(&fault);
    (void)cyaml_free(&config, schema, data, 0);
}
