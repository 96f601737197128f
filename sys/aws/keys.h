/* Access keys of an AWS principal, and where programs outside the enclave find them. Secrets are wiped when released. */
#ifndef CMAW_SYS_AWS_KEYS_H
#define CMAW_SYS_AWS_KEYS_H

#include "lib/aws/sigv4.h"
#include "lib/base/diag.h"
#include "lib/base/secret.h"

/* In the order in which AUTO asks them. */
enum cmaw_aws_source { CMAW_AWS_AUTO, CMAW_AWS_ENVIRONMENT, CMAW_AWS_PROFILE, CMAW_AWS_CONTAINER, CMAW_AWS_IMDS };

/* "auto", "environment", "profile", "container", "imds". */
const char *cmaw_aws_source_name(enum cmaw_aws_source source);
/* USAGE on another word. */
enum cmaw_err cmaw_aws_source_parse(const char *text, enum cmaw_aws_source *ret_source, struct cmaw_diag *diag);

struct cmaw_aws_keys {
    enum cmaw_aws_source source;
    char access_key_id[CMAW_AWS_ACCESS_KEY_MAX + 1];
    struct cmaw_secret secret_access_key;
    struct cmaw_buf session_token; /* empty: none */
    int64_t expires_s;             /* since 1970; 0: they do not say */
};

#define CMAW_AWS_KEYS_AUTO(name) [[gnu::cleanup(cmaw_aws_keys_release)]] struct cmaw_aws_keys name = {0}

/* Wipes and releases; empty and usable afterwards. */
void cmaw_aws_keys_release(struct cmaw_aws_keys *keys);
/* Copies the three texts, which are hostile; the caller wipes its own. MALFORMED: they are not of the form that sigv4.h requires;
 * NO_MEMORY. keys must hold none, and holds none after a failure. */
enum cmaw_err cmaw_aws_keys_set(struct cmaw_aws_keys *keys, const struct cmaw_aws_credentials *texts);
enum cmaw_err cmaw_aws_keys_copy(const struct cmaw_aws_keys *from, struct cmaw_aws_keys *ret_keys);
/* True for the same keys, whenever they expire. */
bool cmaw_aws_keys_same(const struct cmaw_aws_keys *a, const struct cmaw_aws_keys *b);
/* For signing; borrowed. */
struct cmaw_aws_credentials cmaw_aws_keys_texts(const struct cmaw_aws_keys *keys);

#endif
