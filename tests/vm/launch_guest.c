/* /init of a guest that tests of cmaw-launch talk to: it beats, logs a line and echoes on port 5000, until it is told to end, or to talk
 * without end. The host is CID 2, as for every guest of vhost-device-vsock. */
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <unistd.h>

static int reach(unsigned port)
{
    const struct sockaddr_vm host = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_HOST, .svm_port = port};
    const int fd = socket(AF_VSOCK, SOCK_STREAM, 0);
    return connect(fd, (const struct sockaddr *)&host, sizeof host) == 0 ? fd : -1;
}

static void flood(void)
{
    static char lines[1 << 16];
    const int log = reach(9001);
    for (size_t i = 0; i < sizeof lines; i++) {
        lines[i] = i % 64 == 63 ? '\n' : 'x';
    }
    for (int i = 0; i < 256 && write(log, lines, sizeof lines) > 0; i++) {
    }
    close(log);
}

static void serve(int fd)
{
    static char text[1 << 18];
    for (ssize_t got; (got = read(fd, text, sizeof text)) > 0;) {
        if (text[0] == 'Q') {
            reboot(RB_AUTOBOOT);
        }
        if (text[0] == 'F') {
            flood();
        }
        if (write(fd, text, (size_t)got) != got) {
            break;
        }
    }
    close(fd);
}

int main(void)
{
    const struct sockaddr_vm self = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = 5000};
    char beat = (char)0xb7;
    mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
    const int console = open("/dev/console", O_WRONLY);
    dprintf(console, "guest: hello\n");
    const int listener = socket(AF_VSOCK, SOCK_STREAM, 0);
    if (bind(listener, (const struct sockaddr *)&self, sizeof self) != 0 || listen(listener, 8) != 0) {
        reboot(RB_AUTOBOOT);
    }
    dprintf(reach(9001), "guest: up\n");
    const int heart = reach(9000);
    if (write(heart, &beat, 1) != 1 || read(heart, &beat, 1) != 1 || beat != (char)0xb7) {
        reboot(RB_AUTOBOOT);
    }
    for (;;) {
        serve(accept(listener, NULL, NULL));
    }
}
