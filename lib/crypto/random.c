#include "lib/crypto/random.h"

#include <errno.h>
#include <sys/random.h>

enum cmaw_err cmaw_random(uint8_t *ret_bytes, size_t size)
{
    size_t done = 0;
    while (done < size) {
        const ssize_t got = getrandom(ret_bytes + done, size - done, 0);
        if (got > 0) {
            done += (size_t)got;
        } else if (errno != EINTR) {
            return CMAW_E_IO;
        }
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_random_secret(size_t size, struct cmaw_secret *ret_secret)
{
    CMAW_SECRET_AUTO(secret);
    CMAW_TRY(cmaw_secret_new(size, &secret));
    CMAW_TRY(cmaw_random(secret.bytes, size));
    *ret_secret = cmaw_secret_take(&secret);
    return CMAW_OK;
}
