#include "sys/aws/keys.h"

#include <string.h>

static const char *const names[] = {"auto", "environment", "profile", "container", "imds"};

const char *cmaw_aws_source_name(enum cmaw_aws_source source)
{
    return names[source];
}

enum cmaw_err cmaw_aws_source_parse(const char *text, enum cmaw_aws_source *ret_source, struct cmaw_diag *diag)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(text, names[i]) == 0) {
            *ret_source = (enum cmaw_aws_source)i;
            return CMAW_OK;
        }
    }
    cmaw_diag_hint(diag, "auto, environment, profile, container or imds");
    return cmaw_diag_set(diag, CMAW_E_USAGE, "there is no source of credentials %.40s", text);
}

void cmaw_aws_keys_release(struct cmaw_aws_keys *keys)
{
    cmaw_secret_release(&keys->secret_access_key);
    cmaw_buf_free(&keys->session_token);
    *keys = (struct cmaw_aws_keys){0};
}

static enum cmaw_err set(struct cmaw_aws_keys *keys, const struct cmaw_aws_credentials *texts)
{
    CMAW_TRY(cmaw_aws_credentials_check(texts));
    CMAW_TRY(cmaw_slice_to_cstr(texts->access_key_id, keys->access_key_id, sizeof keys->access_key_id));
    CMAW_TRY(cmaw_secret_copy(texts->secret_access_key, &keys->secret_access_key));
    keys->session_token = CMAW_BUF(CMAW_AWS_TOKEN_MAX);
    cmaw_buf_put(&keys->session_token, texts->session_token);
    return cmaw_buf_err(&keys->session_token);
}

enum cmaw_err cmaw_aws_keys_set(struct cmaw_aws_keys *keys, const struct cmaw_aws_credentials *texts)
{
    const enum cmaw_err err = set(keys, texts);
    if (err != CMAW_OK) {
        cmaw_aws_keys_release(keys);
    }
    return err;
}

enum cmaw_err cmaw_aws_keys_copy(const struct cmaw_aws_keys *from, struct cmaw_aws_keys *ret_keys)
{
    CMAW_AWS_KEYS_AUTO(copy);
    const struct cmaw_aws_credentials texts = cmaw_aws_keys_texts(from);

    CMAW_TRY(cmaw_aws_keys_set(&copy, &texts));
    copy.source = from->source;
    copy.expires_s = from->expires_s;
    *ret_keys = copy;
    copy = (struct cmaw_aws_keys){0};
    return CMAW_OK;
}

bool cmaw_aws_keys_same(const struct cmaw_aws_keys *a, const struct cmaw_aws_keys *b)
{
    return strcmp(a->access_key_id, b->access_key_id) == 0 && cmaw_secret_eq(&a->secret_access_key, &b->secret_access_key) &&
           cmaw_ct_eq(cmaw_buf_slice(&a->session_token), cmaw_buf_slice(&b->session_token));
}

struct cmaw_aws_credentials cmaw_aws_keys_texts(const struct cmaw_aws_keys *keys)
{
    return (struct cmaw_aws_credentials){cmaw_slice_of_cstr(keys->access_key_id), cmaw_secret_slice(&keys->secret_access_key),
                                         cmaw_buf_slice(&keys->session_token)};
}
