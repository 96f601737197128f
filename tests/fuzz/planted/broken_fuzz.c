/* A parser with a fault that fuzzing finds at once: what runs the targets is tested with it. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 2 && data[0] == '!') {
        abort();
    }
    return 0;
}
