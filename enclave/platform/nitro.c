/* A machine of our own: AF_VSOCK, /dev/nsm, and a kernel under a bare initramfs (facts/NITRO.md sections 2 and 4). Whose machine
 * it is, is said by platform/host.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <linux/vm_sockets.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "enclave/nsm/nsm.h"
#include "enclave/platform/host.h"
#include "enclave/platform/kernel.h"
#include "enclave/platform/mounts.h"
#include "enclave/platform/platform.h"
#include "lib/base/log.h"

enum { BACKLOG = 64 };

/* NSM_IOCTL_RAW of the driver; native byte order. */
struct nsm_raw {
    uint64_t request;
    uint64_t request_size;
    uint64_t response;
    uint64_t response_size;
};
#define NSM_IOCTL_RAW _IOWR(0x0A, 0, struct nsm_raw)

static int listener = -1;

static enum cmaw_err listen_rpc(void)
{
    const struct sockaddr_vm address = {
        .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = CMAW_PORT_RPC};
    listener = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CMAW_REQUIRE(listener >= 0, CMAW_E_IO);
    CMAW_REQUIRE(bind(listener, (const struct sockaddr *)&address, sizeof address) == 0, CMAW_E_IO);
    return listen(listener, BACKLOG) == 0 ? CMAW_OK : CMAW_E_IO;
}

/* The kernel may have given us its console, or nothing at all: a release image writes to neither. */
static enum cmaw_err open_standard(const char *path)
{
    const int device = open(path, O_RDWR);
    CMAW_REQUIRE(device >= 0, CMAW_E_IO);
    for (int fd = 0; fd < 3; fd++) {
        CMAW_REQUIRE(device == fd || dup2(device, fd) == fd, CMAW_E_IO);
    }
    if (device > 2) {
        close(device);
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_platform_show_console(void)
{
    return open_standard("/dev/console");
}

enum cmaw_err cmaw_platform_start(void)
{
    CMAW_TRY(cmaw_mounts_make());
    CMAW_TRY(open_standard("/dev/null"));
    CMAW_TRY(cmaw_mounts_make_sys());
    CMAW_TRY(cmaw_mounts_leave_rootfs());
    cmaw_kernel_settle("/proc");
    CMAW_TRY(cmaw_kernel_raise_loopback());
    (void)reboot(RB_DISABLE_CAD); /* it is SIGINT to us then */
    return listen_rpc();
}

const char *cmaw_platform_cgroups(void)
{
    return cmaw_mounts_make_cgroups() == CMAW_OK ? CMAW_MOUNTS_CGROUPS : NULL;
}

enum cmaw_err cmaw_platform_connect(uint32_t port, uint32_t timeout_ms, int *ret_fd)
{
    const struct sockaddr_vm address = {.svm_family = AF_VSOCK, .svm_cid = cmaw_host_cid, .svm_port = port};
    const struct timeval timeout = {timeout_ms / 1000, (timeout_ms % 1000) * 1000};
    const int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CMAW_REQUIRE(fd >= 0, CMAW_E_IO);
    if (setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &timeout, sizeof timeout) != 0 ||
        connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        const enum cmaw_err err = errno == ETIMEDOUT ? CMAW_E_TIMEOUT : CMAW_E_UNAVAILABLE;
        close(fd);
        return err;
    }
    *ret_fd = fd;
    return CMAW_OK;
}

enum cmaw_err cmaw_platform_accept(int *ret_fd)
{
    for (;;) {
        const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0) {
            *ret_fd = fd;
            return CMAW_OK;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
            (void)usleep(50000); /* until a connection ends; accept has no event for that */
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return CMAW_E_CLOSED;
        }
    }
}

static enum cmaw_err nsm_ioctl(int device, struct cmaw_slice request, struct cmaw_buf *response)
{
    uint8_t *room = cmaw_buf_extend(response, CMAW_NSM_RESPONSE_MAX);
    CMAW_REQUIRE(room != NULL, CMAW_E_NO_MEMORY);
    struct nsm_raw raw = {(uintptr_t)request.data, request.size, (uintptr_t)room, CMAW_NSM_RESPONSE_MAX};
    CMAW_REQUIRE(ioctl(device, NSM_IOCTL_RAW, &raw) == 0 && raw.response_size <= CMAW_NSM_RESPONSE_MAX, CMAW_E_IO);
    cmaw_buf_truncate(response, response->size - CMAW_NSM_RESPONSE_MAX + (size_t)raw.response_size);
    return CMAW_OK;
}

enum cmaw_err cmaw_platform_nsm_call(void *context, struct cmaw_slice request, struct cmaw_buf *response)
{
    (void)context;
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static int device = -1;
    pthread_mutex_lock(&lock);
    if (device < 0) {
        device = open("/dev/nsm", O_RDWR | O_CLOEXEC);
    }
    const enum cmaw_err err = device >= 0 ? nsm_ioctl(device, request, response) : CMAW_E_IO;
    pthread_mutex_unlock(&lock);
    return err;
}

/* The driver registers a generator that the kernel should be using. It is said if not; what is added here does not need it. */
static void check_generator(void)
{
    static const char wanted[] = "nsm-hwrng\n";
    char name[sizeof wanted] = {0};
    const int fd = open("/sys/class/misc/hw_random/rng_current", O_RDONLY | O_CLOEXEC);
    const ssize_t got = fd < 0 ? -1 : read(fd, name, sizeof name - 1);
    if (fd >= 0) {
        close(fd);
    }
    if (got != sizeof wanted - 1 || strcmp(name, wanted) != 0) {
        cmaw_log(CMAW_LOG_WARN, "boot.generator", "nsm-hwrng=0");
    }
}

enum cmaw_err cmaw_platform_add_entropy(struct cmaw_slice bytes)
{
    static bool checked;
    if (!checked) {
        check_generator();
        checked = true;
    }
    struct {
        int entropy_bits;
        int size;
        uint8_t bytes[CMAW_NSM_RESPONSE_MAX];
    } pool = {0}; /* struct rand_pool_info with room */
    CMAW_REQUIRE(bytes.size <= sizeof pool.bytes, CMAW_E_TOO_LARGE);
    pool.entropy_bits = (int)bytes.size * 8;
    pool.size = (int)bytes.size;
    memcpy(pool.bytes, bytes.data, bytes.size);
    const int device = open("/dev/random", O_RDWR | O_CLOEXEC);
    CMAW_REQUIRE(device >= 0, CMAW_E_IO);
    const int failed = ioctl(device, RNDADDENTROPY, &pool);
    close(device);
    cmaw_wipe(&pool, sizeof pool);
    uint8_t ready = 0; /* the generator must say so itself before any key is made */
    return failed == 0 && getrandom(&ready, sizeof ready, GRND_NONBLOCK) == sizeof ready ? CMAW_OK : CMAW_E_IO;
}

void cmaw_platform_end(int status)
{
    if (getpid() == 1) { /* never the machine of someone who tries it out */
        sync();
        (void)reboot(RB_AUTOBOOT); /* the hypervisor takes it as the end of the enclave; so does QEMU with -no-reboot */
    }
    _exit(status);
}
