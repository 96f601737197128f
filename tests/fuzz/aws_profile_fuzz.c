/* Shared profile files and the answers of credential services. What is taken from a file lies in it; keys have the form that signing
 * relies on. */
#include <stdlib.h>

#include "sys/aws/answer.h"
#include "sys/aws/profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct cmaw_slice part, struct cmaw_slice text)
{
    if (part.size > 0 && (part.data < text.data || part.data + part.size > text.data + text.size)) {
        abort();
    }
}

static void try_profile(struct cmaw_slice text, enum cmaw_aws_file file)
{
    struct cmaw_aws_profile profile;
    unsigned line = 0;

    if (cmaw_aws_profile_read(text, file, "default", &profile, &line) != CMAW_OK) {
        if (line == 0) {
            abort();
        }
        return;
    }
    check_inside(profile.access_key_id, text);
    check_inside(profile.secret_access_key, text);
    check_inside(profile.session_token, text);
    check_inside(profile.region, text);
    if (!profile.found && (profile.access_key_id.size > 0 || profile.region.size > 0 || profile.unsupported != NULL)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct cmaw_slice text = cmaw_slice_of(data, size);
    CMAW_AWS_KEYS_AUTO(keys);
    struct cmaw_diag diag = {0};

    try_profile(text, CMAW_AWS_FILE_CREDENTIALS);
    try_profile(text, CMAW_AWS_FILE_CONFIG);
    if (cmaw_aws_answer_parse(text, &keys, &diag) == CMAW_OK) {
        const struct cmaw_aws_credentials texts = cmaw_aws_keys_texts(&keys);
        if (cmaw_aws_credentials_check(&texts) != CMAW_OK) {
            abort();
        }
    }
    return 0;
}
