"""The virtual machine's tools by hand: QEMU and vhost-device-vsock with none of our programs around them."""
import contextlib
import os
import pathlib
import socket
import subprocess
import typing

import eif

TOOLS = pathlib.Path(os.environ["CMAW_VM"])
COMMAND_LINE = b"reboot=t panic=-1 pci=off nomodules random.trust_cpu=on rootfstype=ramfs console=ttyS0"
WAIT = 300  # seconds until something that never comes is given up; nothing is measured by it


def listen(path):
    listener = socket.socket(socket.AF_UNIX)
    listener.settimeout(WAIT)
    listener.bind(str(path))
    listener.listen(1)
    return listener


def beat(listener):
    """The host's half of the heartbeat."""
    stream, _ = listener.accept()
    with stream:
        assert stream.recv(1) == b"\xb7"
        stream.sendall(b"\xb7")


def connect(path, port):
    """A connection to a port of the guest, which has to listen there."""
    stream = socket.socket(socket.AF_UNIX)
    stream.settimeout(WAIT)
    stream.connect(str(path))
    stream.sendall(b"CONNECT %d\n" % port)
    answer = b""
    while not answer.endswith(b"\n"):
        answer += stream.recv(1)
    assert answer.startswith(b"OK "), answer
    return stream


@contextlib.contextmanager
def ended_with(process):
    try:
        yield process
    finally:
        process.kill()
        process.wait()


class Guest(typing.NamedTuple):
    """One of the guests of a vhost-device-vsock: those of one can reach one another. The host reaches its ports through folder/name."""
    folder: pathlib.Path
    name: str = "vsock"
    cid: int = 4

    @property
    def ports(self):
        return self.folder / self.name

    @property
    def backend(self):
        return self.folder / f"{self.name}-backend"


@contextlib.contextmanager
def vsock_of(*guests):
    """32 KiB: a guest that sends longer packets stalls."""
    vms = [f"guest-cid={g.cid},socket={g.backend},uds-path={g.ports},tx-buffer-size=32768" for g in guests]
    with ended_with(subprocess.Popen([TOOLS / "vhost-device-vsock", *(word for vm in vms for word in ("--vm", vm))], stderr=subprocess.DEVNULL)) as vsock:
        while not all(guest.backend.exists() for guest in guests):
            assert vsock.poll() is None, "vhost-device-vsock ended"
        yield


@contextlib.contextmanager
def booted(guest, image, memory=64):
    """A machine that boots the image; what it writes to its console is its standard output."""
    command = [TOOLS / "qemu-system-x86_64", "-M", "nitro-enclave,vsock=c,id=i-0a-enc01", "-accel", "tcg", "-cpu", "max", "-m", str(memory),
               "-kernel", image, "-chardev", f"socket,id=c,path={guest.backend}", "-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot"]
    with ended_with(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)) as machine:
        yield machine


@contextlib.contextmanager
def running(folder, image, memory=64):
    """A machine that nobody is beside."""
    with vsock_of(Guest(folder)), booted(Guest(folder), image, memory) as machine:
        yield machine


def build(folder, source, command_line=COMMAND_LINE):
    """An image around one static C file as its /init."""
    init, image = folder / source.stem, folder / f"{source.stem}.eif"
    subprocess.run(["cc", "-O2", "-static", "-D_GNU_SOURCE", "-o", init, source], check=True)
    ramdisk = eif.cpio([("dev", eif.DIRECTORY, b""), ("init", eif.FILE | 0o755, init.read_bytes())])
    image.write_bytes(eif.write([(eif.KERNEL, (TOOLS / "bzImage").read_bytes()), (eif.CMDLINE, command_line), (eif.METADATA, b"{}"), (eif.RAMDISK, ramdisk)]))
    return image
