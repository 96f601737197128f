/* Ways out of the sandbox: sockets, mounts, namespaces, devices. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "hostile.h"

int mode_sockets(void)
{
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_RDM};
    char what[32];
    for (int family = 0; family < 48; family++) { /* of every kind that there is: vsock is 40 */
        int pair[2];
        (void)snprintf(what, sizeof what, "socket of family %d", family);
        for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
            FORBIDDEN(what, socket(family, types[i], 0));
        }
        FORBIDDEN(what, socketpair(family, SOCK_STREAM, 0, pair));
    }
    for (int protocol = 0; protocol < 24; protocol++) {
        FORBIDDEN("netlink", socket(AF_NETLINK, SOCK_RAW, protocol));
    }
    return verdict();
}

int mode_socket_calls(void)
{
    static const struct { const char *name; long number; } calls[] = {
        {"connect", SYS_connect}, {"bind", SYS_bind}, {"listen", SYS_listen}, {"accept", SYS_accept}, {"accept4", SYS_accept4},
        {"sendto", SYS_sendto}, {"recvfrom", SYS_recvfrom}, {"sendmsg", SYS_sendmsg}, {"recvmsg", SYS_recvmsg},
        {"sendmmsg", SYS_sendmmsg}, {"recvmmsg", SYS_recvmmsg}, {"getsockopt", SYS_getsockopt}, {"setsockopt", SYS_setsockopt},
        {"getsockname", SYS_getsockname}, {"getpeername", SYS_getpeername}, {"shutdown", SYS_shutdown}};
    for (int fd = 0; fd < 16; fd++) {
        for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
            FORBIDDEN(calls[i].name, syscall(calls[i].number, fd, 0, 0, 0, 0, 0));
        }
    }
    return verdict();
}

#ifdef __x86_64__
enum { X32 = 0x40000000, I386_SOCKETCALL = 102, I386_SOCKET = 359, I386_GETPID = 20 };

static void by_x32(void)
{
    (void)syscall(X32 | SYS_socket, 40, SOCK_STREAM, 0);
}

static void by_x32_harmless(void)
{
    (void)syscall(X32 | SYS_getpid);
}

static void by_i386(int number)
{
    long result = number;
    __asm__ volatile("int $0x80" : "+a"(result) : "b"(40L), "c"(1L), "d"(0L) : "memory", "r8", "r9", "r10", "r11");
}

static void by_i386_socket(void)
{
    by_i386(I386_SOCKET);
}

static void by_i386_socketcall(void)
{
    by_i386(I386_SOCKETCALL);
}

static void by_i386_harmless(void)
{
    by_i386(I386_GETPID);
}

/* The numbers of other calling conventions would mean other calls: a filter that does not look is walked around. */
int mode_other_abi(void)
{
    attempt_deadly("x32 socket", by_x32);
    attempt_deadly("x32 getpid", by_x32_harmless);
    attempt_deadly("i386 socket", by_i386_socket);
    attempt_deadly("i386 socketcall", by_i386_socketcall);
    attempt_deadly("i386 getpid", by_i386_harmless);
    return verdict();
}
#else
int mode_other_abi(void)
{
    return verdict(); /* no kernel of another machine has a second convention that Nitro's could be built with */
}
#endif

int mode_mount(void)
{
    FORBIDDEN("mount tmpfs", mount("tmpfs", "/tmp", "tmpfs", 0, NULL));
    FORBIDDEN("mount proc", mount("proc", "/tmp", "proc", 0, NULL));
    FORBIDDEN("mount devtmpfs", mount("devtmpfs", "/tmp", "devtmpfs", 0, NULL));
    FORBIDDEN("mount sysfs", mount("sysfs", "/tmp", "sysfs", 0, NULL));
    FORBIDDEN("mount cgroup2", mount("cgroup2", "/tmp", "cgroup2", 0, NULL));
    FORBIDDEN("mount mqueue", mount("mqueue", "/tmp", "mqueue", 0, NULL));
    FORBIDDEN("bind /", mount("/", "/tmp", NULL, MS_BIND | MS_REC, NULL));
    FORBIDDEN("remount / writable", mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL));
    FORBIDDEN("remount /tmp", mount(NULL, "/tmp", NULL, MS_REMOUNT, "size=1g"));
    FORBIDDEN("share /", mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL));
    FORBIDDEN("umount /dev", umount2("/dev", MNT_DETACH));
    FORBIDDEN("umount /", umount2("/", MNT_DETACH));
    FORBIDDEN("umount /tmp", umount2("/tmp", 0));
    FORBIDDEN("pivot_root", syscall(SYS_pivot_root, ".", "."));
    FORBIDDEN("chroot", chroot("/tmp"));
    FORBIDDEN("open_tree", syscall(SYS_open_tree, -100, "/", 1));
    FORBIDDEN("move_mount", syscall(SYS_move_mount, -100, "/", -100, "/tmp", 0));
    FORBIDDEN("fsopen", syscall(SYS_fsopen, "tmpfs", 0));
    FORBIDDEN("fsconfig", syscall(SYS_fsconfig, 0, 0, NULL, NULL, 0));
    FORBIDDEN("fsmount", syscall(SYS_fsmount, 0, 0, 0));
    FORBIDDEN("fspick", syscall(SYS_fspick, -100, "/", 0));
    FORBIDDEN("mount_setattr", syscall(SYS_mount_setattr, -100, "/", 0, NULL, 0));
    return verdict();
}

