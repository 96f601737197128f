#include "sys/aws/profile.h"

#include <stddef.h>
#include <string.h>

/* Settings that name credentials which are got by running a program, or from a service. */
static const char *const elsewhere[] = {"credential_process", "role_arn", "sso_session", "sso_start_url", "sso_account_id",
                                        "web_identity_token_file", "credential_source", "login_session"};

static const struct {
    const char *name;
    size_t offset;
} settings[] = {
    {"aws_access_key_id", offsetof(struct cmaw_aws_profile, access_key_id)},
    {"aws_secret_access_key", offsetof(struct cmaw_aws_profile, secret_access_key)},
    {"aws_session_token", offsetof(struct cmaw_aws_profile, session_token)},
    {"region", offsetof(struct cmaw_aws_profile, region)},
};

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static struct cmaw_slice trim(struct cmaw_slice text)
{
    while (text.size > 0 && is_blank(text.data[0])) {
        text = cmaw_slice_sub(text, 1, text.size - 1);
    }
    while (text.size > 0 && is_blank(text.data[text.size - 1])) {
        text.size--;
    }
    return text;
}

/* Up to the first byte c, or all of it. */
static struct cmaw_slice before(struct cmaw_slice text, uint8_t c)
{
    const uint8_t *at = text.size == 0 ? NULL : memchr(text.data, c, text.size);
    return at == NULL ? text : cmaw_slice_of(text.data, (size_t)(at - text.data));
}

static struct cmaw_slice after(struct cmaw_slice text, size_t size)
{
    return size >= text.size ? CMAW_SLICE_EMPTY : cmaw_slice_sub(text, size, text.size - size);
}

static struct cmaw_slice without_comment(struct cmaw_slice value)
{
    for (size_t i = 1; i < value.size; i++) {
        if ((value.data[i] == '#' || value.data[i] == ';') && is_blank(value.data[i - 1])) {
            return cmaw_slice_of(value.data, i);
        }
    }
    return value;
}

static bool has_control(struct cmaw_slice line)
{
    for (size_t i = 0; i < line.size; i++) {
        if ((line.data[i] < ' ' && line.data[i] != '\t') || line.data[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

/* True if the text between the brackets names the profile. */
static bool names_profile(struct cmaw_slice section, enum cmaw_aws_file file, const char *name)
{
    const struct cmaw_slice word = CMAW_SLICE_LIT("profile");

    if (file == CMAW_AWS_FILE_CREDENTIALS) {
        return cmaw_slice_eq_cstr(section, name);
    }
    if (section.size > word.size && cmaw_slice_eq(cmaw_slice_sub(section, 0, word.size), word) && is_blank(section.data[word.size])) {
        return cmaw_slice_eq_cstr(trim(after(section, word.size)), name);
    }
    return cmaw_slice_eq_cstr(section, "default") && strcmp(name, "default") == 0;
}

static void take_setting(struct cmaw_aws_profile *profile, struct cmaw_slice key, struct cmaw_slice value)
{
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        if (cmaw_slice_eq_cstr(key, settings[i].name)) {
            *(struct cmaw_slice *)((char *)profile + settings[i].offset) = value;
        }
    }
    for (size_t i = 0; i < sizeof elsewhere / sizeof elsewhere[0]; i++) {
        if (cmaw_slice_eq_cstr(key, elsewhere[i])) {
            profile->unsupported = elsewhere[i];
        }
    }
}

struct state {
    enum cmaw_aws_file file;
    const char *name;
    bool in_section; /* any */
    bool in_profile; /* ours */
    struct cmaw_aws_profile profile;
};

static enum cmaw_err take_section(struct state *state, struct cmaw_slice line)
{
    const struct cmaw_slice section = before(after(line, 1), ']');
    const struct cmaw_slice rest = trim(after(line, section.size + 2));

    CMAW_REQUIRE(section.size + 2 <= line.size, CMAW_E_MALFORMED);
    CMAW_REQUIRE(rest.size == 0 || rest.data[0] == '#' || rest.data[0] == ';', CMAW_E_MALFORMED);
    state->in_section = true;
    state->in_profile = names_profile(trim(section), state->file, state->name);
    state->profile.found = state->profile.found || state->in_profile;
    return CMAW_OK;
}

static enum cmaw_err take_line(struct state *state, struct cmaw_slice line)
{
    if (line.size > 0 && line.data[line.size - 1] == '\r') {
        line.size--;
    }
    CMAW_REQUIRE(!has_control(line), CMAW_E_MALFORMED);
    if (trim(line).size == 0 || line.data[0] == '#' || line.data[0] == ';') {
        return CMAW_OK;
    }
    if (line.data[0] == '[') {
        return take_section(state, line);
    }
    CMAW_REQUIRE(state->in_section, CMAW_E_MALFORMED);
    if (is_blank(line.data[0])) {
        return CMAW_OK; /* of a nested setting, such as those of s3; none of ours has any */
    }
    const struct cmaw_slice key = before(line, '=');
    CMAW_REQUIRE(key.size < line.size && trim(key).size > 0, CMAW_E_MALFORMED);
    if (state->in_profile) {
        take_setting(&state->profile, trim(key), trim(without_comment(after(line, key.size + 1))));
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_aws_profile_read(struct cmaw_slice text, enum cmaw_aws_file file, const char *name,
                                    struct cmaw_aws_profile *ret_profile, unsigned *ret_line)
{
    struct state state = {.file = file, .name = name};

    for (unsigned number = 1; text.size > 0; number++) {
        const struct cmaw_slice line = before(text, '\n');
        text = after(text, line.size + 1);
        if (take_line(&state, line) != CMAW_OK) {
            *ret_line = number;
            return CMAW_E_MALFORMED;
        }
    }
    *ret_profile = state.profile;
    return CMAW_OK;
}
