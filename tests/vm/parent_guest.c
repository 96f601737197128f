/* /init of a guest that stands where the parent instance of a Nitro enclave is: CID 3, beside an enclave of CID 4. What the enclave
 * asks of its parent goes on to the host's same port; what the host asks of the parent's RPC port goes on to the enclave's. */
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ENCLAVE_CID = 4, PORTS = 4 };

static const struct relay {
    unsigned port, to_cid;
} relays[PORTS] = {{5000, ENCLAVE_CID}, {8000, VMADDR_CID_HOST}, {9000, VMADDR_CID_HOST}, {9001, VMADDR_CID_HOST}};

static struct sockaddr_vm address(unsigned cid, unsigned port)
{
    return (struct sockaddr_vm){.svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port};
}

static int serve(unsigned port)
{
    const struct sockaddr_vm self = address(VMADDR_CID_ANY, port);
    const int fd = socket(AF_VSOCK, SOCK_STREAM, 0);
    if (bind(fd, (const struct sockaddr *)&self, sizeof self) != 0 || listen(fd, 64) != 0) {
        printf("parent: cannot listen\n");
        reboot(RB_AUTOBOOT);
    }
    return fd;
}

static void copy(int from, int to)
{
    static char block[1 << 14];
    for (ssize_t got; (got = read(from, block, sizeof block)) > 0;) {
        for (ssize_t done = 0, put; done < got; done += put) {
            if ((put = write(to, block + done, (size_t)(got - done))) <= 0) {
                _exit(1);
            }
        }
    }
    shutdown(to, SHUT_WR);
    _exit(0);
}

static void relay(int fd, const struct relay *where)
{
    const struct sockaddr_vm target = address(where->to_cid, where->port);
    const int other = socket(AF_VSOCK, SOCK_STREAM, 0);
    if (connect(other, (const struct sockaddr *)&target, sizeof target) == 0) {
        if (fork() == 0) {
            copy(other, fd);
        }
        copy(fd, other);
    }
    _exit(1);
}

int main(void)
{
    struct pollfd listeners[PORTS];
    mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
    dup2(open("/dev/console", O_WRONLY), STDOUT_FILENO);
    signal(SIGCHLD, SIG_IGN);
    for (int i = 0; i < PORTS; i++) {
        listeners[i] = (struct pollfd){serve(relays[i].port), POLLIN, 0};
    }
    printf("parent: ready\n");
    fflush(stdout);
    while (poll(listeners, PORTS, -1) > 0) {
        for (int i = 0; i < PORTS; i++) {
            const int fd = (listeners[i].revents & POLLIN) != 0 ? accept(listeners[i].fd, NULL, NULL) : -1;
            if (fd >= 0 && fork() == 0) {
                relay(fd, &relays[i]);
            }
            close(fd);
        }
    }
}