int mode_namespaces(void)
{
    static const int kinds[] = {CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET,
                                CLONE_NEWUSER | CLONE_NEWNS, CLONE_NEWUSER | CLONE_NEWNET};
    char what[48];
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        (void)snprintf(what, sizeof what, "unshare %x", (unsigned)kinds[i]);
        FORBIDDEN(what, unshare(kinds[i]));
        (void)snprintf(what, sizeof what, "clone %x", (unsigned)kinds[i]);
        const long pid = syscall(SYS_clone, (unsigned long)kinds[i] | SIGCHLD, NULL, NULL, NULL, 0);
        if (pid == 0) {
            _exit(0);
        }
        attempt(EPERM, what, pid);
        for (int fd = 0; fd < 3; fd++) {
            FORBIDDEN("setns", setns(fd, kinds[i]));
        }
    }
    FORBIDDEN("unshare files", unshare(CLONE_FILES));
    const long pid = syscall(SYS_clone, CLONE_PTRACE | SIGCHLD, NULL, NULL, NULL, 0);
    if (pid == 0) {
        _exit(0);
    }
    attempt(EPERM, "clone for a tracer", pid);
    attempt(ENOSYS, "clone3", syscall(SYS_clone3, NULL, 0)); /* so that libraries use clone, whose flags can be seen */
    return verdict();
}

/* The agent's own files are those of the next step too. */
int mode_root(void)
{
    static const char *const folders[] = {"/", "/bin/", "/dev/"};
    char path[64];
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        (void)snprintf(path, sizeof path, "%sx", folders[i]);
        attempt(EROFS, path, open(path, O_CREAT | O_WRONLY, 0600));
        attempt(EROFS, path, mkdir(path, 0700));
        attempt(EROFS, path, symlink("/tmp", path));
        attempt(ANY_ERRNO, path, link("/bin/agent", path));
        attempt(ANY_ERRNO, path, rename("/bin/agent", path));
        attempt(ANY_ERRNO, path, open(folders[i], O_TMPFILE | O_RDWR, 0600));
        attempt(EROFS, folders[i], chmod(folders[i], 0777));
    }
    attempt(ANY_ERRNO, "write to the program", open("/bin/agent", O_WRONLY));
    attempt(ANY_ERRNO, "truncate the program", truncate("/bin/agent", 0));
    attempt(EROFS, "remove the program", unlink("/bin/agent"));
    attempt(EROFS, "mode of the program", chmod("/bin/agent", 04777));
    attempt(EROFS, "remove a device", unlink("/dev/null"));
    attempt(EROFS, "remove /bin", rmdir("/bin"));
    FORBIDDEN("owner of the program", chown("/bin/agent", 1000, 1000));
    FORBIDDEN("attribute of the program", syscall(SYS_setxattr, "/bin/agent", "user.x", "x", 1, 0));
    return verdict();
}

int mode_nsm(void)
{
    static const char *const names[] = {"/dev/nsm", "/tmp/../dev/nsm", "/dev/../../dev/nsm", "/tmp/dev/nsm", "/proc/self/root/dev/nsm",
                                        "/sys/class/misc/nsm", "/dev/char/10:144", "/dev/hwrng", "/dev/random", "/dev/console", "/dev/tty"};
    attempt(ANY_ERRNO, "link", symlink("/../dev", "/tmp/dev") == 0 ? -1 : 0);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        attempt(ENOENT, names[i], open(names[i], O_RDWR));
    }
    for (unsigned minor = 0; minor < 256; minor++) { /* misc devices have major 10 */
        FORBIDDEN("mknod", mknod("/tmp/nsm", S_IFCHR | 0600, makedev(10, minor)));
        FORBIDDEN("mknodat", syscall(SYS_mknodat, -100, "/tmp/nsm", S_IFCHR | 0600, makedev(10, minor)));
    }
    FORBIDDEN("mknod of memory", mknod("/tmp/mem", S_IFCHR | 0600, makedev(1, 1)));
    FORBIDDEN("mknod of a disk", mknod("/tmp/disk", S_IFBLK | 0600, makedev(8, 0)));
    return verdict();
}
