/* What nitro-cli and the parent's files say: answers, codes of errors, lists of processors. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "host/launch/nitro_answer.h"
#include "host/launch/nitro_pool.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct launch_nitro_seen seen[LAUNCH_NITRO_SEEN_MAX];
    static uint16_t cpus[LAUNCH_CPUS_MAX];
    const struct cmaw_slice text = cmaw_slice_of(data, size);
    size_t count = 0;
    /* whatever is taken can be given back as an argument */
    if (cmaw_launch_nitro_read_run(text, &seen[0]) == CMAW_OK && (strncmp(seen[0].enclave.id, "i-", 2) != 0 || seen[0].enclave.process < 2)) {
        abort();
    }
    if (cmaw_launch_nitro_read_all(text, seen, &count) == CMAW_OK && count > LAUNCH_NITRO_SEEN_MAX) {
        abort();
    }
    (void)cmaw_launch_nitro_read_terminated(text);
    struct cmaw_diag diag = {0};
    const struct launch_nitro_failure failure = {size > 0 ? data[0] : 0, text, size % 2 == 1};
    if (cmaw_launch_nitro_explain("run-enclave", &failure, &diag) == CMAW_OK || diag.text[0] == '\0') {
        abort();
    }
    count = 0;
    if (cmaw_launch_cpu_list_read(text, cpus, &count) == CMAW_OK && count > LAUNCH_CPUS_MAX) {
        abort();
    }
    return 0;
}
