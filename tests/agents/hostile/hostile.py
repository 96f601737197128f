"""The hostile agent in Python: hostile.py MODE. Only modules that are in the interpreter itself."""
import sys

import _signal as signal
import _socket
import _thread
import fcntl
import posix
import select
import time

THROUGH = []


def refused(what, call, *args, error=OSError):
    try:
        call(*args)
    except error:
        return
    THROUGH.append(what)


def walls():
    for family in range(48):
        for kind in (1, 2, 3, 5):
            refused(f"socket {family} {kind}", _socket.socket, family, kind)
    for path in ("/proc/1/mem", "/proc/self/environ", "/dev/mem", "/dev/nsm", "/etc/cmaw/enclave.conf", "/../init", "/dev/fd/3"):
        refused(path, posix.open, path, posix.O_RDONLY)
    refused("socketpair", _socket.socketpair)
    refused("name", _socket.sethostname, "other")
    refused("lock", fcntl.flock, 0, fcntl.LOCK_EX)
    refused("record lock", fcntl.lockf, 1, fcntl.LOCK_EX)
    refused("seal", fcntl.fcntl, 1, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE)
    refused("terminal", fcntl.ioctl, 0, 0x5412, b"x")
    refused("user", posix.setuid, 0)
    refused("groups", posix.setgroups, [0])
    refused("root", posix.chroot, "/tmp")
    refused("device", posix.mknod, "/tmp/m", 0o020600, posix.makedev(1, 1))
    refused("memfd", posix.memfd_create, "kept")
    refused("pidfd", posix.pidfd_open, 1)
    refused("scheduler", posix.sched_setscheduler, 0, 1, posix.sched_param(50))
    refused("priority", posix.setpriority, 0, 0, -5)
    refused("splice", posix.splice, 0, 1, 1)
    refused("attribute", posix.setxattr, "/tmp", "user.x", b"x")
    refused("owner", posix.chown, "/tmp", 0, 0)
    refused("mode of the program", posix.chmod, "/hostile.py", 0o777)
    refused("times of a device", posix.utime, "/dev/null")
    refused("file of the root", posix.open, "/x", posix.O_CREAT | posix.O_WRONLY)
    refused("module beside the others", posix.open, "/usr/lib/python3.11/enum.py", posix.O_WRONLY)
    refused("others", posix.kill, 3, signal.SIGKILL)
    refused("clock", time.clock_settime, time.CLOCK_REALTIME, 0)
    refused("memory", bytearray, 256 << 20, error=MemoryError)
    refused("load", posix.getloadavg)
    refused("processors of others", posix.sched_getaffinity, 3)
    for fd in range(3, 64):
        refused(f"descriptor {fd}", posix.fstat, fd)
    print("\n".join(f"{what} got through" for what in THROUGH) or "refused")
    return len(THROUGH) > 0


def threads():
    started = 0
    try:
        while started < 1000:
            _thread.start_new_thread(time.sleep, (100,))
            started += 1
    except RuntimeError:
        pass
    print("refused" if started < 64 else f"{started} threads got through")
    sys.stdout.flush()
    posix._exit(0)


def bomb():
    for number in range(1, 65):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    while True:
        try:
            posix.fork()
        except OSError:
            select.select([], [], [], 0.001)


sys.exit({"walls": walls, "threads": threads, "bomb": bomb}[sys.argv[1]]())
