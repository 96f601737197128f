// The smallest init that uses what the virtual machine's tools are for: the console, /dev/nsm, and vsock both ways. test_boot.py is
// its host.
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct nsm_message {
    uint64_t request, request_length, response, response_length;
};

static void ask_nsm(void) {
    static const char describe[] = "\x6b"
                                   "DescribeNSM";
    static char answer[0x3000];
    struct nsm_message message = {(uintptr_t)describe, sizeof describe - 1, (uintptr_t)answer, sizeof answer};
    int fd = open("/dev/nsm", O_RDWR | O_CLOEXEC);
    int failed = fd < 0 || ioctl(fd, _IOWR(0x0A, 0, struct nsm_message), &message) != 0;
    printf("nsm: %s\n", failed ? "failed" : memmem(answer, message.response_length, "module_id", 9) ? "DescribeNSM" : "no answer");
}

static struct sockaddr_vm address(unsigned cid, unsigned port) {
    return (struct sockaddr_vm){.svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port};
}

static void beat(void) {
    struct sockaddr_vm host = address(VMADDR_CID_HOST, 9000);
    unsigned char byte = 0xb7, back = 0;
    int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int failed = connect(fd, (struct sockaddr *)&host, sizeof host) || write(fd, &byte, 1) != 1 || read(fd, &back, 1) != 1;
    printf("heartbeat: %s\n", !failed && back == byte ? "answered" : "failed");
}

// gives back what the host sends, until it ends
static void echo(void) {
    struct sockaddr_vm any = address(VMADDR_CID_ANY, 5000);
    int listener = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&any, sizeof any) != 0 || listen(listener, 1) != 0) return;
    printf("listening\n");
    int fd = accept(listener, NULL, NULL);
    char bytes[4096];
    ssize_t got;
    while ((got = read(fd, bytes, sizeof bytes)) > 0)
        if (write(fd, bytes, (size_t)got) != got) break;
    close(fd);
}

int main(void) {
    mount("dev", "/dev", "devtmpfs", 0, NULL);
    int console = open("/dev/console", O_RDWR);
    dup2(console, 1);
    setvbuf(stdout, NULL, _IOLBF, 0);
    ask_nsm();
    beat();
    echo();
    printf("done\n");
    reboot(RB_AUTOBOOT);
}
