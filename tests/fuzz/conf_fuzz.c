/* /etc/cmaw/enclave.conf. What is accepted must have the form that the rest of the enclave relies on. */
#include <stdlib.h>
#include <string.h>

#include "enclave/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct cmaw_conf conf;
    if (cmaw_conf_parse(cmaw_slice_of(data, size), &conf) != CMAW_OK) {
        return 0;
    }
    if (conf.agent_args[0] == NULL || conf.agent_args[0][0] != '/' || (conf.kms_host != NULL && conf.kms_host[0] == '\0') ||
        conf.content_type == NULL || conf.limits.memory_mib == 0 || conf.kms_deadline_s == 0 || conf.agent_args[CMAW_CONF_WORDS_MAX] != NULL) {
        abort();
    }
    for (size_t i = 0; conf.agent_env[i] != NULL; i++) {
        if (strchr(conf.agent_env[i], '=') == NULL) {
            abort();
        }
    }
    return 0;
}
