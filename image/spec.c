#include "image/spec.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sys/cpio.h"
#include "sys/file.h"
#include "sys/yaml.h"

static const cyaml_strval_t io_names[] = {{"raw", IMAGE_IO_RAW}, {"proto", IMAGE_IO_PROTO}};

static const cyaml_schema_value_t word_schema = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, IMAGE_TEXT_MAX)};

static const cyaml_schema_field_t file_fields[] = {
    CYAML_FIELD_STRING_PTR("source", CYAML_FLAG_POINTER, struct image_file, source, 1, IMAGE_TEXT_MAX),
    CYAML_FIELD_STRING_PTR("target", CYAML_FLAG_POINTER, struct image_file, target, 1, IMAGE_TEXT_MAX),
    CYAML_FIELD_STRING_PTR("mode", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct image_file, mode, 1, 5),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t file_schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct image_file, file_fields)};

static const cyaml_schema_field_t agent_fields[] = {
    CYAML_FIELD_STRING_PTR("rootfs", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct image_agent, rootfs, 1, IMAGE_TEXT_MAX),
    CYAML_FIELD_STRING_PTR("image", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct image_agent, image, 1, IMAGE_TEXT_MAX),
    CYAML_FIELD_SEQUENCE("command", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct image_agent, command, &word_schema, 1, IMAGE_WORDS_MAX),
    CYAML_FIELD_STRING_PTR("workdir", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct image_agent, workdir, 1, IMAGE_TEXT_MAX),
    CYAML_FIELD_ENUM("io", CYAML_FLAG_STRICT, struct image_agent, io, io_names, CYAML_ARRAY_LEN(io_names)),
    CYAML_FIELD_STRING_PTR("content_type", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct image_agent, content_type, 1, 128),
    CYAML_FIELD_SEQUENCE("files", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct image_agent, files, &file_schema, 1, IMAGE_FILES_MAX),
    CYAML_FIELD_SEQUENCE("env", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct image_agent, env, &word_schema, 0, IMAGE_WORDS_MAX),
    CYAML_FIELD_END,
};

#define LIMIT(name) CYAML_FIELD_UINT_PTR(#name, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct image_limits, name)
static const cyaml_schema_field_t limits_fields[] = {
    LIMIT(memory_mib), LIMIT(processes), LIMIT(open_files), LIMIT(cpu_s), LIMIT(output_kib), LIMIT(tmp_kib), CYAML_FIELD_END,
};

