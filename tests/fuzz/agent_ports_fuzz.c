/* What an agent with io: proto wrote, as cmaw agent test shows it: every port once, with a name that a file may have. */
#include <stdlib.h>
#include <string.h>

#include "client/agent/ports.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CMAW_BUF_AUTO(text, TEXT_MAX);
    if (cmaw_ports_show_output(cmaw_slice_of(data, size), &text) == CMAW_OK && text.size > 0 && memcmp(text.data, "== ", 3) != 0) {
        abort();
    }
    return 0;
}
