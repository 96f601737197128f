/* Every entry that is read has a clean name and content inside the archive, and can be written again. */
#include <stdlib.h>
#include <string.h>

#include "sys/cpio.h"
#include "sys/gzip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { UNPACKED_MAX = 1 << 20 };

static void check(struct cmaw_slice archive)
{
    struct cmaw_cpio cpio = cmaw_cpio_of(archive);
    static struct cmaw_cpio_entry entry;
    for (bool more = true; more;) {
        if (cmaw_cpio_next(&cpio, &more, &entry) != CMAW_OK) {
            if (cmaw_cpio_next(&cpio, &more, &entry) == CMAW_OK) {
                abort(); /* a failure has to stay */
            }
            return;
        }
        if (more && (!cmaw_cpio_name_is_clean(cmaw_slice_of_cstr(entry.name)) ||
                     (entry.content.size > 0 && (entry.content.data < archive.data || entry.content.data + entry.content.size > archive.data + archive.size)))) {
            abort();
        }
        CMAW_BUF_AUTO(again, UNPACKED_MAX);
        if (more && entry.content.size < UNPACKED_MAX / 2 && cmaw_cpio_put(&again, &entry, 1) != CMAW_OK) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CMAW_BUF_AUTO(unpacked, UNPACKED_MAX);
    check(cmaw_slice_of(data, size));
    if (cmaw_gzip_is(cmaw_slice_of(data, size)) && cmaw_gzip_read(cmaw_slice_of(data, size), &unpacked) == CMAW_OK) {
        check(cmaw_buf_slice(&unpacked));
    }
    return 0;
}