static const cyaml_schema_field_t kms_fields[] = {
    CYAML_FIELD_STRING_PTR("host", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct image_kms, host, 1, 253),
    CYAML_FIELD_STRING_PTR("roots", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct image_kms, roots, 1, IMAGE_TEXT_MAX),
    CYAML_FIELD_BOOL("fips", CYAML_FLAG_OPTIONAL, struct image_kms, fips),
    CYAML_FIELD_UINT_PTR("deadline_s", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct image_kms, deadline_s),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t attestation_fields[] = {
    CYAML_FIELD_STRING_PTR("root", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct image_attestation, root, 1, IMAGE_TEXT_MAX),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t sign_fields[] = {
    CYAML_FIELD_STRING_PTR("key", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct image_sign, key, 1, IMAGE_TEXT_MAX),
    CYAML_FIELD_STRING_PTR("certificate", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct image_sign, certificate, 1, IMAGE_TEXT_MAX),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t top_fields[] = {
    CYAML_FIELD_UINT("version", CYAML_FLAG_DEFAULT, struct image_yaml, version),
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct image_yaml, name, 1, 64),
    CYAML_FIELD_MAPPING("agent", CYAML_FLAG_DEFAULT, struct image_yaml, agent, agent_fields),
    CYAML_FIELD_MAPPING("limits", CYAML_FLAG_OPTIONAL, struct image_yaml, limits, limits_fields),
    CYAML_FIELD_MAPPING("kms", CYAML_FLAG_OPTIONAL, struct image_yaml, kms, kms_fields),
    CYAML_FIELD_MAPPING("attestation", CYAML_FLAG_OPTIONAL, struct image_yaml, attestation, attestation_fields),
    CYAML_FIELD_MAPPING("sign", CYAML_FLAG_OPTIONAL, struct image_yaml, sign, sign_fields),
    CYAML_FIELD_STRING_PTR("init", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct image_yaml, init, 1, IMAGE_TEXT_MAX),
    CYAML_FIELD_STRING_PTR("kernel", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct image_yaml, kernel, 1, IMAGE_TEXT_MAX),
    CYAML_FIELD_STRING_PTR("cmdline", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct image_yaml, cmdline, 0, IMAGE_TEXT_MAX),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t top_schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct image_yaml, top_fields)};

/* Good enough to lead a reader to the place: the last line with the value, or the first line of the file. */
static unsigned line_of(struct cmaw_slice text, const char *value)
{
    const size_t size = strlen(value);
    unsigned line = 1, found = 1;
    for (size_t i = 0; i < text.size; i++) {
        if (text.size - i >= size && cmaw_slice_eq_cstr(cmaw_slice_sub(text, i, size), value)) {
            found = line;
        }
        line += text.data[i] == '\n';
    }
    return found;
}

enum cmaw_err cmaw_image_spec_fault(const struct image_spec *spec, struct cmaw_diag *diag, const char *value, const char *format, ...)
{
    char what[sizeof diag->text];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return cmaw_diag_set(diag, CMAW_E_MALFORMED, "%s:%u: %s", spec->path, line_of(cmaw_buf_slice(&spec->text), value), what);
}

static bool is_printable(const char *text)
{
    return cmaw_image_is_printable(cmaw_slice_of_cstr(text));
}

static enum cmaw_err check_words(const struct image_spec *spec, char *const *words, unsigned count, struct cmaw_diag *diag)
{
    for (unsigned i = 0; i < count; i++) {
        if (!is_printable(words[i])) {
            return cmaw_image_spec_fault(spec, diag, words[i], "not printable ASCII on one line");
        }
    }
    return CMAW_OK;
}

static enum cmaw_err check_env(const struct image_spec *spec, const struct image_agent *agent, struct cmaw_diag *diag)
{
    CMAW_TRY(check_words(spec, agent->env, agent->env_count, diag));
    for (unsigned i = 0; i < agent->env_count; i++) {
        const char *equals = strchr(agent->env[i], '=');
        if (equals == NULL || equals == agent->env[i]) {
            return cmaw_image_spec_fault(spec, diag, agent->env[i], "env entry %s is not NAME=VALUE", agent->env[i]);
        }
        if (strncmp(agent->env[i], "CMAW_", 5) == 0) {
            return cmaw_image_spec_fault(spec, diag, agent->env[i], "env names that start with CMAW_ are the runtime's");
        }
    }
    return CMAW_OK;
}

unsigned cmaw_image_file_mode(const struct image_file *file)
{
    return file->mode == NULL ? 0644 : (unsigned)strtoul(file->mode, NULL, 8);
}

const char *const cmaw_image_mounts[] = {"/dev", "/proc", "/tmp", NULL};

bool cmaw_image_is_mount(const char *path)
{
    for (size_t i = 0; cmaw_image_mounts[i] != NULL; i++) {
        const size_t size = strlen(cmaw_image_mounts[i]);
        if (strncmp(path, cmaw_image_mounts[i], size) == 0 && (path[size] == '\0' || path[size] == '/')) {
            return true;
        }
    }
    return false;
}

static bool is_plain(const char *path)
{
    return path[0] == '/' && cmaw_cpio_name_is_clean(cmaw_slice_of_cstr(path + 1)) && is_printable(path);
}

static enum cmaw_err check_file(const struct image_spec *spec, const struct image_file *file, struct cmaw_diag *diag)
{
    const char *target = file->target;
    if (!is_plain(target)) {
        return cmaw_image_spec_fault(spec, diag, target, "target %s is not a plain absolute path", target);
    }
    if (cmaw_image_is_mount(target)) {
        return cmaw_image_spec_fault(spec, diag, target, "target %s is in a folder of the runtime", target);
    }
    if (file->mode != NULL && (strspn(file->mode, "01234567") != strlen(file->mode) || cmaw_image_file_mode(file) > 0777)) {
        return cmaw_image_spec_fault(spec, diag, file->mode, "mode %s is not octal 0000 to 0777", file->mode);
    }
    return CMAW_OK;
}

/* True if one path is the other, or a folder above it. */
static bool collide(const char *a, const char *b)
{
    const size_t shorter = strlen(a) < strlen(b) ? strlen(a) : strlen(b);
    return strncmp(a, b, shorter) == 0 && (a[shorter] == '\0' || a[shorter] == '/') && (b[shorter] == '\0' || b[shorter] == '/');
}

static enum cmaw_err check_files(const struct image_spec *spec, const struct image_agent *agent, struct cmaw_diag *diag)
{
    for (unsigned i = 0; i < agent->files_count; i++) {
        CMAW_TRY(check_file(spec, &agent->files[i], diag));
        for (unsigned k = 0; k < i; k++) {
            if (strcmp(agent->files[i].target, agent->files[k].target) == 0) {
                return cmaw_image_spec_fault(spec, diag, agent->files[i].target, "target %s is there twice", agent->files[i].target);
            }
            if (collide(agent->files[i].target, agent->files[k].target)) {
                return cmaw_image_spec_fault(spec, diag, agent->files[i].target, "target %s is a file and a folder", agent->files[i].target);
            }
        }
    }
    return CMAW_OK;
}

static enum cmaw_err check_rootfs(const struct image_spec *spec, const struct image_agent *agent, struct cmaw_diag *diag)
{
    if (agent->rootfs == NULL && agent->files_count == 0) {
        cmaw_diag_hint(diag, "agent.rootfs names a folder or an archive, agent.files single files");
        return cmaw_image_spec_fault(spec, diag, "agent", "agent has neither rootfs nor files");
    }
    if (agent->rootfs == NULL && agent->image != NULL) {
        return cmaw_image_spec_fault(spec, diag, agent->image, "image chooses from rootfs, and there is none");
    }
    if (agent->rootfs == NULL && agent->command_count == 0) {
        return cmaw_image_spec_fault(spec, diag, "agent", "agent has no command");
    }
    if (agent->workdir != NULL && strcmp(agent->workdir, "/") != 0 && !is_plain(agent->workdir)) {
        return cmaw_image_spec_fault(spec, diag, agent->workdir, "workdir %s is not a plain absolute path", agent->workdir);
    }
    return CMAW_OK;
}

static enum cmaw_err check(const struct image_spec *spec, struct cmaw_diag *diag)
{
    static const char name_letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    const struct image_yaml *yaml = spec->yaml;
    if (yaml->version != 1) {
        return cmaw_image_spec_fault(spec, diag, "version", "version %u is not 1", yaml->version);
    }
    if (strspn(yaml->name, name_letters) != strlen(yaml->name)) {
        return cmaw_image_spec_fault(spec, diag, yaml->name, "name %s is not 1 to 64 of a-z 0-9 -", yaml->name);
    }
    if (yaml->agent.content_type != NULL && !is_printable(yaml->agent.content_type)) {
        return cmaw_image_spec_fault(spec, diag, "content_type", "content_type is not printable ASCII");
    }
    CMAW_TRY(check_files(spec, &yaml->agent, diag));
    CMAW_TRY(check_rootfs(spec, &yaml->agent, diag));
    CMAW_TRY(check_words(spec, yaml->agent.command, yaml->agent.command_count, diag));
    return check_env(spec, &yaml->agent, diag);
}

enum cmaw_err cmaw_image_spec_load(const char *path, struct image_spec *spec, struct cmaw_diag *diag)
{
    void *data = NULL;
    *spec = (struct image_spec){.path = path, .text = CMAW_BUF(CMAW_YAML_MAX)};
    CMAW_TRY(cmaw_file_read(path, &spec->text, diag));
    const enum cmaw_err read = cmaw_yaml_parse(path, cmaw_buf_slice(&spec->text), &top_schema, &data, diag);
    if (read != CMAW_OK) {
        cmaw_diag_otherwise(diag, "agents/intake.yaml of the sources is an image to begin with");
        return read;
    }
    spec->yaml = data;
    return check(spec, diag);
}

void cmaw_image_spec_free(struct image_spec *spec)
{
    if (spec->yaml != NULL) {
        cmaw_yaml_free(&top_schema, spec->yaml);
        spec->yaml = NULL;
    }
    cmaw_buf_free(&spec->text);
}
