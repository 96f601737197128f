/* The smallest agent: gives back what it reads. */
#include <unistd.h>

int main(void)
{
    static char block[65536];
    ssize_t got;
    while ((got = read(0, block, sizeof block)) > 0) {
        for (ssize_t done = 0; done < got;) {
            const ssize_t written = write(1, block + done, (size_t)(got - done));
            if (written <= 0) {
                return 1;
            }
            done += written;
        }
    }
    return got == 0 ? 0 : 1;
}
